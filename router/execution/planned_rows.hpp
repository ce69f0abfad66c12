// Whether a server's rows are those that were planned for.
#pragma once

#include <cstddef>

#include "postgres/failure.hpp"
#include "query/plan/plan.hpp"
#include "router/execution/shard_rows.hpp"

namespace shardplex::router {

/// What a shard has sent, held to the plan: other_tables() where its rows are not what the plan reads them
/// as, by their values and the first `keys` of their keys. A failure says so where an enum that rows are
/// merged by, or, with `names_types`, any type that the statement names, is there no more.
postgres::Outcome<ShardRows> held_to(const ReadPlan& plan, std::size_t keys,
                                     postgres::Outcome<ShardRows> rows, bool names_types = false);

}  // namespace shardplex::router
