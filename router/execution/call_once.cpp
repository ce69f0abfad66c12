#include "router/execution/call_once.hpp"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "router/execution/ask_shards.hpp"
#include "router/execution/insert_batcher.hpp"
#include "router/execution/planned_rows.hpp"
#include "router/execution/until_routed.hpp"

namespace shardplex::router {
namespace {

Error written_and_unread(const std::string& shard) {
  return {"SHARD503", "The answer of a call cannot be read",
          "shard " + shard + ": its tables are being changed; what the function has written is kept",
          "Look whether the change is there before calling the function again.", std::nullopt};
}

/// Asked behind the call, in its transaction and its round trip.
Statement what_function_set() {
  return {
      "SELECT pg_catalog.current_setting('response.headers', true), "
      "pg_catalog.current_setting('response.status', true)",
      {}};
}

/// Takes the answer to what_function_set(), which comes last. Precondition: there is one.
SetByFunction take_what_function_set(ResultSets& sets) {
  const auto set = std::move(sets.back());
  sets.pop_back();
  if (set.rows() != 1 || set.columns() != 2) return {};
  return {set.copy(0, 0).value_or(""), set.copy(0, 1).value_or("")};
}

/// How many keys of a row are read: those of rows that are put in order later.
std::size_t keys_of_call(const CallPlan& plan) {
  return plan.read.sort ? plan.read.scan.keys.size() : 0;
}

/// It has been called, so another try may do it all again: whatever is wrong with the rows is the answer.
Attempt<ShardRows> rows_of(RequestContext& context, ResultSets sets, const CallPlan& plan, const View& view,
                           ShardId shard) {
  context.set_by_function = take_what_function_set(sets);
  auto rows =
      held_to(plan.read.scan, keys_of_call(plan),
              ShardRows(std::make_shared<const postgres::ResultSet>(std::move(sets.back())), std::nullopt));
  if (rows) return std::move(*rows);
  const auto& name = view.map().shard(shard).name;
  if (plan.writes) return written_and_unread(name);
  return postgres::to_error(rows.error(), name);
}

Awaitable<Attempt<ShardRows>> on_primary_of(RequestContext& context, ViewPtr view, const CallPlan& plan,
                                            ShardId shard, std::vector<Statement> statements) {
  const auto lane = plan.writes ? postgres::Lane::write : postgres::Lane::read;
  const auto commit = plan.writes ? postgres::Commit::once_answered : postgres::Commit::at_once;
  statements.push_back(what_function_set());
  auto answer = co_await ask_primary(context, view, shard, lane, std::move(statements), commit);
  if (!answer) co_return answer.error();
  if (!plan.writes && context.consistency == Consistency::strong &&
      context.worker.settings().confirm_primary) {
    const auto& name = view->map().shard(shard).name;
    const bool is_old =
        co_await context.worker.promotion_watch().saw_promotion(*view, shard, context.worker.view());
    if (is_old) co_return Replan{"another server is becoming the primary of shard " + name, name};
  }
  co_return rows_of(context, std::move(*answer), plan, *view, shard);
}

Awaitable<Attempt<ShardRows>> on_owner(RequestContext& context, ViewPtr view, const CallPlan& plan) {
  const auto& where = *plan.read.where;
  auto placed = place(where.slots, where.group, view->map(), *view->snapshot->ownership, true);
  if (const auto* fault = std::get_if<RouteFault>(&placed)) co_return failed_attempt(*fault);
  const auto& target = std::get<Route>(placed).targets.front();  // a slot has one owner
  std::vector<Statement> statements;
  statements.push_back(begin_write(plan.read.scan.group, target.epoch));
  statements.push_back(plan.read.scan.statement(for_target(target, true)));
  co_return co_await on_primary_of(context, view, plan, target.shard, std::move(statements));
}

Awaitable<Attempt<ShardRows>> on_any(RequestContext& context, ViewPtr view, const CallPlan& plan) {
  Statement statement = plan.read.scan.statement(for_reference());
  context.apply_settings(statement);
  const auto ask = [&](ShardId shard, std::size_t server) -> Awaitable<postgres::Outcome<ShardRows>> {
    const auto& pool = view->shards[shard.value].servers[server].pool;
    std::vector<Statement> statements;
    statements.push_back(statement);
    statements.push_back(what_function_set());
    auto sets =
        co_await pool->execute(postgres::Lane::read, std::move(statements), context.deadline, context.client);
    if (!sets) co_return sets.error();
    context.set_by_function = take_what_function_set(*sets);
    co_return held_to(
        plan.read.scan, keys_of_call(plan),
        ShardRows(std::make_shared<const postgres::ResultSet>(std::move(sets->front())), std::nullopt));
  };
  co_return co_await on_any_shard<ShardRows>(context, *view, ask);
}

Awaitable<Attempt<ShardRows>> on_first(RequestContext& context, ViewPtr view, const CallPlan& plan) {
  std::vector<Statement> statements;
  statements.push_back(plan.read.scan.statement(for_reference()));
  co_return co_await on_primary_of(context, view, plan, ShardId{0}, std::move(statements));
}

}  // namespace

Awaitable<Result<GatheredRows>> call_once(RequestContext& context, const CallPlan& plan) {
  const auto try_once = [&](ViewPtr view) {
    if (plan.read.where) return on_owner(context, view, plan);
    return plan.writes ? on_first(context, view, plan) : on_any(context, view, plan);
  };
  auto rows = co_await until_routed<ShardRows>(context, try_once);
  context.stage_done(context.shards_us);
  if (!rows) co_return rows.error();
  std::optional<std::int64_t> total;
  if (plan.read.scan.counts) total = rows->total();
  std::vector<ShardRows> sources;
  sources.push_back(std::move(*rows));
  auto combined = plan.read.combine(1);
  // What was written is committed by now, and its client has to be told so, however short memory is. The
  // result itself had its share before the commit.
  MemoryBudget* const memory = plan.writes ? nullptr : context.worker.memory();
  co_return GatheredRows(plan.read.scan, std::move(combined), std::move(sources), total, context.deadline,
                         memory);
}

}  // namespace shardplex::router
