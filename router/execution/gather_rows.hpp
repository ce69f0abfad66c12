// Carrying out a planned read of any number of rows.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "query/engine/operator.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/request_context.hpp"
#include "router/execution/shard_rows.hpp"

namespace shardplex::router {

/// The rows of an answer, one after the other: fetches what the plan's operator needs of the shards, and
/// nothing else.
class GatheredRows {
 public:
  /// `sources` are the operator's inputs, in their order.
  GatheredRows(std::unique_ptr<RowOperator> rows, std::vector<ShardRows> sources,
               std::optional<std::int64_t> total, Deadline deadline)
      : rows_(std::move(rows)), sources_(std::move(sources)), total_(total), deadline_(deadline) {}

  /// nullopt at the end.
  Awaitable<Result<std::optional<Row>>> next();

  /// The number of rows that match, whatever limit and offset are, where the plan counts them.
  const std::optional<std::int64_t>& total() const { return total_; }

  /// Fetches the whole answer ahead of next(); false where a shard had been asked for too few rows to tell
  /// what it is.
  Awaitable<Result<bool>> fetch_ahead();

 private:
  Awaitable<void> feed(std::size_t input);

  std::unique_ptr<RowOperator> rows_;
  std::vector<ShardRows> sources_;
  std::optional<std::int64_t> total_;
  Deadline deadline_;
  std::deque<Row> fetched_ahead_;
  bool fell_short_ = false;
};

/// Runs a planned read on all its targets in parallel: first with the plan's share of each, and in the few
/// cases where that falls short, again and whole. Lifetime: the rows do not refer to the plan.
Awaitable<Result<GatheredRows>> gather_rows(RequestContext& context, const RowsRead& read);

}  // namespace shardplex::router
