// The rows of one shard's answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postgres/row_stream.hpp"
#include "query/error.hpp"
#include "query/plan/sql.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/request_context.hpp"
#include "router/execution/shared_reads.hpp"

namespace shardplex::router {

/// The rows of one shard's answer, in its order: all at once, or window by window.
class ShardRows {
 public:
  /// Some rows, all of one answer or one window of it.
  struct Window {
    SharedRows whole;  ///< null where the rows are in `parts`
    ResultSets parts;

    /// Calls f(result set, row) for each row in order.
    template <class F>
    void for_each_row(F f) const {
      for (int row = 0; whole && row < whole->rows(); ++row) f(*whole, row);
      for (const auto& part : parts)
        for (int row = 0; row < part.rows(); ++row) f(part, row);
    }
  };

  ShardRows() = default;
  /// `asked_for`: the rows there might have been more of, had they been asked for.
  ShardRows(SharedRows all, std::optional<std::uint64_t> asked_for)
      : ready_{std::move(all), {}},
        cut_short_(asked_for && static_cast<std::uint64_t>(ready_.whole->rows()) >= *asked_for) {}
  /// The first window has been awaited, so that the ownership check is known to have passed.
  ShardRows(std::unique_ptr<postgres::RowStream> stream, ResultSets first_window, std::string shard)
      : ready_{nullptr, std::move(first_window)}, stream_(std::move(stream)), shard_(std::move(shard)) {}

  /// The next rows; none at the end.
  Awaitable<Result<Window>> next(Deadline deadline);
  /// What came first, which tells the types of all; null where that is nothing. To be asked before next().
  const postgres::ResultSet* first() const;
  /// The value of the plan's total column; 0 where there are no rows. To be asked before next().
  std::int64_t total() const;
  /// True where the shard may have more rows than it was asked for under Share::expected.
  bool cut_short() const { return cut_short_; }
  /// Rows are still to come, and a connection is held for them.
  bool streaming() const { return stream_ && !stream_->ended(); }

 private:
  Window ready_;
  bool cut_short_ = false;
  std::unique_ptr<postgres::RowStream> stream_;
  std::string shard_;
};

/// Sends a scan to one server and awaits its first rows. `streams`: all of them or a window, then window by
/// window; otherwise whole, and together with identical scans. `asked_for` as for ShardRows.
Awaitable<postgres::Outcome<ShardRows>> open_rows(RequestContext& context, const View& view, ShardId shard,
                                                  std::size_t server, Statement statement, bool streams,
                                                  std::optional<std::uint64_t> asked_for);

}  // namespace shardplex::router
