#include "query/advice/advice.hpp"

namespace shardplex {

std::string_view to_string(AdviceKind kind) {
  switch (kind) {
    case AdviceKind::invalid_index:
      return "invalid_index";
    case AdviceKind::index_on_some_shards:
      return "index_on_some_shards";
    case AdviceKind::duplicate_index:
      return "duplicate_index";
    case AdviceKind::unused_index:
      return "unused_index";
    case AdviceKind::missing_index:
      return "missing_index";
    case AdviceKind::whole_reads:
      return "whole_reads";
    case AdviceKind::shard_key:
      return "shard_key";
    case AdviceKind::related_elsewhere:
      return "related_elsewhere";
    case AdviceKind::reference_table:
      return "reference_table";
    case AdviceKind::collation:
      return "collation";
    case AdviceKind::uneven_load:
      return "uneven_load";
    case AdviceKind::hot_slot:
      return "hot_slot";
  }
  return "";
}

std::string in_megabytes(std::uint64_t bytes) {
  const auto tenths = (bytes + 50'000) / 100'000;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " MB";
}

std::string counted(std::uint64_t count, std::string_view one) {
  auto text = std::to_string(count) + ' ' + std::string(one);
  if (count != 1) text += 's';
  return text;
}

}  // namespace shardplex
