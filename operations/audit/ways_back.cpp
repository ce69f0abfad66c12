#include "operations/audit/ways_back.hpp"

#include "operations/import/run.hpp"
#include "operations/move/journal.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

std::optional<ReversibleImport> read_reversible_import(const ShardMap& map) try {
  auto entry = find_import(map);
  if (!entry || !is_reversible(entry->phase)) return std::nullopt;
  ReversibleImport import{*std::move(entry), {}};
  if (import.entry.phase != ImportPhase::returning)
    import.rows = read_way_back_rows(map, import.entry, import.entry.source);
  return import;
} catch (const std::exception&) {
  return std::nullopt;  // the first shard has no primary, or not any more
}

}  // namespace

WaysBack read_ways_back(const ShardMap& map) {
  return {read_cluster_journal(map, false).broken_ways_back, read_reversible_import(map)};
}

std::vector<std::string> problems_of(const ReversibleImport& import) {
  std::vector<std::string> problems;
  for (const auto& row : import.rows)
    for (const auto& problem : row.problems) problems.push_back(row.shard + ": " + problem);
  return problems;
}

std::string to_string(const ReversibleImport& import) {
  const std::string what = "import " + import.entry.id + " from " + address_of(import.entry.source);
  switch (import.entry.phase) {
    case ImportPhase::reversing:
      return what + " is being reversed, or its reversal has died: 'shardplex import reverse' goes on";
    case ImportPhase::returning:
      return what + " was reversed, and that is not complete: 'shardplex import reverse' goes on";
    default:
      return what +
             " can be reversed: 'shardplex import reverse' goes back to its source, 'import finish' ends "
             "that; until then no slots move, and shards keep the log that the source has not got";
  }
}

std::vector<std::string> warnings_of(const WaysBack& ways) {
  std::vector<std::string> warnings;
  for (const auto& [move, problem] : ways.broken_moves)
    warnings.push_back("move " + move + ": there is no way back: " + problem +
                       "; 'rebalance reverse' would be refused, 'rebalance finish' works");
  if (ways.import)
    for (const auto& problem : problems_of(*ways.import))
      warnings.push_back("import " + ways.import->entry.id + ": there is no way back: " + problem +
                         "; 'import reverse' would be refused until that is mended, 'import finish' works");
  return warnings;
}

}  // namespace shardplex::operations
