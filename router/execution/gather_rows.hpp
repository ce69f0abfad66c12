// Carrying out a planned read of any number of rows.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "query/engine/operator.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/big_answers.hpp"
#include "router/execution/request_context.hpp"
#include "router/execution/shard_rows.hpp"

namespace shardplex::router {

/// The rows of an answer, one after the other: fetches what the plan's operator needs of the shards, and
/// nothing else.
class GatheredRows {
 public:
  /// `sources` are the operator's inputs, in their order, and results of `scan`. `memory`: of the rows that
  /// wait to be merged or to be taken; null: they are not counted.
  GatheredRows(const ReadPlan& scan, std::unique_ptr<RowOperator> rows, std::vector<ShardRows> sources,
               std::optional<std::int64_t> total, Deadline deadline, MemoryBudget* memory = nullptr)
      : row_(scan.row),
        key_columns_(scan.key_columns),
        first_related_(scan.related_column()),
        related_columns_(scan.related.size()),
        rows_(std::move(rows)),
        sources_(std::move(sources)),
        total_(total),
        deadline_(deadline),
        window_bytes_(sources_.size()),
        memory_(memory),
        memory_ahead_(memory) {}

  /// Holds the permit until the last row has come from the shards.
  void hold(BigAnswers::Permit permit) { permit_ = std::move(permit); }

  /// nullopt at the end.
  Awaitable<Result<std::optional<Row>>> next();

  /// The number of rows that match, whatever limit and offset are, where the plan counts them, and no shard
  /// is missing.
  const std::optional<std::int64_t>& total() const { return total_; }

  /// Fetches the whole answer ahead of next(); false where a shard had been asked for too few rows to tell
  /// what it is. After that, or an error, next() should not be called. Of an answer that came whole, the text
  /// of rows that are left out is not written.
  Awaitable<Result<bool>> fetch_ahead();

  /// A shard had been asked for so few rows that what came last may not be what comes next.
  bool fell_short() const { return fell_short_; }

  /// How many rows the shards have sent so far.
  std::uint64_t rows_read() const { return rows_read_; }

  /// The answer begins to be sent: from now on each wait for a shard has a time of its own.
  void begin(StreamTime time) {
    deadline_ = time.end;
    streaming_ = time;
  }

  /// By when the last row has to be taken; after it, next() should not be called.
  Deadline deadline() const { return deadline_; }

 private:
  Awaitable<void> feed(std::size_t input, std::vector<SharedRows>* unwritten = nullptr);
  std::optional<Error> write_ahead(const std::vector<SharedRows>& unwritten);

  RowText row_;
  std::vector<std::size_t> key_columns_;
  std::size_t first_related_, related_columns_;
  std::unique_ptr<RowOperator> rows_;
  std::vector<ShardRows> sources_;
  std::optional<std::int64_t> total_;
  Deadline deadline_;
  std::optional<StreamTime> streaming_;
  std::deque<Row> fetched_ahead_;
  std::vector<std::size_t> window_bytes_;  // by input: of the rows it was fed last
  Reservation memory_;                     // for all of these
  Reservation memory_ahead_;               // for the text of fetched_ahead_
  BigAnswers::Permit permit_;
  std::uint64_t rows_read_ = 0;
  bool fell_short_ = false;
};

/// Runs a planned read on all its targets in parallel: first with the plan's share of each, and in the few
/// cases where that falls short, again and whole. Lifetime: the rows do not refer to the plan.
Awaitable<Result<GatheredRows>> gather_rows(RequestContext& context, const RowsRead& read);
/// The same with another share at first. Of Share::some the rows hold until they fell_short().
Awaitable<Result<GatheredRows>> gather_rows(RequestContext& context, const RowsRead& read, Share first);

}  // namespace shardplex::router
