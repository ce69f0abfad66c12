#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/advice/index_advice.hpp"
#include "shard_map/contains_name.hpp"

namespace shardplex {

Advised advise_whole_reads(const Survey& survey, const AdviceBounds& bounds,
                           const std::vector<std::string>& known) {
  Advised out;
  std::set<std::string> tables;
  for (const auto& shard : survey.shards)
    for (const auto& [table, facts] : shard.tables) tables.insert(table);
  for (const auto& table : tables) {
    const auto rows = most_rows(survey, table);
    const auto use = use_of(survey, table);
    if (contains_name(known, table) || !rows || *rows < rows_worth_an_index) continue;
    if (use.whole_reads < std::max<std::uint64_t>(bounds.least_calls, 1)) continue;
    const auto each = use.rows_of_those / use.whole_reads;
    if (each < *rows / 2) continue;
    Advice advice{AdviceKind::whole_reads,
                  table,
                  "Table " + table + " is read from its first page to its last again and again.",
                  {},
                  {},
                  {}};
    advice.evidence.push_back({"pg_stat_user_tables of " + counted(servers_heard(survey), "server"),
                               counted(use.whole_reads, "sequential scan") + " of " + counted(each, "row") +
                                   " each, beside " + counted(use.index_scans, "index scan"),
                               counted_since(survey)});
    advice.evidence.push_back(
        {"pg_class of all shards that answered", "up to " + counted(*rows, "row") + " on a shard", ""});
    advice.costs =
        "Looking costs nothing. Backups, `shardplex verify`, counts and plans by rows read tables whole as "
        "well, and no index changes that.";
    advice.steps.push_back({{}, "shardplex advise --map FILE --router URL"});
    advice.steps.push_back({{}, "shardplex queries --map FILE"});
    out.advice.push_back(std::move(advice));
  }
  return out;
}

}  // namespace shardplex
