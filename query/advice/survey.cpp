#include "query/advice/survey.hpp"

#include <algorithm>

namespace shardplex {

TableUse use_of(const Survey& survey, const std::string& table) {
  TableUse sum;
  for (const auto& shard : survey.shards) {
    for (const auto& use : shard.uses) {
      const auto found = use.tables.find(table);
      if (found == use.tables.end()) continue;
      sum.whole_reads += found->second.whole_reads;
      sum.rows_of_those += found->second.rows_of_those;
      sum.index_scans += found->second.index_scans;
      sum.writes += found->second.writes;
    }
  }
  return sum;
}

std::optional<std::uint64_t> most_rows(const Survey& survey, const std::string& table) {
  std::optional<std::uint64_t> most;
  for (const auto& shard : survey.shards) {
    const auto found = shard.tables.find(table);
    if (found == shard.tables.end() || !found->second.rows) continue;
    most = std::max(most.value_or(0), *found->second.rows);
  }
  return most;
}

std::string counted_since(const Survey& survey) {
  std::string latest;
  for (const auto& shard : survey.shards)
    for (const auto& use : shard.uses) latest = std::max(latest, use.since);
  return latest;
}

std::size_t servers_heard(const Survey& survey) {
  std::size_t heard = 0;
  for (const auto& shard : survey.shards) heard += shard.uses.size();
  return heard;
}

}  // namespace shardplex
