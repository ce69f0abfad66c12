// What the grammar reads and no plan serves yet.
#pragma once

#include <optional>

#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// Whether a node asks for no more than the rows of one table, one by one.
bool is_planned(const ReadNode& node);

/// SHARD400 naming what of the query is not planned; nullopt where all of it is.
std::optional<Error> not_planned(const Query& query);

/// SHARD400 for aggregates of the rows that a write returns.
Error aggregates_not_planned();

/// PGRST123 where the node or one of its embeds asks for an aggregate: for operators who do not allow any.
std::optional<Error> aggregates_not_allowed(const ReadNode& node);

}  // namespace shardplex
