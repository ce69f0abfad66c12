#include "router/execution/joined_rows.hpp"

#include <utility>
#include <variant>

#include "router/execution/keys_first.hpp"

namespace shardplex::router {

JoinedRows::JoinedRows(GatheredRows rows, JoinPlan join, std::shared_ptr<const std::vector<Lookup>> lookups,
                       RequestContext& context, std::optional<SortPlan> sort)
    : rows_(std::move(rows)),
      joins_(new Joins{.counts = join.counts,
                       .join = LookupJoin(std::move(join)),
                       .lookups = std::move(lookups),
                       .context = &context,
                       .memory = Reservation(context.worker.memory()),
                       .memory_ahead = Reservation(context.worker.memory())}) {
  if (sort) joins_->sort.emplace(*std::move(sort));
}

void JoinedRows::detach(StreamTime time) {
  rows_.begin(time);
  if (!joins_) return;
  joins_->own_context.emplace(*joins_->context);
  joins_->own_context->streaming = time;
  joins_->context = &*joins_->own_context;
  joins_->of_batch.reset();
}

Awaitable<Result<std::optional<Row>>> JoinedRows::joined_next() {
  if (joins_->sort)
    if (const auto done = co_await put_in_order(); !done) co_return done.error();
  if (auto& ahead = joins_->fetched_ahead; !ahead.empty()) {
    auto row = std::move(ahead.front());
    ahead.pop_front();
    if (ahead.empty()) joins_->memory_ahead.resize(0);
    co_return std::optional<Row>(std::move(row));
  }
  if (joins_->is_sorted) co_return std::optional<Row>();
  co_return co_await next_of_join();
}

/// Fetches all rows, and leaves those of the page to be given.
Awaitable<Result<void>> JoinedRows::put_in_order() {
  SortedPage page = *std::exchange(joins_->sort, std::nullopt);
  joins_->is_sorted = true;
  for (;;) {
    auto row = co_await next_of_join();
    if (!row) co_return row.error();
    if (!*row) break;
    if (auto error = page.add(std::move(**row))) co_return *std::move(error);
    auto& memory = joins_->memory_ahead;
    if (page.bytes() > memory.bytes() && !memory.resize(page.bytes() + page.bytes() / 4))
      co_return postgres::out_of_memory();
  }
  joins_->fetched_ahead = page.take();
  if (joins_->counts) joins_->total = static_cast<std::int64_t>(joins_->join.counted());
  co_return Result<void>{};
}

Awaitable<Result<std::optional<Row>>> JoinedRows::next_of_join() {
  for (;;) {
    auto step = joins_->join.next();
    if (auto* row = std::get_if<Row>(&step)) co_return std::optional<Row>(std::move(*row));
    if (auto* error = std::get_if<Error>(&step)) co_return std::move(*error);
    if (std::holds_alternative<RowOperator::Done>(step)) {
      if (const auto checked = co_await check_unasked(); !checked) co_return checked.error();
      co_return std::optional<Row>();
    }
    co_await feed(std::get<RowOperator::Needs>(step).input);
  }
}

Awaitable<Result<bool>> JoinedRows::fetch_ahead() {
  if (!joins_) co_return co_await rows_.fetch_ahead();
  if (joins_->sort) {
    if (const auto done = co_await put_in_order(); !done) co_return done.error();
    co_return true;
  }
  for (;;) {
    auto step = joins_->join.next();
    if (auto* row = std::get_if<Row>(&step)) {
      const auto bytes = joins_->memory_ahead.bytes() + weight(*row);
      if (!joins_->memory_ahead.resize(bytes)) co_return postgres::out_of_memory();
      joins_->fetched_ahead.push_back(std::move(*row));
      continue;
    }
    if (auto* error = std::get_if<Error>(&step)) co_return std::move(*error);
    if (std::holds_alternative<RowOperator::Done>(step)) {
      if (joins_->counts) joins_->total = static_cast<std::int64_t>(joins_->join.counted());
      co_return joins_->join.page_is_full() || !joins_->fell_short;
    }
    co_await feed(std::get<RowOperator::Needs>(step).input);
  }
}

Awaitable<Result<void>> JoinedRows::check_unasked() {
  BatchLookups checks(*joins_->context, joins_->asked);
  co_return co_await checks.check_unasked(*joins_->lookups);
}

Awaitable<void> JoinedRows::feed(std::size_t input) {
  auto& join = joins_->join;
  auto& of_batch = joins_->of_batch;
  if (input > 0) {
    if (!of_batch || joins_->batch_number != join.batch_number())
      of_batch.emplace(*joins_->context, joins_->asked);
    joins_->batch_number = join.batch_number();
    co_await of_batch->feed(join, *joins_->lookups, joins_->memory);
    co_return;
  }
  auto row = co_await rows_.next();
  joins_->fell_short |= rows_.fell_short();
  if (!row)
    join.fail(0, row.error());
  else if (*row && !joins_->fell_short)
    join.push(0, std::move(**row));
  else
    join.finish(0);
}

namespace {

/// nullopt where the rows that some are do not fill the page.
Awaitable<Result<std::optional<JoinedRows>>> some_joined_rows(
    RequestContext& context, const RowsRead& read, std::shared_ptr<const std::vector<Lookup>> lookups) {
  auto rows = co_await gather_rows(context, read, Share::some);
  if (!rows) co_return rows.error();
  JoinedRows joined(std::move(*rows), read.join, std::move(lookups), context);
  const auto enough = co_await joined.fetch_ahead();
  if (!enough) co_return enough.error();
  if (!*enough) co_return std::optional<JoinedRows>();
  co_return std::optional(std::move(joined));
}

/// What was too much at once may do as a stream.
bool may_do_streamed(const RequestContext& context, const Error& error) {
  return !context.plan_outdated && (error.code == "SHARD400" || error == postgres::out_of_memory());
}

}  // namespace

Awaitable<Result<JoinedRows>> gather_joined_rows(RequestContext& context, const RowsRead& read) {
  if (read.lookups.empty()) {
    auto rows = co_await gather_rows(context, read);
    if (!rows) co_return rows.error();
    co_return JoinedRows(std::move(*rows));
  }
  const auto lookups = std::make_shared<const std::vector<Lookup>>(read.lookups);
  if (read.share == Share::some) {
    auto some = co_await some_joined_rows(context, read, lookups);
    if (!some && !may_do_streamed(context, some.error())) co_return some.error();
    if (some && *some) co_return std::move(**some);
  }
  const auto all = co_await with_keys_first(context, read);
  if (!all) co_return all.error();
  auto rows = co_await gather_rows(context, *all, read.share == Share::some ? Share::whole : read.share);
  if (!rows) co_return rows.error();
  JoinedRows joined(std::move(*rows), read.join, lookups, context, read.sort);
  if (read.join.counts)
    if (const auto counted = co_await joined.fetch_ahead(); !counted) co_return counted.error();
  co_return joined;
}

}  // namespace shardplex::router
