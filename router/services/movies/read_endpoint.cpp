// GET and HEAD: one row by its key, or a scatter, a merge and a stream.
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
#include "router/services/movies/row_answers.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {
namespace {

Awaitable<Result<Answer>> answer_point(TableRequest& request, std::shared_ptr<const PointShape> shape,
                                       PointRead point) {
  auto row = co_await gather_point(request.context, std::move(shape), std::move(point));
  request.context.stage_done(request.context.shards_us);
  if (!row) co_return row.error();
  Answer answer;
  if (wants_object(request)) {
    if (!*row) co_return request.is_row ? absent_row(request) : not_one_row(0);
    set_object_type(answer, request);
    answer.body = std::move((*row)->json);
  } else if (*row) {
    answer.body.reserve((*row)->json.size() + 2);
    answer.body = '[';
    answer.body += (*row)->json;
    answer.body += ']';
  } else {
    answer.body = "[]";
  }
  if (!request.is_row) answer.set("Content-Range", *row ? "0-0/*" : "*/*");
  set_preferences(answer, request, false);
  co_return answer;
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

/// 416 says how many rows there are (RFC 9110, section 15.5.17).
Answer answer_beyond_end(std::uint64_t offset, std::int64_t total) {
  auto answer = to_answer(range_not_satisfiable(offset, total));
  answer.set("Content-Range", content_range(0, 0, total));
  return answer;
}

Awaitable<Result<Answer>> answer_rows(TableRequest& request, RowsRead read) {
  auto& context = request.context;
  if (read.where) count_load(context, read.where->group, read.where->slots);
  context.stage_done(context.plan_us);
  if (auto bounded = co_await check_row_bound(context, read); !bounded) co_return bounded.error();

  auto rows = co_await gather_rows(context, read);
  if (!rows) co_return rows.error();
  if (const auto total = rows->total(); total && read.scan.offset > static_cast<std::uint64_t>(*total))
    co_return answer_beyond_end(read.scan.offset, *total);
  if (wants_object(request)) co_return co_await answer_object(request, std::move(*rows));
  co_return co_await answer_array(request, read.scan, std::move(*rows));
}

}  // namespace

Awaitable<Result<Answer>> read_rows(TableRequest& request) {
  // Range is for GET alone (RFC 9110, section 14.2).
  const bool has_range =
      request.call.request.method() == http::verb::get && request.call.request.count(http::field::range) > 0;
  if (!request.is_row && has_range)
    if (auto applied = apply_range_header(request.query, request.call.header(http::field::range)); !applied)
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
