// The statements on the table shardplex.slots, and on what else decides where a shard keeps its rows. A
// statement of the router's plans has select_owned_slots() (query/plan/owned_slots.hpp) for a part.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shard_map/definitions.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_schema/text_rows.hpp"

namespace shardplex {

/// The epoch with every slot: one statement, so one snapshot. A shard that has no slots yet still has an
/// epoch.
extern const std::string ownership_sql;

/// What the rows of ownership_sql come to for a map.
struct OwnershipReport {
  bool has_identity = false;  ///< false: nobody has said which shard this is, and all else is empty
  ShardOwnership ownership;   ///< every slot of the map's groups
  // Sentences whose subject is "it", the shard.
  std::vector<std::string> unknown_states;  ///< slots in states that this version does not know; absent above
  std::vector<std::string> slots_beyond;    ///< slots that a group of the map does not have
  std::vector<std::string> unknown_groups;  ///< which the map does not have: no harm for those that it has
};
OwnershipReport decode_ownership(const TextRows& rows, const ShardMap& map);

/// How keys became slots when the rows were placed (shard_map/definitions.hpp).
inline constexpr std::string_view definitions_sql = "SELECT subject, definition FROM shardplex.definitions";
Definitions decode_definitions(const TextRows& rows);

// Parts of statements that look at rows by the states of their slots. `group` and `slot` are SQL expressions.

/// " LEFT JOIN …" under the name s: s.state is null for a slot that has never been on the shard.
std::string join_slot_state(std::string_view group, std::string_view slot);

/// True where the slot has any state on the shard.
std::string has_slot_state(std::string_view group, std::string_view slot);

/// True where rows of the slot belong to the shard, or are on their way there.
std::string slot_may_have_rows(std::string_view group, std::string_view slot);

// Changes of all slots of a shard that are in some state, group by group.

/// Makes all slots that are on their way here owned.
extern const std::string own_incoming_slots_sql;

/// Fences all slots that are owned. Waits for their writers.
extern const std::string fence_owned_slots_sql;

/// Gives up all slots. Fails where one is not fenced, as where its fence was ended meanwhile.
extern const std::string hand_over_all_slots_sql;

/// Owns again all slots that are fenced or were given up.
extern const std::string take_back_slots_sql;

// Questions of one row and one column.
extern const std::string owns_slots_sql;      ///< bool: whether a slot is owned
extern const std::string lacks_slots_sql;     ///< bool: whether a slot is fenced or was given up
extern const std::string count_of_slots_sql;  ///< int8: slots in any state

}  // namespace shardplex
