// The rows of an answer with what was looked up for them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "query/engine/lookup_join.hpp"
#include "query/engine/sorted_page.hpp"
#include "query/plan/lookup.hpp"
#include "router/execution/gather_rows.hpp"
#include "router/execution/look_up.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// Gathered rows, one after the other; where anything is to be looked up for them, with it, batch by batch.
class JoinedRows {
 public:
  explicit JoinedRows(GatheredRows rows) : rows_(std::move(rows)) {}
  /// `join` and `lookups` are those of the plan that the rows were gathered by. Lifetime: refers to the
  /// context, unless it is detached().
  JoinedRows(GatheredRows rows, JoinPlan join, std::shared_ptr<const std::vector<Lookup>> lookups,
             RequestContext& context, std::optional<SortPlan> sort = std::nullopt);

  /// nullopt at the end.
  Awaitable<Result<std::optional<Row>>> next() { return joins_ ? joined_next() : rows_.next(); }

  /// Fetches the whole answer ahead of next(); false where a shard had been asked for too few rows to tell
  /// what it is.
  Awaitable<Result<bool>> fetch_ahead();

  /// How many rows there are: set_rough_total(), or as GatheredRows::total(); where the join counts, after
  /// fetch_ahead().
  std::optional<std::int64_t> total() const {
    if (rough_total_) return rough_total_;
    return joins_ && joins_->total ? joins_->total : rows_.total();
  }
  void set_rough_total(std::int64_t total) { rough_total_ = total; }
  bool total_is_rough() const { return rough_total_.has_value(); }
  /// How many rows the shards have sent so far; nullopt where others are looked up, which nobody counts.
  std::optional<std::uint64_t> rows_read() const {
    return joins_ ? std::nullopt : std::optional(rows_.rows_read());
  }
  Deadline deadline() const { return rows_.deadline(); }

  /// The answer begins to be sent, and from now on the rows are read after the request's handler has ended:
  /// what they need of its context is kept, and each wait has a time of its own. Nobody will be told any more
  /// which servers were asked, or that the plan is outdated.
  void detach(StreamTime time);

 private:
  /// Behind one pointer, since most answers have nothing of it.
  struct Joins {
    bool counts;
    LookupJoin join;
    std::shared_ptr<const std::vector<Lookup>> lookups;
    RequestContext* context;
    std::optional<RequestContext> own_context = std::nullopt;
    std::set<const Lookup*> asked = {};
    std::optional<BatchLookups> of_batch = std::nullopt;
    std::size_t batch_number = 0;  // of of_batch
    Reservation memory;
    std::deque<Row> fetched_ahead = {};
    Reservation memory_ahead;
    bool fell_short = false;
    std::optional<std::int64_t> total = std::nullopt;
    std::optional<SortedPage> sort =
        std::nullopt;  // until the rows are in order: they are fetched_ahead then
    bool is_sorted = false;
  };
  Awaitable<Result<std::optional<Row>>> joined_next();
  Awaitable<Result<std::optional<Row>>> next_of_join();
  Awaitable<Result<void>> put_in_order();
  Awaitable<void> feed(std::size_t input);
  Awaitable<Result<void>> check_unasked();

  GatheredRows rows_;
  std::unique_ptr<Joins> joins_;
  std::optional<std::int64_t> rough_total_;
};

/// Runs a planned read, with what it looks up. Where rows are left out, it looks first through some rows of
/// each shard, and only where those do not fill the page through all, or with_keys_first(). Where they are
/// ordered by what is looked up, all are fetched before the first is given. Lifetime: refers to the context,
/// as JoinedRows.
Awaitable<Result<JoinedRows>> gather_joined_rows(RequestContext& context, const RowsRead& read);

}  // namespace shardplex::router
