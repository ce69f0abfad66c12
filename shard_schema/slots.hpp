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

/// Makes all slots that are on their way here owned, group by group.
extern const std::string own_incoming_slots_sql;

}  // namespace shardplex
