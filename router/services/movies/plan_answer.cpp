#include "router/services/movies/plan_answer.hpp"

#include <utility>
#include <variant>
#include <vector>

#include "query/plan/explained.hpp"
#include "router/execution/gather_plans.hpp"
#include "router/execution/time_zones.hpp"
#include "router/services/movies/rows_body.hpp"

namespace shardplex::router {
namespace {

Error looks_rows_up() {
  return {
      "SHARD400", "This read has no plan that PostgreSQL could show",
      "It embeds rows of other shards, or is chosen by them, and which statements look these up depends on "
      "the rows that are read first.",
      "shardplex explain shows its statements; a read of each table alone has a plan.", std::nullopt};
}

Awaitable<Result<std::vector<ShardPlan>>> plans_of(TableRequest& request, const RoutedPlan& plan) {
  auto& context = request.context;
  if (const auto* rows = std::get_if<RowsRead>(&plan)) {
    if (!rows->lookups.empty()) co_return looks_rows_up();
    context.stage_done(context.plan_us);
    co_return co_await gather_plans(context, *rows, *request.plan_asked);
  }
  const bool in_utc = runs_in_utc(context.worker.settings(), context.time_zone);
  const auto shape = plan_point(request.query.select, request.routed(), row_format(request.shape, in_utc));
  if (!shape) co_return shape.error();
  context.stage_done(context.plan_us);
  co_return co_await gather_plans(context, *shape, std::get<PointRead>(plan), *request.plan_asked);
}

}  // namespace

Awaitable<Result<Answer>> answer_plan(TableRequest& request, const RoutedPlan& plan) {
  const auto plans = co_await plans_of(request, plan);
  if (!plans) co_return plans.error();
  Answer answer;
  answer.body = side_by_side(*plans, request.plan_asked->format);
  answer.content_type = {};
  answer.set("Content-Type", content_type(*request.plan_asked));
  co_return answer;
}

}  // namespace shardplex::router
