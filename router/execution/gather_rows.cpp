#include "router/execution/gather_rows.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "router/execution/ask_shards.hpp"
#include "router/execution/until_routed.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

using AllRows = std::vector<ShardRows>;

/// True where the rows are what the plan reads them as; `merged`: by their keys too.
bool suits(const ShardRows& rows, const ReadPlan& plan, bool merged) {
  const auto* first = rows.first();
  if (first == nullptr) return true;
  if (static_cast<std::size_t>(first->columns()) != plan.result_columns()) return false;
  if (!merged) return true;
  for (std::size_t key = 0; key < plan.keys.size(); ++key) {
    const int column = static_cast<int>(key) + 1;
    if (!first->is_binary(column) || !holds_values_of(plan.keys[key].kind, first->type(column))) return false;
  }
  return plan.enums_sql.empty() || first->rows() == 0 ||
         first->boolean(0, static_cast<int>(plan.enums_column()));
}

/// The server's tables are not those that were planned for. Where enums are to be merged, one of them may be
/// there no more.
bool has_other_tables(const postgres::Outcome<ShardRows>& rows, const ReadPlan& plan, bool merged) {
  if (rows) return !suits(*rows, plan, merged);
  return !plan.enums_sql.empty() && rows.error().sqlstate == sqlstate_no_object;
}

postgres::Failure other_tables() {
  return {.kind = postgres::Failure::Kind::statement,
          .sent = true,
          .sqlstate = std::string(sqlstate_other_tables),
          .message = "a column to order by is of another type than it was"};
}

/// Asks all targets for `share` of the answer, and awaits the first rows of each.
Awaitable<Result<AllRows>> ask_for_rows(RequestContext& context, const RowsRead& read, Share share) {
  const auto try_once = [&](ViewPtr view) -> Awaitable<Attempt<AllRows>> {
    bool merged = false;
    const auto open = [&](ShardId shard, std::size_t server,
                          ReadPlan::ForShard part) -> Awaitable<postgres::Outcome<ShardRows>> {
      auto rows = co_await open_rows(context, *view, shard, server, read.scan.statement(part), read.streams,
                                     part.at_most);
      if (has_other_tables(rows, read.scan, merged)) co_return other_tables();
      co_return rows;
    };
    if (!read.where) {
      std::vector<Attempt<ShardRows>> only;
      only.push_back(co_await on_any_shard<ShardRows>(context, *view, [&](ShardId shard, std::size_t server) {
        return open(shard, server, for_reference());
      }));
      co_return join(std::move(only));
    }
    const auto targets = read_targets(*view, *read.where);
    if (!targets) co_return targets.error();
    const auto shares = share_out(read, *targets, share);
    if (!shares) co_return shares.error();
    merged = targets->size() > 1;
    co_return co_await on_targets<ShardRows>(context, *view, *targets, *shares, open);
  };
  auto rows = co_await until_routed<AllRows>(context, try_once);
  sort_asked(context);
  co_return rows;
}

Row copy_row(const postgres::ResultSet& set, int row, std::size_t keys) {
  Row out{std::string(set.bytes(row, 0)), {}};
  out.keys.reserve(keys);
  for (std::size_t key = 0; key < keys; ++key) out.keys.push_back(set.copy(row, static_cast<int>(key) + 1));
  return out;
}

/// What a row takes in memory, about.
std::size_t weight(const Row& row) {
  std::size_t bytes = sizeof(Row) + row.json.size();
  for (const auto& key : row.keys) bytes += sizeof key + (key ? key->size() : 0);
  return bytes;
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

}  // namespace

Awaitable<Result<std::optional<Row>>> GatheredRows::next() {
  if (!fetched_ahead_.empty()) {
    auto row = std::move(fetched_ahead_.front());
    fetched_ahead_.pop_front();
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
  for (;;) {
    auto step = rows_->next();
    if (auto* row = std::get_if<Row>(&step)) {
      fetched_ahead_.push_back(std::move(*row));
      continue;
    }
    if (auto* error = std::get_if<Error>(&step)) co_return std::move(*error);
    if (std::holds_alternative<RowOperator::Done>(step)) co_return !fell_short_;
    co_await feed(std::get<RowOperator::Needs>(step).input);
  }
}

Awaitable<void> GatheredRows::feed(std::size_t input) {
  auto& source = sources_[input];
  const auto window = co_await source.next(deadline_);
  if (!window) {
    rows_->fail(input, window.error());
    co_return;
  }
  const auto keys = rows_->key_count(input);
  std::size_t bytes = 0;
  window->for_each_row([&](const postgres::ResultSet& set, int row) {
    auto copy = copy_row(set, row, keys);
    bytes += weight(copy);
    rows_->push(input, std::move(copy));
  });
  if (std::ranges::none_of(sources_, &ShardRows::streaming)) permit_ = {};
  if (bytes > 0) {
    // What the input was fed before has left the operator: it would not have asked for more.
    window_bytes_[input] = bytes;
    const auto all = std::accumulate(window_bytes_.begin(), window_bytes_.end(), std::size_t{0});
    if (!memory_.resize(all)) rows_->fail(input, postgres::out_of_memory());
    co_return;
  }
  rows_->finish(input);
  fell_short_ |= source.cut_short();
}

Awaitable<Result<GatheredRows>> gather_rows(RequestContext& context, const RowsRead& read) {
  for (auto share = read.share;; share = Share::whole) {
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
    std::optional<std::int64_t> total;
    if (read.scan.counts) {
      total = 0;
      for (const auto& source : *sources) *total += source.total();
    }
    context.stage_done(context.shards_us);
    auto combined = read.combine(sources->size());
    GatheredRows rows(std::move(combined), std::move(*sources), total, context.deadline,
                      context.worker.memory());
    rows.hold(std::move(permit));
    // A page behind the last row is refused by the caller, whatever the shards sent.
    const bool behind_the_end = total && read.scan.offset > static_cast<std::uint64_t>(*total);
    if (share == Share::whole || behind_the_end) co_return rows;
    const auto enough = co_await rows.fetch_ahead();
    if (!enough) co_return enough.error();
    if (*enough) co_return rows;
  }
}

}  // namespace shardplex::router
