#include "operations/cluster/proposal.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace shardplex::operations {
namespace {

const SlotWeights& weights(const Proposal& proposal, Measure measure) {
  if (measure == Measure::load) return proposal.load;
  return measure == Measure::rows ? proposal.survey.rows : proposal.survey.bytes;
}

bool is_drained(const ProposalRequest& request, const std::string& shard) {
  return std::ranges::find(request.drained, shard) != request.drained.end();
}

ClusterLoad cluster_load(const Proposal& proposal, Measure measure) {
  ClusterLoad cluster;
  for (const Shard& shard : proposal.map.shards())
    cluster.shards.push_back({shard.name, is_drained(proposal.request, shard.name)});
  for (const Shard& shard : proposal.request.added) cluster.shards.push_back({shard.name, false});
  for (std::size_t g = 0; g < proposal.map.groups().size(); ++g)
    cluster.groups.push_back(
        {proposal.map.groups()[g].name, proposal.survey.owners[g], weights(proposal, measure)[g]});
  return cluster;
}

/// The shards to be drained that the moves leave without slots.
std::vector<std::string> drained_by(const Proposal& proposal) {
  const ShardLoads after = loads_after(proposal.cluster, proposal.plan.moves);
  std::vector<std::string> drained;
  for (std::size_t s = 0; s < proposal.cluster.shards.size(); ++s)
    if (proposal.cluster.shards[s].drained &&
        std::ranges::all_of(after, [&](const auto& group) { return group[s].slots == 0; }))
      drained.push_back(proposal.cluster.shards[s].name);
  return drained;
}

}  // namespace

std::string_view to_string(Measure measure) {
  if (measure == Measure::load) return "load";
  return measure == Measure::rows ? "rows" : "bytes";
}

std::optional<Measure> parse_measure(std::string_view name) {
  for (const Measure measure : {Measure::rows, Measure::bytes, Measure::load})
    if (name == to_string(measure)) return measure;
  return std::nullopt;
}

const ShardLoads& MeasuredLoads::by(Measure measure) const {
  if (measure == Measure::load) return load;
  return measure == Measure::rows ? rows : bytes;
}

MeasuredLoads Proposal::loads(std::span<const PlannedMove> moves) const {
  const auto of = [&](Measure measure) { return loads_after(cluster_load(*this, measure), moves); };
  return {of(Measure::rows), of(Measure::bytes), load.empty() ? ShardLoads{} : of(Measure::load)};
}

Amount Proposal::amount_of(const PlannedMove& move) const {
  const auto g = map.find_group(move.group)->value;
  Amount amount;
  move.slots.for_each([&](Slot slot) {
    ++amount.slots;
    amount.rows += survey.rows[g][slot.value];
    amount.bytes += survey.bytes[g][slot.value];
    if (!load.empty()) amount.requests += load[g][slot.value];
  });
  return amount;
}

Amount Proposal::total() const {
  Amount total;
  for (const PlannedMove& move : plan.moves) {
    const Amount amount = amount_of(move);
    total.slots += amount.slots;
    total.rows += amount.rows;
    total.bytes += amount.bytes;
    total.requests += amount.requests;
  }
  return total;
}

bool Proposal::changes_anything() const {
  return !plan.moves.empty() || !plan.added.empty() || !plan.drained.empty();
}

Proposal propose(const ShardMap& map, ProposalRequest request) {
  Proposal proposal{map, std::move(request), survey_slots(map), {}, {}, {map.cluster(), {}, {}, {}}, {}};
  const ProposalRequest& asked = proposal.request;
  proposal.plan.added = asked.added;
  if (asked.by == Measure::load) proposal.load = read_router_load(map, asked.routers);
  proposal.cluster = cluster_load(proposal, asked.by);
  if (asked.by_hand) {
    proposal.plan.moves = moves_to(proposal.cluster, proposal.cluster.groups[asked.by_hand->group.value],
                                   asked.by_hand->slots, asked.by_hand->target);
  } else {
    BalancePlan balance = plan_balance(proposal.cluster, asked.max_moves);
    proposal.plan.moves = std::move(balance.moves);
    proposal.hot = std::move(balance.hot);
  }
  proposal.plan.drained = drained_by(proposal);
  return proposal;
}

std::vector<std::string> warnings_of(const Proposal& proposal) {
  std::vector<std::string> warnings;
  for (const HotSlot& hot : proposal.hot) warnings.push_back(hot.to_string());
  for (const auto& name : proposal.request.drained)
    if (std::ranges::find(proposal.plan.drained, name) == proposal.plan.drained.end())
      warnings.push_back(name +
                         " keeps some of its slots, as --max-moves is too few to drain it; plan again "
                         "after this");
  if (proposal.request.by == Measure::load)
    for (std::size_t g = 0; g < proposal.load.size(); ++g)
      if (std::ranges::all_of(proposal.load[g], [](auto requests) { return requests == 0; }))
        warnings.push_back(proposal.map.groups()[g].name +
                           ": the routers have counted no requests yet; it is shared out by number of slots");
  return warnings;
}

}  // namespace shardplex::operations
