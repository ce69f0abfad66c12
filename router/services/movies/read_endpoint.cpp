// GET and HEAD: one row by its key, or a scatter, a merge and a stream.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/plan/plan.hpp"
#include "router/services/movies/merged_rows.hpp"
#include "router/services/movies/rendering.hpp"
#include "router/services/movies/row_answers.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {
namespace {

constexpr std::uint64_t bounded_rows = 1000;  // an answer of at most so many rows is asked for whole

Awaitable<Result<Answer>> answer_point(TableRequest& request, std::shared_ptr<const PointShape> shape,
                                       std::string key) {
  auto row = co_await gather_point(request.context, std::move(shape), *request.placement, std::move(key));
  request.context.stage_done(request.context.shards_us);
  if (!row) co_return row.error();
  Answer answer;
  if (wants_object(request)) {
    if (!*row) co_return request.is_row ? absent_row(request) : not_one_row(0);
    set_object_type(answer, request);
    answer.body = std::move(**row);
  } else if (*row) {
    answer.body.reserve((*row)->size() + 2);
    answer.body = '[';
    answer.body += **row;
    answer.body += ']';
  } else {
    answer.body = "[]";
  }
  if (!request.is_row) answer.set("Content-Range", *row ? "0-0/*" : "*/*");
  set_preferences(answer, request, false);
  co_return answer;
}

/// The operator's bound on rows per answer: a longer answer is refused before it begins, never cut short.
Awaitable<Result<void>> check_row_bound(TableRequest& request, const ReadPlan& plan, const SlotSet* slots) {
  const auto bound = request.context.worker.settings().limits.rows;
  if (bound == 0 || (plan.limit && *plan.limit <= bound)) co_return Result<void>{};
  const auto refusal = [&](std::string details) {
    return Error{"SHARD400", "The answer has too many rows", std::move(details),
                 "Ask for pages with limit= and offset=, or a Range header.", std::nullopt};
  };
  const auto most = "The limit is " + std::to_string(bound) + " rows per answer";
  if (plan.limit) co_return refusal(most + ", and limit is " + std::to_string(*plan.limit) + ".");
  const auto enough = plan.offset + bound + 1;
  const auto count =
      co_await gather_sum(request.context, *request.placement, slots,
                          [&](const ReadPlan::ForShard& shard) { return plan.count_up_to(shard, enough); });
  if (!count) co_return count.error();
  if (static_cast<std::uint64_t>(*count) >= enough) co_return refusal(most + ", and no limit was given.");
  co_return Result<void>{};
}

bool is_hashed(const TableRequest& request) {
  return request.placement->group &&
         std::holds_alternative<HashStrategy>(request.map().group(*request.placement->group).strategy);
}

Awaitable<Result<Answer>> answer_rows(TableRequest& request) {
  auto& context = request.context;
  const bool counts = request.prefer.count == CountKind::exact;
  auto plan = plan_read(request.query, *request.table, *request.placement, request.map(), counts,
                        request.catalogue().bytewise_default_collation);
  if (!plan) co_return plan.error();
  std::optional<SlotSet> slots;
  if (request.placement->group)
    slots = candidate_slots(request.query.filters, *request.table, *request.placement, request.map());
  const SlotSet* where = slots ? &*slots : nullptr;
  if (where) count_load(context, *request.placement->group, *where);
  context.stage_done(context.plan_us);
  if (auto bounded = co_await check_row_bound(request, *plan, where); !bounded) co_return bounded.error();

  const bool bounded =
      names_one_row(request) || (plan->limit && *plan->limit <= bounded_rows && plan->offset <= bounded_rows);
  // First what each shard is likely to contribute; in the few cases where that falls short, again and whole.
  auto share = bounded && is_hashed(request) ? Share::expected : Share::whole;
  for (;; share = Share::whole) {
    auto sources = co_await gather_rows(context, *plan, *request.placement, where, !bounded, share);
    if (!sources) co_return sources.error();
    std::optional<std::int64_t> total;
    if (counts) {
      total = 0;
      for (const auto& source : *sources) *total += source.total();
    }
    context.stage_done(context.shards_us);
    if (total && plan->offset > static_cast<std::uint64_t>(*total))
      co_return range_not_satisfiable(plan->offset, *total);

    MergedRows rows(*plan, std::move(*sources), context.deadline);
    if (share == Share::expected) {
      const auto enough = co_await rows.merge_ahead();
      if (!enough) co_return enough.error();
      if (!*enough) continue;
    }
    if (wants_object(request)) co_return co_await answer_object(request, std::move(rows), total);
    co_return co_await answer_array(request, *plan, std::move(rows), total);
  }
}

}  // namespace

Awaitable<Result<Answer>> read_rows(TableRequest& request) {
  if (!request.is_row && request.call.request.count(http::field::range) > 0)
    if (auto applied = apply_range_header(request.query, request.call.header(http::field::range)); !applied)
      co_return applied.error();

  // The fast way, for the most frequent request of all.
  if (request.prefer.count == CountKind::none)
    if (const auto* text = point_key(request.query, *request.table, *request.placement, request.map())) {
      auto shape = request.context.worker.point_shapes().find(
          request.query.select, *request.table, *request.placement, request.context.planned_with->snapshot);
      if (!shape) co_return shape.error();
      if (auto key = canonical_text((*shape)->key_type, *text)) {
        request.context.stage_done(request.context.plan_us);
        co_return co_await answer_point(request, std::move(*shape), std::move(*key));
      }
    }
  co_return co_await answer_rows(request);
}

}  // namespace shardplex::router
