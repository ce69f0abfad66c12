// Keys out of the sequence behind a column, for integer types that are too small for the router's own ids.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/error.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// True for smallint and integer. The router's ids are numbers of 53 bits.
bool is_keyed_by_sequence(const Column& column);

/// `count` new keys from the sequence (serial or identity) of the column, which is the shard key, on the
/// first shard of the map; of a view from that of the table which it writes to. What it has given is gone,
/// whatever becomes of the rows, as in PostgreSQL. Errors: 23502 where there is no sequence, PostgreSQL's,
/// SHARD503. Lifetime: table and column outlive the call.
Awaitable<Result<std::vector<std::string>>> next_of_sequence(RequestContext& context, const Table& table,
                                                             const Column& column, std::size_t count);

}  // namespace shardplex::router
