// Parts of writes over several shards that are prepared and wait for what their decider says: their names,
// and what is asked about them. Router and command line settle them alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shard_schema/text_rows.hpp"

namespace shardplex {

/// A part that waits, as PostgreSQL knows it by name: shardplex:<write>:<number>:<decider>.
struct PreparedPart {
  std::string write;       ///< 32 hexadecimal digits, unique over routers and time
  std::size_t number = 0;  ///< of the part within the write: one server can hold several databases
  std::string decider;     ///< the shard whose table shardplex.decisions says what becomes of it
  bool operator==(const PreparedPart&) const = default;

  std::string to_gid() const;
  /// nullopt for a name that is not one of a part.
  static std::optional<PreparedPart> from_gid(std::string_view gid);
};

/// PREPARE TRANSACTION, COMMIT PREPARED and ROLLBACK PREPARED of a part.
std::string prepare_sql(const std::string& gid);
std::string commit_prepared_sql(const std::string& gid);
std::string roll_back_prepared_sql(const std::string& gid);

/// Last in the decider's transaction: $1 the write, $2 the names of the shards that have prepared a part,
/// $3 when it was begun, in seconds since 1970. Raises sqlstate_given_up.
inline constexpr const char* decide_write_sql =
    "SELECT shardplex.decide_write($1::text, $2::text[], pg_catalog.to_timestamp($3::float8))";

/// Asked of the decider: $1 the write, $2 whether it is to be decided though the decider's transaction is at
/// work; else that is sqlstate_lock_timeout. From then on it is decided. One row, decode_decision() reads it.
inline constexpr const char* settle_write_sql = "SELECT shardplex.settle_write($1::text, $2::boolean)";

/// Asked of the decider: $1 the writes that still wait, $2 the shards that were asked for these. One row: how
/// many decisions were forgotten, as text.
inline constexpr const char* forget_decisions_sql =
    "SELECT shardplex.forget_decisions($1::text[], $2::text[])::text";

/// Parts that wait in this database, the oldest first: name, and for how many milliseconds.
extern const std::string_view waiting_parts_sql;

struct WaitingPart {
  PreparedPart part;
  std::string gid;
  std::int64_t waiting_ms = 0;
};
/// Names that are not one of a part are left out.
std::vector<WaitingPart> decode_waiting_parts(const TextRows& rows);

/// True: committed. UnexpectedAnswer for any other answer than the two.
bool decode_decision(const TextRows& rows);

}  // namespace shardplex
