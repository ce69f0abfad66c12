// Sending statements to the right servers and bringing the answers together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "postgres/row_stream.hpp"
#include "query/engine/sorted_merge.hpp"
#include "query/plan/plan.hpp"
#include "router/execution/worker.hpp"

namespace shardplex::router {

enum class Consistency : std::uint8_t {
  any,     ///< a replica that is not behind will do
  strong,  ///< primaries only
};

/// One request's dealings with the shards: what it may use, and what it tells the client about how it was
/// answered.
struct RequestContext {
  RequestContext(Worker& w, Deadline d) : worker(w), deadline(d), planned_with(w.view()) {}

  Worker& worker;
  Deadline deadline;
  ViewPtr planned_with;  ///< holds the map and catalogue that the request's plan points into
  Consistency consistency = Consistency::any;
  bool map_changed = false;        ///< the map was read again under way: the request has to start over
  std::vector<std::string> asked;  ///< names of the servers that answered, in the order of their shards
  std::uint64_t parse_us = 0, plan_us = 0, shards_us = 0, merge_us = 0;

  /// Adds the time since the last call (or the start) to a stage's.
  void stage_done(std::uint64_t& stage_us) {
    const auto now = Clock::now();
    stage_us += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now - stage_began).count());
    stage_began = now;
  }
  Clock::time_point stage_began = Clock::now();
};

/// A route that does not hold any more: read ownership again, and plan again.
struct Replan {
  std::string reason;  ///< for the client, where the deadline comes first
  std::string shard;
};

/// What one try at a request came to.
template <class T>
using Attempt = std::variant<T, Error, Replan>;

Error shard_unavailable(std::string shard, std::string details);
Error deadline_exceeded(std::string details);

/// What place() said, as an attempt's outcome: shard_unknown is SHARD503, the others are worth another look
/// at ownership.
std::variant<Error, Replan> to_attempt(const RouteFault& fault);

/// Calls `attempt(view)` with the newest view until its outcome is not Replan: again whenever there is a
/// newer view, and at the latest after a pause that grows from 2 to 50 ms. When the deadline comes first:
/// SHARD504 with the last reason.
template <class T>
Awaitable<Result<T>> until_routed(RequestContext& context,
                                  std::function<Awaitable<Attempt<T>>(ViewPtr)> attempt);

/// Waits between two tries of until_routed(); the error where the deadline comes first.
Awaitable<std::optional<Error>> before_next_try(RequestContext& context, const Replan& replan,
                                                std::uint64_t version, std::chrono::milliseconds& pause);

/// The servers of `shard` that a read may use, best first: a replica that is not behind, then the primary;
/// primaries only where consistency is strong. Empty where none is up.
std::vector<std::size_t> read_candidates(const View& view, ShardId shard, Consistency consistency,
                                         std::minstd_rand& random);

/// The first of read_candidates(); nullopt where none is up.
std::optional<std::size_t> best_reader(const View& view, ShardId shard, Consistency consistency,
                                       std::minstd_rand& random);

/// Counts a request on each of its slots, for /load. One that asks for more than 16 of them is not counted:
/// it weighs on all shards alike, wherever slots are.
void count_load(const RequestContext& context, GroupId group, const SlotSet& slots);

using ResultSets = std::vector<postgres::ResultSet>;

/// Runs a read on one shard: on the best candidate, and on the next one where that is behind the map or
/// cannot be reached.
Awaitable<Attempt<ResultSets>> ask_reader(RequestContext& context, ViewPtr view, ShardId shard,
                                          postgres::Lane lane, Statement statement);

/// Runs a transaction on the shard's primary. A connection that could not be made is SHARD503; one lost under
/// way is SHARD503 whose details say that the outcome is unknown.
Awaitable<Attempt<ResultSets>> ask_primary(RequestContext& context, ViewPtr view, ShardId shard,
                                           postgres::Lane lane, std::vector<Statement> statements);

/// ask_primary() of begin_write() and an INSERT, in one transaction with other requests' inserts. The result
/// set is the INSERT's.
Awaitable<Attempt<ResultSets>> insert_on_primary(RequestContext& context, ViewPtr view, ShardId shard,
                                                 const std::string& group, Epoch epoch, Statement statement);

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
  /// The value of the plan's total column; 0 where there are no rows. To be asked before next().
  std::int64_t total() const;
  /// True where the shard may have more rows than it was asked for under Share::expected.
  bool cut_short() const { return cut_short_; }

 private:
  Window ready_;
  bool cut_short_ = false;
  std::unique_ptr<postgres::RowStream> stream_;
  std::string shard_;
};

/// How many of the first `rows` rows of an answer a shard with `slots` of the `slots_asked` will hold, with
/// two standard deviations to spare: under hash, rows fall on slots as by chance, whatever filters and orders
/// them.
std::uint64_t expected_rows(std::uint64_t rows, std::uint32_t slots, std::uint32_t slots_asked);

/// How many rows each shard of several is asked for.
enum class Share : std::uint8_t {
  whole,     ///< limit + offset: always enough
  expected,  ///< expected_rows(): whoever merges has to watch ShardRows::cut_short()
};

/// Runs a planned read on all its targets in parallel (reference tables: on any shard). `stream` chooses
/// windows over whole answers, and goes with Share::whole.
Awaitable<Result<std::vector<ShardRows>>> gather_rows(RequestContext& context, const ReadPlan& plan,
                                                      const TablePlacement& placement, const SlotSet* slots,
                                                      bool stream, Share share);

/// Reads one row by its key, batched with other requests, on all shards that may hold it: one under hash, one
/// per list under list. `key` is canonical text.
Awaitable<Result<std::optional<std::string>>> gather_point(RequestContext& context,
                                                           std::shared_ptr<const PointShape> shape,
                                                           const TablePlacement& placement, std::string key);

/// Runs a statement with one row and one bigint column on all targets, and adds up the numbers.
Awaitable<Result<std::int64_t>> gather_sum(RequestContext& context, const TablePlacement& placement,
                                           const SlotSet* slots,
                                           std::function<Statement(const ReadPlan::ForShard&)> statement);

template <class T>
Awaitable<Result<T>> until_routed(RequestContext& context,
                                  std::function<Awaitable<Attempt<T>>(ViewPtr)> attempt) {
  auto pause = std::chrono::milliseconds(2);
  for (;;) {
    const auto view = context.worker.view();
    const auto version = view->snapshot->version;
    if (view->snapshot->map_version != context.planned_with->snapshot->map_version) {
      context.map_changed = true;
      co_return deadline_exceeded("The shard map has changed under way.");
    }
    context.asked.clear();
    auto outcome = co_await attempt(view);
    if (auto* value = std::get_if<T>(&outcome)) co_return std::move(*value);
    if (auto* error = std::get_if<Error>(&outcome)) co_return std::move(*error);
    if (auto error = co_await before_next_try(context, std::get<Replan>(outcome), version, pause))
      co_return std::move(*error);
  }
}

}  // namespace shardplex::router
