#include "query/advice/load_advice.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

std::uint64_t total_of(const GroupLoad& group) {
  return std::accumulate(group.weights.begin(), group.weights.end(), std::uint64_t{0});
}

std::uint64_t least_requests(const AdviceBounds& bounds) {
  return std::max<std::uint64_t>(10 * bounds.least_calls, 1);
}

/// The groups of which enough is known.
ClusterLoad counted_enough(const ClusterLoad& requests, const AdviceBounds& bounds) {
  ClusterLoad enough{requests.shards, {}};
  for (const auto& group : requests.groups)
    if (total_of(group) >= least_requests(bounds)) enough.groups.push_back(group);
  return enough;
}

std::string share(std::uint64_t part, std::uint64_t all) {
  return std::to_string(all == 0 ? 0 : (100 * part + all / 2) / all) + " %";
}

/// "alpha 61 %, beta 39 %".
std::string shares(const ClusterLoad& cluster, const std::vector<ShardLoad>& loads, std::uint64_t all) {
  std::vector<std::string> texts;
  for (std::size_t shard = 0; shard < loads.size(); ++shard)
    texts.push_back(cluster.shards[shard].name + ' ' + share(loads[shard].weight, all));
  return joined(texts);
}

Advice about_uneven(const ClusterLoad& cluster, const BalancePlan& plan, std::size_t number) {
  const auto& group = cluster.groups[number];
  const auto all = total_of(group);
  const auto moves =
      static_cast<std::uint64_t>(std::ranges::count(plan.moves, group.name, &PlannedMove::group));
  Advice advice{AdviceKind::uneven_load,
                group.name,
                "Shards answer unevenly many requests on the slots of group " + group.name + '.',
                {},
                {},
                {}};
  advice.evidence.push_back({"/load of the routers",
                             counted(all, "request") + ": " + shares(cluster, plan.before[number], all) +
                                 "; after " + counted(moves, "move") + ": " +
                                 shares(cluster, plan.after[number], all),
                             "the routers started"});
  advice.costs =
      "The rows of the slots are copied while they are served, and their writes wait for moments. Requests "
      "that touch more than 16 slots are not counted, and the next day's may fall on other slots.";
  advice.steps.push_back({{}, "shardplex rebalance plan --map FILE --by load --router URL --out plan.yaml"});
  advice.steps.push_back({{}, "shardplex rebalance check --map FILE plan.yaml"});
  advice.steps.push_back({{}, "shardplex rebalance run --map FILE plan.yaml"});
  return advice;
}

Evidence evidence_of_content(const SlotContent& content) {
  if (!content.problem.empty()) return {"the slot's owner", "its keys are not known: " + content.problem, ""};
  std::vector<std::string> texts;
  for (const auto& key : content.heaviest)
    texts.push_back(key.table + ' ' + key.key + " (" + counted(key.rows, "row") + ')');
  return {"the slot's owner",
          "it has " + counted(content.keys, "key") +
              (texts.empty() ? "" : "; those with the most rows: " + joined(texts)) +
              ". Routers count slots and not keys, so which of them is asked for is not known",
          ""};
}

Advice about_hot(const HotSlot& hot, const std::vector<SlotContent>& contents) {
  const auto number = std::to_string(hot.slot.value);
  Advice advice{AdviceKind::hot_slot,
                hot.group,
                "Slot " + number + " of group " + hot.group + " has more requests than a shard's fair share.",
                {},
                {},
                {}};
  advice.evidence.push_back({"/load of the routers",
                             share(hot.weight, hot.group_weight) + " of " +
                                 counted(hot.group_weight, "request") + ", where each of " +
                                 counted(hot.sharing, "shard") + " would have " + share(1, hot.sharing),
                             "the routers started"});
  const auto found = std::ranges::find_if(contents, [&](const SlotContent& content) {
    return content.group == hot.group && content.slot == hot.slot;
  });
  if (found != contents.end()) advice.evidence.push_back(evidence_of_content(*found));
  advice.costs =
      "Slots are not divided, so no move helps it; it is best alone on its shard. One more replica takes a "
      "part of its reads, and none of its writes.";
  advice.steps.push_back({{}, "shardplex rebalance plan --map FILE --by load --router URL --out plan.yaml"});
  advice.steps.push_back(
      {{}, "shardplex cluster add-replica --map FILE " + hot.shard + " 'host=… dbname=…'"});
  return advice;
}

}  // namespace

std::vector<HotSlot> hot_slots(const ClusterLoad& requests, const AdviceBounds& bounds) {
  const auto cluster = counted_enough(requests, bounds);
  if (cluster.groups.empty() || cluster.shards.size() < 2) return {};
  return plan_balance(cluster).hot;
}

Advised advise_load(const ClusterLoad& requests, const std::vector<SlotContent>& contents,
                    const AdviceBounds& bounds) {
  Advised out;
  if (requests.shards.size() < 2) return out;
  for (const auto& group : requests.groups)
    if (total_of(group) < least_requests(bounds))
      out.not_judged.push_back("load of group " + group.name + ": the routers have counted " +
                               counted(total_of(group), "request") + ", and " +
                               std::to_string(least_requests(bounds)) +
                               " are asked for (ten times --min-calls)");
  const auto cluster = counted_enough(requests, bounds);
  if (cluster.groups.empty()) return out;
  const auto plan = plan_balance(cluster);
  for (std::size_t number = 0; number < cluster.groups.size(); ++number) {
    const auto& name = cluster.groups[number].name;
    if (std::ranges::find(plan.moves, name, &PlannedMove::group) != plan.moves.end())
      out.advice.push_back(about_uneven(cluster, plan, number));
    for (const auto& hot : plan.hot)
      if (hot.group == name) out.advice.push_back(about_hot(hot, contents));
  }
  return out;
}

}  // namespace shardplex
