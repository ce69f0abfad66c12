// Calls of the functions of the schema `shardplex` that several parts make (config/schema/shardplex.sql).
#pragma once

namespace shardplex {

/// First in a transaction that writes rows: $1 the group, $2 the epoch that the write was planned for. Raises
/// sqlstate_stale_epoch or sqlstate_fence.
inline constexpr const char* begin_write_sql = "SELECT shardplex.begin_write($1::text, $2::bigint)";

/// The same of a part of a write over several shards, which must not wait for long for what another such
/// write has locked, since no shard sees that two of them wait for each other: $3 how long, as PostgreSQL's
/// lock_timeout takes it.
inline constexpr const char* begin_part_sql =
    "SELECT shardplex.begin_write($1::text, $2::bigint), pg_catalog.set_config('lock_timeout', $3, true)";
/// The same of the part that decides: $4 the write. Whoever settles writes sees that it is at work.
inline constexpr const char* begin_deciding_part_sql =
    "SELECT shardplex.begin_write($1::text, $2::bigint), pg_catalog.set_config('lock_timeout', $3, true), "
    "pg_catalog.pg_advisory_xact_lock_shared(1936223346, pg_catalog.hashtext($4))";

/// First in a transaction of a mover: $1 its token. Raises sqlstate_not_mover.
inline constexpr const char* as_mover_sql = "SELECT shardplex.as_mover($1)";

/// Notes in a shard what is known of another's timeline (server_status.hpp), unless it knows more: $1 the
/// shard, $2 the ruling, $3 the timeline.
inline constexpr const char* note_timeline_sql =
    "SELECT shardplex.note_timeline($1::text, $2::bigint, $3::bigint)";

/// Promises milliseconds of row ids (row_ids.hpp): $1 the node number it had or null, $2 the time now, $3 how
/// many milliseconds. A row of node (int4), from_ms and until_ms (int8).
inline constexpr const char* promise_ids_sql =
    "SELECT node, from_ms, until_ms FROM shardplex.promise_ids($1::integer, $2::bigint, $3::bigint)";

}  // namespace shardplex
