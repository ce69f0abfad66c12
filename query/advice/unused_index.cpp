#include "query/advice/unused_index.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

/// Why nothing can be said of what the shards do not use; "" where it can.
std::string why_not_known(const Survey& survey, const SharedIndex& shared, const AdviceBounds& bounds) {
  for (const auto& shard : survey.shards)
    if (!shard.known) return "which indexes are not used: no server of " + shard.name + " answered";
  for (const auto* shard : shared.shards)
    if (!shard->silent.empty())
      return "which indexes are not used: " + joined(shard->silent) +
             " did not answer, and may have used those of " + shard->name;
  for (const auto* shard : shared.shards)
    for (const auto& use : shard->uses)
      if (use.days < bounds.least_days)
        return "which indexes are not used: " + use.server + " has counted since " + use.since +
               " only (--min-days says what is enough)";
  return "";
}

Advice about_unused(const Survey& survey, const SharedIndex& shared, const TableUse& use) {
  const auto& index = *shared.index;
  Advice advice{AdviceKind::unused_index,
                index.table,
                "No server has used index " + index.name + " of " + index.table + '.',
                {},
                {},
                {}};
  std::size_t servers = 0;
  for (const auto* shard : shared.shards) servers += shard->uses.size();
  advice.evidence.push_back(
      {"pg_stat_user_indexes of " + counted(servers, "server"),
       "0 scans of it, which has " + in_megabytes(shared.bytes()) + " on " + joined(shared.names()),
       counted_since(survey)});
  advice.evidence.push_back({"pg_stat_user_tables of " + counted(servers_heard(survey), "server"),
                             index.table + ": " + counted(use.whole_reads + use.index_scans, "scan") +
                                 " without it, and " + counted(use.writes, "row") +
                                 " written, each of which may have written it too",
                             counted_since(survey)});
  advice.costs =
      "Whatever uses it less often than since then will read the table: a yearly report, or deletes of "
      "rows that a foreign key of these columns leads to. An index that was made meanwhile looks so too, "
      "as PostgreSQL does not say when that was. To make it again: " +
      create_index_sql(index, index.name);
  advice.steps.push_back({shared.names(), drop_index_sql(index)});
  return advice;
}

/// Why nothing can be said of this index, which has no scans; "" where it can.
std::string why_index_is_not_judged(const Survey& survey, const SharedIndex& shared, const TableUse& use,
                                    const IndexUseRules& rules) {
  const auto& index = *shared.index;
  const auto scans = use.whole_reads + use.index_scans;
  if (scans < rules.bounds.least_calls)
    return "which indexes of " + index.table + " are not used: " + counted(scans, "scan") +
           " of it were counted, and --min-calls asks for " + std::to_string(rules.bounds.least_calls);
  for (const auto* one : shared.each)
    if (one->days && *one->days < rules.bounds.least_days)
      return "whether index " + index.name + " of " + index.table + " is used: it was made since";
  if (!index.columns.empty() && rules.asked.contains({index.table, index.columns.front()}))
    return "whether index " + index.name + " of " + index.table +
           " is used: it has no scans, and requests ask by " + index.columns.front() +
           ", so it may have been made since, or the planner does not choose it";
  return why_not_known(survey, shared, rules.bounds);
}

}  // namespace

Advised advise_unused(const Survey& survey, const IndexUseRules& rules, IndexNames& named) {
  Advised out;
  std::set<std::string> reasons;
  for (const auto& [name, shared] : indexes_by_name(survey)) {
    const auto& index = *shared.index;
    const bool candidate =
        !named.contains(name) && !rules.kept.contains(name) && !index.unique &&
        std::ranges::all_of(shared.each, [](const auto* one) { return one->valid && can_be_dropped(*one); });
    if (!candidate || shared.scans() > 0) continue;
    const auto use = use_of(survey, index.table);
    if (auto reason = why_index_is_not_judged(survey, shared, use, rules); !reason.empty()) {
      reasons.insert(std::move(reason));
      continue;
    }
    named.insert(name);
    out.advice.push_back(about_unused(survey, shared, use));
  }
  out.not_judged.assign(reasons.begin(), reasons.end());
  return out;
}

}  // namespace shardplex
