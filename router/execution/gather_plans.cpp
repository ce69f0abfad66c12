#include "router/execution/gather_plans.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "postgres/result_rows.hpp"
#include "query/plan/group_states.hpp"
#include "query/plan/sql.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/until_routed.hpp"

namespace shardplex::router {
namespace {

using ShardPlans = std::vector<ShardPlan>;
using PartsOfTargets = std::function<Result<std::vector<ReadPlan::ForShard>>(const std::vector<Target>&)>;
using StatementForPart = std::function<Statement(const ReadPlan::ForShard&)>;

/// The lines of a plan; nullopt where the answer is none.
std::optional<std::string> plan_text(const ResultSets& answer, PlanAsked::Format format) {
  const auto& lines = answer.front();
  if (lines.columns() != 1 || lines.rows() == 0) return std::nullopt;
  std::string text;
  for (int line = 0; line < lines.rows(); ++line) {
    text += lines.bytes(line, 0);
    text += '\n';
  }
  if (format == PlanAsked::Format::json && !planned_rows(text)) return std::nullopt;
  return text;
}

Awaitable<Result<ShardPlans>> explain_on_shards(RequestContext& context,
                                                const std::optional<CandidateSlots>& where,
                                                const PartsOfTargets& parts_of,
                                                const StatementForPart& statement_for,
                                                const PlanAsked& asked) {
  const auto try_once = [&](ViewPtr view) -> Awaitable<Attempt<ShardPlans>> {
    const auto ask = [&](ShardId shard, std::size_t server,
                         ReadPlan::ForShard part) -> Awaitable<postgres::Outcome<ShardPlan>> {
      std::vector<Statement> statements;
      statements.push_back(explaining(statement_for(part), asked));
      context.apply_settings(statements.back());
      const auto& pool = view->shards[shard.value].servers[server].pool;
      auto answer = co_await pool->execute(postgres::Lane::read, std::move(statements), context.deadline,
                                           context.client);
      if (!answer) co_return answer.error();
      auto text = plan_text(*answer, asked.format);
      if (!text) co_return postgres::unexpected_answer("a plan that is none");
      ShardPlan plan{view->map().shard(shard).name, std::move(*text)};
      co_return plan;
    };
    if (!where) {
      std::vector<Attempt<ShardPlan>> only;
      only.push_back(co_await on_any_shard<ShardPlan>(context, *view, [&](ShardId shard, std::size_t server) {
        return ask(shard, server, for_reference());
      }));
      co_return join(std::move(only));
    }
    const auto targets = read_targets(*view, *where);
    if (!targets) co_return targets.error();
    const auto parts = parts_of(*targets);
    if (!parts) co_return parts.error();
    co_return co_await on_targets<ShardPlan>(context, *view, *targets, *parts, ask);
  };
  auto plans = co_await until_routed<ShardPlans>(context, try_once);
  sort_asked(context);
  context.stage_done(context.shards_us);
  co_return plans;
}

}  // namespace

Awaitable<Result<std::vector<ShardPlan>>> gather_plans(RequestContext& context, const RowsRead& read,
                                                       const PlanAsked& asked) {
  const PartsOfTargets parts_of = [&](const std::vector<Target>& targets) {
    return share_out(read, targets, read.share);
  };
  const StatementForPart statement_for = [&](const ReadPlan::ForShard& part) {
    const bool has_parts_of_groups = read.scan.states && !part.alone;
    return has_parts_of_groups ? partial_groups(read.scan, part) : read.scan.statement(part);
  };
  co_return co_await explain_on_shards(context, read.where, parts_of, statement_for, asked);
}

Awaitable<Result<std::vector<ShardPlan>>> gather_plans(RequestContext& context, const PointShape& shape,
                                                       const PointRead& point, const PlanAsked& asked) {
  std::optional<CandidateSlots> where;
  if (point.place) {
    const auto slot_count = context.planned_with->map().group(point.place->group).slot_count;
    where = CandidateSlots{point.place->group, SlotSet::none(slot_count)};
    where->slots.insert(point.place->slot);
  }
  const PartsOfTargets parts_of = [](const std::vector<Target>& targets) {
    std::vector<ReadPlan::ForShard> parts;
    for (const auto& target : targets) parts.push_back(for_target(target, true));  // a slot has one owner
    return Result<std::vector<ReadPlan::ForShard>>(std::move(parts));
  };
  const StatementForPart statement_for = [&](const ReadPlan::ForShard& part) {
    const std::vector<std::string> keys{point.key};
    Statement statement{part.only_owned ? shape.only_owned_sql : shape.sql, {}};
    if (part.epoch) statement.params.emplace_back(std::to_string(part.epoch->value));
    statement.params.emplace_back(array_literal(keys));
    return statement;
  };
  co_return co_await explain_on_shards(context, where, parts_of, statement_for, asked);
}

}  // namespace shardplex::router
