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
#include "router/execution/rough_count.hpp"
#include "router/execution/time_zones.hpp"
#include "router/services/movies/cursor_pages.hpp"
#include "router/services/movies/plan_answer.hpp"
#include "router/services/movies/rendering.hpp"
#include "router/services/movies/request_parts.hpp"
#include "router/services/movies/row_answers.hpp"
#include "router/services/movies/rows_body.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {
namespace {

Awaitable<Result<Answer>> answer_point(TableRequest& request, std::shared_ptr<const PointShape> shape,
                                       PointRead point) {
  auto header = shape->row.header();
  auto row = co_await gather_point(request.context, std::move(shape), std::move(point));
  request.context.stage_done(request.context.shards_us);
  if (!row) co_return row.error();
  Answer answer;
  const bool found = row->has_value();
  request.call.record.rows = found ? 1 : 0;
  request.call.record.rows_read = request.call.record.rows;
  if (found) {
    if (auto set = set_row(answer, request, std::move(header), std::move((*row)->json)); !set)
      co_return set.error();
  } else if (wants_one_row(request)) {
    co_return request.is_row ? absent_row(request) : not_one_row(0);
  } else {
    set_no_rows(answer, request);
  }
  if (!request.is_row) answer.set("Content-Range", found ? "0-0/*" : "*/*");
  set_preferences(answer, request, false);
  co_return answer;
}

/// A longer answer than the operator's bound allows is refused before it begins.
Awaitable<Result<void>> check_row_bound(RequestContext& context, const RowsRead& read) {
  // Parts of groups cannot be counted.
  if (!read.bound || read.scan.states) co_return Result<void>{};
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

/// Without a bound on the rows of an answer there is nothing beyond which estimates would do.
CountKind count_kind(const TableRequest& request) {
  const bool exactly =
      request.prefer.count == CountKind::estimated && request.context.worker.settings().limits.rows == 0;
  return exactly ? CountKind::exact : request.prefer.count;
}

Awaitable<Result<Answer>> answer_rows(TableRequest& request, RowsRead read) {
  auto& context = request.context;
  context.partial.allowed = request.prefer.partial && read.where;
  if (read.where) count_load(context, read.where->group, read.where->slots);
  context.stage_done(context.plan_us);
  if (auto bounded = co_await check_row_bound(context, read); !bounded) co_return bounded.error();

  std::optional<std::int64_t> rough;
  if (const auto kind = count_kind(request); kind == CountKind::planned || kind == CountKind::estimated) {
    const auto count = co_await count_roughly(context, read, kind, context.worker.settings().limits.rows);
    if (!count) co_return count.error();
    rough = *count;
  }
  auto rows = co_await gather_joined_rows(context, read);
  if (!rows) co_return rows.error();
  if (rough && context.partial.given_up.empty()) rows->set_rough_total(*rough);
  if (const auto total = rows->total(); total && read.scan.offset > static_cast<std::uint64_t>(*total))
    co_return answer_beyond_end(read.scan.offset, *total);
  if (read.page) co_return co_await answer_page(request, read, std::move(*rows));
  if (wants_one_row(request)) co_return co_await answer_one(request, read.scan, std::move(*rows));
  co_return co_await answer_all(request, read.scan, std::move(*rows));
}

}  // namespace

Awaitable<Result<Answer>> read_rows(TableRequest& request) {
  if (request.query.page)
    if (auto checked = check_page_request(request); !checked) co_return checked.error();
  if (auto applied = apply_range(request.query, request.call.request, request.is_row); !applied)
    co_return applied.error();
  const auto routed = request.routed();
  const auto& settings = request.context.worker.settings();
  const auto format = row_format(request.shape, runs_in_utc(settings, request.context.time_zone));
  auto plan = plan_of_read(request.query, routed, count_kind(request), format, *request.schema, settings);
  if (!plan) co_return plan.error();
  request.is_planned = true;
  const bool is_whole = wants_one_row(request) || request.plan_asked;
  if (auto checked = check_partial(request.prefer, *plan, is_whole); !checked) co_return checked.error();
  if (request.plan_asked) co_return co_await answer_plan(request, *plan);
  auto* point = std::get_if<PointRead>(&*plan);
  if (point == nullptr) co_return co_await answer_rows(request, std::move(std::get<RowsRead>(*plan)));
  auto shape = request.context.worker.point_shapes().find(request.query.select, routed,
                                                          request.context.planned_with->snapshot, format);
  if (!shape) co_return shape.error();
  request.context.stage_done(request.context.plan_us);
  co_return co_await answer_point(request, std::move(*shape), std::move(*point));
}

}  // namespace shardplex::router
