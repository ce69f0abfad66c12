// GET and HEAD: one row by its key, or a scatter, a merge and a stream.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "query/plan/routed_plan.hpp"
#include "router/execution/gather_point.hpp"
#include "router/execution/gather_rows.hpp"
#include "router/execution/gather_sum.hpp"
#include "router/services/movies/rendering.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t stream_chunk_bytes = 64 * 1024;  // an answer longer than this streams

Awaitable<Result<void>> answer_point(TableRequest& request, std::shared_ptr<const PointShape> shape,
                                     PointRead point) {
  auto row = co_await gather_point(request.context, std::move(shape), std::move(point));
  request.context.stage_done(request.context.shards_us);
  if (!row) co_return row.error();
  auto& exchange = request.exchange;
  if (wants_object(request)) {
    if (!*row) co_return request.is_row ? absent_row(request) : not_one_row(0);
    set_object_type(request);
    exchange.body = std::move(**row);
  } else if (*row) {
    exchange.body.reserve((*row)->size() + 2);
    exchange.body = '[';
    exchange.body += **row;
    exchange.body += ']';
  } else {
    exchange.body = "[]";
  }
  if (!request.is_row) exchange.set("Content-Range", *row ? "0-0/*" : "*/*");
  set_preferences(request, false);
  co_return Result<void>{};
}

/// A longer answer than the operator's bound allows is refused before it begins.
Awaitable<Result<void>> check_row_bound(RequestContext& context, const RowsRead& read) {
  if (!read.bound) co_return Result<void>{};
  const auto too_many = read.bound->too_many;
  const auto count = co_await gather_sum(context, read.where, [&](const ReadPlan::ForShard& shard) {
    return read.scan.count_up_to(shard, too_many);
  });
  if (!count) co_return count.error();
  if (static_cast<std::uint64_t>(*count) >= too_many) co_return read.bound->refusal;
  co_return Result<void>{};
}

/// An array of all rows; past stream_chunk_bytes it goes out as it grows.
Awaitable<Result<void>> answer_array(TableRequest& request, const ReadPlan& plan, GatheredRows rows) {
  const auto total = rows.total();
  auto& exchange = request.exchange;
  std::uint64_t count = 0;
  const auto finish_head = [&](std::optional<std::uint64_t> known_rows) {
    if (known_rows) exchange.set("Content-Range", content_range(plan.offset, *known_rows, total));
    if (known_rows && total && *known_rows < static_cast<std::uint64_t>(*total)) exchange.status = 206;
    set_preferences(request, false);
  };
  exchange.body = "[";
  for (;;) {
    auto row = co_await rows.next();
    if (!row) co_return row.error();
    if (!*row) break;
    if (count++ > 0) exchange.body += row_separator;
    exchange.body += (*row)->json;
    if (exchange.body.size() < stream_chunk_bytes) continue;
    if (!exchange.streaming()) {
      // The number of rows is not known yet, unless they were counted.
      request.context.stage_done(request.context.merge_us);
      std::optional<std::uint64_t> known;
      if (total) {
        known =
            static_cast<std::uint64_t>(*total) - std::min(plan.offset, static_cast<std::uint64_t>(*total));
        if (plan.limit) known = std::min(*known, *plan.limit);
      }
      finish_head(known);
      say_how_it_was_made(exchange, request.context);
    }
    if (!co_await exchange.flush()) {
      exchange.broken = true;
      co_return Result<void>{};
    }
    if (exchange.request.method() == http::verb::head)
      co_return Result<void>{};  // the head is all it asks for
  }
  exchange.body += "]";
  request.context.stage_done(request.context.merge_us);
  if (!exchange.streaming()) finish_head(count);
  co_return Result<void>{};
}

Awaitable<Result<void>> answer_object(TableRequest& request, GatheredRows rows) {
  const auto total = rows.total();
  std::uint64_t count = 0;
  for (;; ++count) {
    auto row = co_await rows.next();
    if (!row) co_return row.error();
    if (!*row) break;
    if (count == 0) request.exchange.body = std::move((*row)->json);
  }
  request.context.stage_done(request.context.merge_us);
  if (count == 0 && request.is_row) co_return absent_row(request);
  if (count != 1) co_return not_one_row(count);
  set_object_type(request);
  set_preferences(request, false);
  if (request.is_row) co_return Result<void>{};
  request.exchange.set("Content-Range", content_range(request.query.offset, 1, total));
  if (total && *total > 1) request.exchange.status = 206;
  co_return Result<void>{};
}

Awaitable<Result<void>> answer_rows(TableRequest& request, RowsRead read) {
  auto& context = request.context;
  if (read.where) count_load(context, read.where->group, read.where->slots);
  context.stage_done(context.plan_us);
  if (auto bounded = co_await check_row_bound(context, read); !bounded) co_return bounded.error();

  auto rows = co_await gather_rows(context, read);
  if (!rows) co_return rows.error();
  if (const auto total = rows->total(); total && read.scan.offset > static_cast<std::uint64_t>(*total))
    co_return range_not_satisfiable(read.scan.offset, *total);
  if (wants_object(request)) co_return co_await answer_object(request, std::move(*rows));
  co_return co_await answer_array(request, read.scan, std::move(*rows));
}

}  // namespace

Awaitable<Result<void>> read_rows(TableRequest& request) {
  if (const auto range = request.exchange.request.find(http::field::range);
      range != request.exchange.request.end() && !request.is_row)
    if (auto applied =
            apply_range_header(request.query, std::string_view(range->value().data(), range->value().size()));
        !applied)
      co_return applied.error();

  const auto routed = request.routed();
  auto plan = plan_routed_read(
      request.query, routed, request.prefer.count,
      {request.catalogue().bytewise_default_collation, request.context.worker.settings().limits.rows});
  if (!plan) co_return plan.error();
  auto* point = std::get_if<PointRead>(&*plan);
  if (point == nullptr) co_return co_await answer_rows(request, std::move(std::get<RowsRead>(*plan)));
  auto shape = request.context.worker.point_shapes().find(request.query.select, routed,
                                                          request.context.planned_with->snapshot);
  if (!shape) co_return shape.error();
  request.context.stage_done(request.context.plan_us);
  co_return co_await answer_point(request, std::move(*shape), std::move(*point));
}

}  // namespace shardplex::router
