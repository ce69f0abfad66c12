// Rows that a write gives back, with what is looked up for them on other shards.
#pragma once

#include <string>
#include <vector>

#include "postgres/memory_budget.hpp"
#include "query/error.hpp"
#include "query/plan/lookup.hpp"
#include "router/execution/request_context.hpp"
#include "router/execution/shared_reads.hpp"

namespace shardplex::router {

/// Has shards check the values that will be used to look rows up. To be called before the write: PostgreSQL
/// alone would have refused it for them.
Awaitable<Result<void>> check_lookups(RequestContext& context, const NodeRead& read);

/// Rows as text, and the memory that they take.
struct CompletedRows {
  std::vector<std::string> texts;
  Reservation memory;
};

/// The text of each row of a write's result, in their order, with what is looked up for it. `read` is the
/// write's (WritePlan::read).
///
/// The write is committed, so an error is none of it. Of the context nothing changes but which servers were
/// asked: a request whose plan is outdated starts over, and would write once more.
Awaitable<Result<CompletedRows>> complete_rows(RequestContext& context, const NodeRead& read,
                                               SharedRows rows);

}  // namespace shardplex::router
