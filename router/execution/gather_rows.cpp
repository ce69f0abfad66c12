#include "router/execution/gather_rows.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "query/plan/group_states.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/gather_groups.hpp"
#include "router/execution/planned_rows.hpp"
#include "router/execution/row_values.hpp"
#include "router/execution/until_routed.hpp"

namespace shardplex::router {
namespace {

using AllRows = std::vector<ShardRows>;

/// Of rows that are not counted: PostgreSQL makes no value that is longer.
constexpr std::size_t most_uncounted_bytes = std::size_t{1} << 30;

/// How many bytes may be counted in `memory` altogether, those that it holds included.
std::size_t room_of(const Reservation& memory) {
  const auto most = memory.most();
  return most == any_length ? most_uncounted_bytes : most;
}

/// Asks all targets for `share` of the answer, and awaits the first rows of each.
Awaitable<Result<AllRows>> ask_for_rows(RequestContext& context, const RowsRead& read, Share share) {
  const auto try_once = [&](ViewPtr view) -> Awaitable<Attempt<AllRows>> {
    bool merged = read.sort.has_value();
    const auto open = [&](ShardId shard, std::size_t server,
                          ReadPlan::ForShard part) -> Awaitable<postgres::Outcome<ShardRows>> {
      auto rows = co_await open_rows(context, *view, shard, server, read.scan.statement(part),
                                     read.streams && share != Share::some, part.at_most);
      co_return held_to(read.scan, merged ? read.scan.keys.size() : 0, std::move(rows));
    };
    if (!read.where) {
      std::vector<Attempt<ShardRows>> only;
      only.push_back(co_await on_any_shard<ShardRows>(context, *view, [&](ShardId shard, std::size_t server) {
        auto part = for_reference();
        if (share == Share::some) part.at_most = read.look_through;
        return open(shard, server, part);
      }));
      co_return join(std::move(only));
    }
    const auto targets = read_targets(context, *view, *read.where);
    if (!targets) co_return targets.error();
    // What could not be put in order with the rows of others is refused, whether or not there are others.
    if (read.scan.not_mergeable && !context.partial.missing.empty()) co_return *read.scan.not_mergeable;
    const auto shares = share_out(read, *targets, share);
    if (!shares) co_return shares.error();
    merged = read.sort || targets->size() > 1;
    if (merged && read.scan.states) {
      SharedGroups groups{read.scan,
                          [&](const ReadPlan::ForShard& part) { return partial_groups(read.scan, part); }};
      std::vector<Attempt<ShardRows>> only;
      only.push_back(co_await gather_groups(context, *view, groups, *targets, *shares));
      co_return join(std::move(only));
    }
    co_return co_await on_targets<ShardRows>(context, *view, *targets, *shares, open);
  };
  auto rows = co_await until_routed<AllRows>(context, try_once);
  sort_asked(context);
  co_return rows;
}

Error malformed_row() {
  return {"SHARD503", "A shard's answer cannot be understood", "A value is none of its column's type.",
          "Try again shortly.", std::nullopt};
}

bool streams(const AllRows& sources) {
  return std::ranges::any_of(sources, &ShardRows::streaming);
}

/// For a permit, as for a place in a pool.
Deadline longest_wait(const RequestContext& context) {
  return std::min(context.deadline, Clock::now() + context.worker.settings().pool.queue_wait);
}

Error too_many_big_answers(const RequestContext& context) {
  if (Clock::now() >= context.deadline) return deadline_exceeded("No big answer before it was read in time.");
  return {"SHARD503", "Too many big answers are under way",
          "This worker sends as many at a time as --stream-connections allows.",
          "Ask for pages with limit= and offset=, or try again after the time in Retry-After.", std::nullopt};
}

/// Of groups it is known only now how many there are.
std::optional<Error> above_bound(const RowsRead& read, const AllRows& sources) {
  if (!read.bound || !read.scan.states || sources.front().first() == nullptr) return std::nullopt;
  auto rows = static_cast<std::uint64_t>(sources.front().first()->rows());
  if (!read.scan.counts) rows += read.scan.offset;
  return rows >= read.bound->too_many ? std::optional(read.bound->refusal) : std::nullopt;
}

}  // namespace

Awaitable<Result<std::optional<Row>>> GatheredRows::next() {
  if (!fetched_ahead_.empty()) {
    auto row = std::move(fetched_ahead_.front());
    fetched_ahead_.pop_front();
    if (fetched_ahead_.empty()) memory_ahead_.resize(0);
    co_return std::optional<Row>(std::move(row));
  }
  for (;;) {
    auto step = rows_->next();
    if (auto* row = std::get_if<Row>(&step)) co_return std::optional<Row>(std::move(*row));
    if (auto* error = std::get_if<Error>(&step)) co_return std::move(*error);
    if (std::holds_alternative<RowOperator::Done>(step)) co_return std::optional<Row>();
    co_await feed(std::get<RowOperator::Needs>(step).input);
  }
}

Awaitable<Result<bool>> GatheredRows::fetch_ahead() {
  std::vector<SharedRows> unwritten(sources_.size());
  for (;;) {
    auto step = rows_->next();
    if (auto* row = std::get_if<Row>(&step)) {
      fetched_ahead_.push_back(std::move(*row));
      continue;
    }
    if (auto* error = std::get_if<Error>(&step)) co_return std::move(*error);
    if (std::holds_alternative<RowOperator::Done>(step)) break;
    co_await feed(std::get<RowOperator::Needs>(step).input, &unwritten);
  }
  if (fell_short_) co_return false;
  if (auto error = write_ahead(unwritten)) co_return *std::move(error);
  co_return true;
}

/// Writes the text of rows that were fetched ahead without it; the error where that cannot be done.
/// `unwritten`: by input, what it is written from.
std::optional<Error> GatheredRows::write_ahead(const std::vector<SharedRows>& unwritten) {
  const auto room = room_of(memory_ahead_);
  std::size_t bytes = 0;
  for (auto& row : fetched_ahead_) {
    bool understood = true;
    if (const auto& place = row.unwritten)
      understood = write_row(row, row_, *unwritten[place->input], place->number, room - bytes);
    row.unwritten.reset();
    bytes += row.json.size();
    if (bytes > room) break;
    if (!understood) return malformed_row();
  }
  // The budget is asked also for what there is no room for: it counts what it refuses.
  if (!memory_ahead_.resize(bytes) || bytes > room) return postgres::out_of_memory();
  return std::nullopt;
}

/// `unwritten`: gets, by input, the rows of an answer that came whole, which are fed without their text then;
/// null: all are fed with it.
Awaitable<void> GatheredRows::feed(std::size_t input, std::vector<SharedRows>* unwritten) {
  auto& source = sources_[input];
  const auto until = streaming_ ? streaming_->next() : deadline_;
  const auto window = co_await source.next(until);
  if (!window) {
    rows_->fail(input, window.error());
    co_return;
  }
  const auto keys = rows_->key_count(input);
  // What the input was fed before has left the operator: it would not have asked for more.
  window_bytes_[input] = 0;
  const auto others = std::accumulate(window_bytes_.begin(), window_bytes_.end(), std::size_t{0});
  const auto room = room_of(memory_);
  const bool later = unwritten != nullptr && window->whole != nullptr;
  if (later) (*unwritten)[input] = window->whole;
  std::size_t bytes = 0;
  bool understood = true, fits = true;
  window->for_each_row([&](const postgres::ResultSet& set, int number) {
    if (!fits) return;
    ++rows_read_;
    Row row;
    // A few bytes of numerics can be very many digits, so rows are not written first and counted then.
    const auto left = room - std::min(room, others + bytes);
    if (later)
      row.unwritten = InputRow{input, number};
    else
      understood = understood && write_row(row, row_, set, number, left);
    row.keys.reserve(keys);
    for (std::size_t key = 0; key < keys; ++key)
      row.keys.push_back(set.copy(number, static_cast<int>(key_columns_[key])));
    for (std::size_t i = 0; i < related_columns_; ++i)
      row.related.push_back(set.copy(number, static_cast<int>(first_related_ + i)));
    bytes += weight(row);
    fits = others + bytes <= room;
    if (understood) rows_->push(input, std::move(row));
  });
  if (!fits)
    rows_->fail(input, postgres::out_of_memory());
  else if (!understood)
    rows_->fail(input, malformed_row());
  if (std::ranges::none_of(sources_, &ShardRows::streaming)) permit_ = {};
  if (bytes > 0) {
    window_bytes_[input] = bytes;
    if (!memory_.resize(others + bytes)) rows_->fail(input, postgres::out_of_memory());
    co_return;
  }
  rows_->finish(input);
  fell_short_ |= source.cut_short();
}

Awaitable<Result<GatheredRows>> gather_rows(RequestContext& context, const RowsRead& read) {
  return gather_rows(context, read, read.share);
}

Awaitable<Result<GatheredRows>> gather_rows(RequestContext& context, const RowsRead& read, Share first) {
  for (auto share = first;; share = Share::whole) {
    BigAnswers::Permit permit;
    auto sources = co_await ask_for_rows(context, read, share);
    if (sources && streams(*sources)) {
      permit = context.worker.big_answers().try_take();
      if (!permit) {
        // The connections go back while this answer waits: small ones are not to wait for it.
        sources = AllRows();
        permit = co_await context.worker.big_answers().take(longest_wait(context));
        if (!permit) co_return too_many_big_answers(context);
        sources = co_await ask_for_rows(context, read, share);
      }
    }
    if (!sources) co_return sources.error();
    if (auto refusal = above_bound(read, *sources)) co_return *std::move(refusal);
    std::optional<std::int64_t> total;
    if (read.scan.counts && context.partial.missing.empty()) {
      total = 0;
      for (const auto& source : *sources) *total += source.total();
    }
    context.stage_done(context.shards_us);
    const auto inputs = sources->size();
    auto combined = read.combine(inputs);
    GatheredRows rows(read.scan, std::move(combined), std::move(*sources), total, context.deadline,
                      context.worker.memory());
    rows.hold(std::move(permit));
    // A page behind the last row is refused by the caller, whatever the shards sent.
    const bool behind_the_end = total && read.scan.offset > static_cast<std::uint64_t>(*total);
    // A merge up to a limit leaves rows out. A stream's are fetched as they are taken.
    const bool leaves_out = inputs > 1 && read.scan.limit && !read.scan.keys.empty() && !read.streams;
    if (!leaves_out || behind_the_end) co_return rows;
    const auto enough = co_await rows.fetch_ahead();
    if (!enough) co_return enough.error();
    if (*enough) co_return rows;
  }
}

}  // namespace shardplex::router
