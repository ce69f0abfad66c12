// Who owns which slots right now, as the shards themselves say (the schema `shardplex` in each shard).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex {

/// A slot's state on one shard; a slot without a state has never been there and has no rows there.
enum class SlotState : std::uint8_t {
  absent,
  incoming,  ///< rows may be arriving; not owned, invisible
  owned,     ///< read and written here
  fenced,    ///< still read here; writes wait for the hand-over
  moved,     ///< handed over; leftover rows may remain, invisible
};

std::optional<SlotState> parse_slot_state(std::string_view name);
std::string_view to_string(SlotState state);

/// One shard's ownership report: the states of its slots, read in one snapshot.
struct ShardOwnership {
  Epoch epoch;
  /// Group name -> state per slot. A vector shorter than the group is absent from there on; a longer one is
  /// kept as it is, for it tells that the map's slot count is wrong.
  std::map<std::string, std::vector<SlotState>, std::less<>> groups;
};

/// The ownership reports of all shards put together. A value; the planner routes by it and stamps each
/// statement with epoch(shard).
class Ownership {
 public:
  enum class Fault : std::uint8_t { none, unowned, doubly_owned, shard_unknown };

  struct Owner {
    ShardId shard;              ///< meaningful where fault is none or shard_unknown
    Fault fault = Fault::none;  ///< shard_unknown: the shard that should own it has not been heard
    bool fenced = false;
  };

  /// `reports[i]` is shard i's report, or nullopt while that shard has never been heard. A slot that no
  /// heard shard claims is attributed to an unheard one where there is any (fault shard_unknown; the shard
  /// that `map` places it on before others). It is unowned otherwise, and where one heard shard has handed it
  /// over and another is about to own it. Where a shard owns slots past the map's slot count, the whole group
  /// is unowned.
  Ownership(const ShardMap& map, const std::vector<std::optional<ShardOwnership>>& reports);

  const Owner& owner(GroupId group, Slot slot) const { return groups_[group.value].owners[slot.value]; }
  /// The slots that `shard` owns, fenced ones included.
  const SlotSet& owned(GroupId group, ShardId shard) const { return groups_[group.value].owned[shard.value]; }
  /// The slots whose owner is at fault.
  const SlotSet& faulty(GroupId group) const { return groups_[group.value].faulty; }
  /// The slots that are fenced.
  const SlotSet& fenced(GroupId group) const { return groups_[group.value].fenced; }
  std::optional<Epoch> epoch(ShardId shard) const { return epochs_[shard.value]; }

  /// True where every row of the group on the shard is in a slot that the shard owns, so that a statement
  /// needs no slot filter.
  bool clean(GroupId group, ShardId shard) const { return groups_[group.value].clean[shard.value]; }

  /// True where every slot of the group has exactly one owner that has been heard.
  bool complete(GroupId group) const { return faulty(group).empty(); }

  /// Sentences such as "catalog: slots 3, 7-9 have no owner"; empty where nothing is wrong.
  std::vector<std::string> faults(const ShardMap& map) const;

 private:
  struct GroupOwners {
    std::vector<Owner> owners;   // by slot
    std::vector<SlotSet> owned;  // by shard: the same, as sets
    SlotSet faulty, fenced;
    SlotSet handed_over;                                        // moved on one shard and incoming on another
    std::vector<bool> clean = {};                               // by shard
    std::map<std::vector<ShardId>, SlotSet> doubly_owned = {};  // claimants -> slots
    std::optional<ShardId> owns_past_map = {};  // a shard that owns slots beyond the map's slot count
  };
  static GroupOwners combine(const Group& group, const std::vector<std::optional<ShardOwnership>>& reports);
  static void decide(const Group& group, Slot slot, const std::vector<ShardId>& claimants,
                     const std::vector<std::optional<ShardOwnership>>& reports, GroupOwners& result);
  static void append_faults(const ShardMap& map, const Group& group, const GroupOwners& state,
                            std::vector<std::string>& sentences);

  std::vector<GroupOwners> groups_;
  std::vector<std::optional<Epoch>> epochs_;
};

}  // namespace shardplex
