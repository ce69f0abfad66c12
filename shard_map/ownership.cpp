#include "shard_map/ownership.hpp"

#include <algorithm>
#include <array>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

constexpr std::array<std::string_view, 5> state_names = {"absent", "incoming", "owned", "fenced", "moved"};

bool owns(SlotState state) {
  return state == SlotState::owned || state == SlotState::fenced;
}

/// Rows in slots of these states may be on the shard though it does not own them.
bool hides_rows(SlotState state) {
  return state == SlotState::incoming || state == SlotState::moved;
}

/// The group's states on one shard by slot; empty where it has never had any of the group's slots.
const std::vector<SlotState>& states_of(const ShardOwnership& report, const Group& group) {
  static const std::vector<SlotState> never_here;
  const auto found = report.groups.find(group.name);
  return found == report.groups.end() ? never_here : found->second;
}

std::string have(const SlotSet& slots) {
  return name_slots(slots) + (slots.size() == 1 ? " has" : " have");
}
std::string are(const SlotSet& slots) {
  return name_slots(slots) + (slots.size() == 1 ? " is" : " are");
}

/// "alpha and beta", "alpha, beta and gamma".
std::string name_shards(const ShardMap& map, const std::vector<ShardId>& shards) {
  std::string text;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (i > 0) text += i + 1 == shards.size() ? " and " : ", ";
    text += map.shard(shards[i]).name;
  }
  return text;
}

}  // namespace

std::optional<SlotState> parse_slot_state(std::string_view name) {
  const auto found = std::ranges::find(state_names, name);
  if (found == state_names.end()) return std::nullopt;
  return static_cast<SlotState>(found - state_names.begin());
}

std::string_view to_string(SlotState state) {
  return state_names[static_cast<std::size_t>(state)];
}

Ownership::Ownership(const ShardMap& map, const std::vector<std::optional<ShardOwnership>>& reports) {
  invariant(reports.size() == map.shards().size(), "there is one report per shard of the map");
  for (const auto& report : reports) epochs_.push_back(report ? std::optional(report->epoch) : std::nullopt);
  for (const Group& group : map.groups()) groups_.push_back(combine(group, reports));
}

Ownership::GroupOwners Ownership::combine(const Group& group,
                                          const std::vector<std::optional<ShardOwnership>>& reports) {
  const SlotSet none = SlotSet::none(group.slot_count);
  GroupOwners result{.owners = std::vector<Owner>(group.slot_count),
                     .owned = std::vector<SlotSet>(reports.size(), none),
                     .faulty = none,
                     .fenced = none,
                     .handed_over = none};
  result.clean.resize(reports.size());
  SlotSet arriving = none;
  std::vector<std::vector<ShardId>> claims(group.slot_count);
  for (std::size_t shard = 0; shard < reports.size(); ++shard) {
    if (!reports[shard]) continue;
    const ShardId id{static_cast<std::uint16_t>(shard)};
    const auto& states = states_of(*reports[shard], group);
    result.clean[shard] = std::ranges::none_of(states, hides_rows);
    for (std::size_t slot = 0; slot < states.size(); ++slot) {
      if (hides_rows(states[slot]) && slot < group.slot_count)
        (states[slot] == SlotState::moved ? result.handed_over : arriving)
            .insert(Slot{static_cast<std::uint32_t>(slot)});
      if (!owns(states[slot])) continue;
      if (slot >= group.slot_count) {
        result.owns_past_map = id;
        break;
      }
      claims[slot].push_back(id);
      result.owners[slot].fenced |= states[slot] == SlotState::fenced;
    }
  }
  result.handed_over &= arriving;
  for (std::uint32_t s = 0; s < group.slot_count; ++s) {
    const Slot slot{s};
    decide(group, slot, claims[s], reports, result);
    const Owner& owner = result.owners[s];
    (owner.fault == Fault::none ? result.owned[owner.shard.value] : result.faulty).insert(slot);
    if (owner.fenced) result.fenced.insert(slot);
  }
  return result;
}

void Ownership::decide(const Group& group, Slot slot, const std::vector<ShardId>& claimants,
                       const std::vector<std::optional<ShardOwnership>>& reports, GroupOwners& result) {
  Owner& owner = result.owners[slot.value];
  const ShardId placed = group.placement[slot.value];
  if (result.owns_past_map) {
    // The map counts fewer slots than the group was made with, so it would look for most keys in wrong slots.
    owner.fault = Fault::unowned;
  } else if (claimants.size() == 1) {
    owner.shard = claimants.front();
  } else if (claimants.size() > 1) {
    owner.fault = Fault::doubly_owned;
    result.doubly_owned.try_emplace(claimants, SlotSet::none(group.slot_count)).first->second.insert(slot);
  } else if (const auto unheard = std::ranges::find_if(reports, [](const auto& a) { return !a; });
             unheard != reports.end() && !result.handed_over.contains(slot)) {
    // The slot may have been moved to any shard that has not spoken yet; where it was placed is the best
    // guess.
    owner.fault = Fault::shard_unknown;
    owner.shard =
        !reports[placed.value] ? placed : ShardId{static_cast<std::uint16_t>(unheard - reports.begin())};
  } else {
    owner.fault = Fault::unowned;
  }
}

std::vector<std::string> Ownership::faults(const ShardMap& map) const {
  std::vector<std::string> sentences;
  for (std::size_t g = 0; g < groups_.size(); ++g) append_faults(map, map.groups()[g], groups_[g], sentences);
  return sentences;
}

void Ownership::append_faults(const ShardMap& map, const Group& group, const GroupOwners& state,
                              std::vector<std::string>& sentences) {
  const auto say = [&](const std::string& what) { sentences.push_back(group.name + ": " + what); };
  if (state.owns_past_map) {
    say(map.shard(*state.owns_past_map).name + " owns slots past " + std::to_string(group.slot_count - 1) +
        ", so the group has more slots than the map's " + std::to_string(group.slot_count) +
        "; the slot count of a group never changes");
    return;
  }
  SlotSet unowned = SlotSet::none(group.slot_count);
  std::map<ShardId, SlotSet> unheard;
  for (std::uint32_t slot = 0; slot < group.slot_count; ++slot) {
    const Owner& owner = state.owners[slot];
    if (owner.fault == Fault::unowned) unowned.insert(Slot{slot});
    if (owner.fault == Fault::shard_unknown)
      unheard.try_emplace(owner.shard, SlotSet::none(group.slot_count)).first->second.insert(Slot{slot});
  }
  if (!unowned.empty()) say(have(unowned) + " no owner");
  for (const auto& [claimants, slots] : state.doubly_owned)
    say(are(slots) + " owned by " + name_shards(map, claimants));
  for (const auto& [shard, slots] : unheard)
    say(are(slots) + " owned by no shard that has been heard; " + map.shard(shard).name + " has not");
}

}  // namespace shardplex
