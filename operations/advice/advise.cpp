#include "operations/advice/advise.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "operations/advice/read_survey.hpp"
#include "operations/advice/slot_contents.hpp"
#include "operations/advice/try_indexes.hpp"
#include "operations/cluster/router_patterns.hpp"
#include "operations/cluster/slot_weights.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"
#include "query/advice/index_advice.hpp"
#include "query/advice/load_advice.hpp"
#include "query/advice/placement_advice.hpp"
#include "query/advice/table_pattern.hpp"
#include "query/advice/wished_index.hpp"
#include "query/patterns/pattern_report.hpp"
#include "shard_map/ownership.hpp"

namespace shardplex::operations {
namespace {

/// What one router has counted.
struct RouterWord {
  std::optional<PatternReport> patterns;
  std::optional<SlotWeights> load;
  std::vector<std::string> problems;
};

RouterWord ask_router_for_counts(const ShardMap& map, const std::string& url) {
  const std::vector<std::string> one{url};
  RouterWord word;
  try {
    word.patterns = read_router_patterns(one).sum;
    word.load = read_router_load(map, one);
  } catch (const CommandFailed& failure) {
    word.problems = failure.problems;
  }
  return word;
}

/// What all that answered have counted, added up.
struct RouterCounts {
  PatternReport patterns;
  std::optional<SlotWeights> load;  ///< nullopt where none has told it
};

RouterCounts ask_routers(const ShardMap& map, const AdviceAsked& asked, AdviceReport& report) {
  auto words = in_parallel(asked.routers.size(),
                           [&](std::size_t i) { return ask_router_for_counts(map, asked.routers[i]); });
  RouterCounts counts;
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto& word = words[i];
    for (auto& problem : word.problems) report.away.push_back(std::move(problem));
    if (word.patterns) {
      report.routers.push_back(asked.routers[i]);
      counts.patterns.add(*word.patterns);
    }
    if (!word.load) continue;
    if (!counts.load) {
      counts.load = std::move(word.load);
      continue;
    }
    for (std::size_t g = 0; g < counts.load->size(); ++g)
      for (std::size_t slot = 0; slot < (*counts.load)[g].size(); ++slot)
        (*counts.load)[g][slot] += (*word.load)[g][slot];
  }
  return counts;
}

/// The groups of which every slot has one owner; the others are told.
ClusterLoad owned_load(const ShardMap& map, const ClusterSurvey& cluster, const SlotWeights& weights,
                       Advised& out) {
  const Ownership ownership(map, cluster.ownership);
  ClusterLoad load;
  for (const auto& shard : map.shards()) load.shards.push_back({shard.name, false});
  for (std::uint16_t g = 0; g < map.groups().size(); ++g) {
    const auto& group = map.groups()[g];
    if (!ownership.complete(GroupId{g})) {
      out.not_judged.push_back("load of group " + group.name +
                               ": not every slot has one owner that answered");
      continue;
    }
    GroupLoad one{group.name, {}, weights[g]};
    for (std::uint32_t slot = 0; slot < group.slot_count; ++slot)
      one.owners.push_back(ownership.owner(GroupId{g}, Slot{slot}).shard);
    load.groups.push_back(std::move(one));
  }
  return load;
}

std::vector<std::string> tables_named(const Advised& advised, AdviceKind kind) {
  std::vector<std::string> tables;
  for (const auto& advice : advised.advice)
    if (advice.kind == kind) tables.push_back(advice.subject);
  return tables;
}

void tell_rare_patterns(const PatternReport& report, const AdviceBounds& bounds, Advised& out) {
  const auto rare =
      static_cast<std::uint64_t>(std::ranges::count_if(report.patterns, [&](const QueryPattern& pattern) {
        return pattern.counts.calls < bounds.least_calls;
      }));
  if (rare > 0)
    out.not_judged.push_back(std::to_string(rare) + " of " + counted(report.patterns.size(), "pattern") +
                             " of requests: fewer than " + counted(bounds.least_calls, "call") +
                             " since the routers started");
}

/// Advice of all kinds but on load; that on indexes goes by what requests ask, as far as routers tell it.
void advise_on_tables(const ShardMap& map, ClusterSurvey& cluster, const RouterCounts& counts,
                      const AdviceAsked& asked, AdviceReport& report) {
  auto& out = report.advised;
  const AdvisedCluster advised{map, *cluster.catalogue, cluster.survey, asked.bounds, asked.first_schema};
  const auto patterns = patterns_of_tables(counts.patterns, advised);
  out = advise_indexes(cluster.survey, asked.bounds, columns_asked_by(patterns));
  tell_rare_patterns(counts.patterns, asked.bounds, out);
  const auto wished = wished_indexes(patterns, advised);
  out.add(advise_wished(wished, try_indexes(map, cluster, wished, report.routers), advised));
  out.add(advise_whole_reads(cluster.survey, asked.bounds, tables_named(out, AdviceKind::missing_index)));
  out.add(advise_shard_keys(patterns, advised));
  out.add(advise_relations(patterns, advised));
  out.add(advise_collations(patterns, advised));
}

}  // namespace

AdviceReport advise(const ShardMap& map, const AdviceAsked& asked) {
  AdviceReport report;
  auto cluster = read_survey(map);
  if (!cluster.catalogue) throw CommandFailed(std::move(cluster.problems));
  report.away = std::move(cluster.problems);
  for (const auto& shard : cluster.survey.shards)
    for (const auto& use : shard.uses) report.servers.push_back({use.server, use.since, use.days});
  const auto counts = ask_routers(map, asked, report);
  advise_on_tables(map, cluster, counts, asked, report);
  if (counts.load) {
    const auto load = owned_load(map, cluster, *counts.load, report.advised);
    const auto contents = read_slot_contents(map, cluster, hot_slots(load, asked.bounds));
    report.advised.add(advise_load(load, contents, asked.bounds));
  }
  return report;
}

}  // namespace shardplex::operations
