// How a statement tells which slots a shard owns: by the table shardplex.slots, which every shard has.
#pragma once

#include <string>
#include <string_view>

namespace shardplex {

inline constexpr std::string_view slots_table = "shardplex.slots";

/// States of owned slots, as an SQL list. A fenced slot is still read.
inline constexpr std::string_view owned_states_sql = "('owned', 'fenced')";

/// A SELECT of the slots of a group that the shard owns. `group` is an SQL expression.
inline std::string select_owned_slots(std::string_view group) {
  std::string sql = "SELECT s.slot FROM ";
  sql.append(slots_table).append(" s WHERE s.grp = ").append(group).append(" AND s.state IN ");
  return sql.append(owned_states_sql);
}

}  // namespace shardplex
