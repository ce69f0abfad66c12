// A write is one transaction on one shard, guarded by the shard's own ownership check.
#include "router/execution/write.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/execution/all_of.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/until_routed.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

Error several_shards(const View& view, const std::vector<Target>& targets) {
  const auto names =
      joined(targets, [&](const Target& target) { return view.map().shard(target.shard).name; });
  return cannot_merge(
      "The write touches rows of several shards (" + names + "), which this release cannot do atomically.",
      "Write rows of one shard at a time: name them by their key.");
}

std::uint64_t rows_left_out(const postgres::ResultSet& rows) {
  std::uint64_t left_out = 0;
  for (int row = 0; row < rows.rows(); ++row) left_out += rows.is_null(row, 0) ? 1 : 0;
  return left_out;
}

Written written(ResultSets sets, const WritePlan& plan) {
  Written out;
  out.rows = std::move(sets.back());
  if (plan.reports_count)
    out.affected = static_cast<std::uint64_t>(std::max<std::int64_t>(0, out.rows->integer(0, 0).value_or(0)));
  else if (plan.returns == WritePlan::Returns::nothing && !plan.reports_created)
    out.affected = out.rows->affected_rows();
  else
    out.affected = static_cast<std::uint64_t>(out.rows->rows());
  out.shown = out.affected;
  if (plan.leaves_out) out.shown -= rows_left_out(*out.rows);
  out.created =
      plan.reports_created && out.rows->rows() == 1 && out.rows->boolean(0, out.rows->columns() - 1);
  return out;
}

/// The slot of the one row that `plan.locate` names, by asking the primaries of all shards that may hold it;
/// nullopt where none does.
Awaitable<Attempt<std::optional<Slot>>> locate(RequestContext& context, ViewPtr view, const WritePlan& plan,
                                               const std::vector<Target>& targets) {
  const auto ask = [&](const Target& target) -> Awaitable<Attempt<ResultSets>> {
    std::vector<Statement> statements{*plan.locate};
    statements.front().params.front() = std::to_string(target.epoch.value);
    return ask_primary(context, view, target.shard, postgres::Lane::read, std::move(statements));
  };
  std::vector<Awaitable<Attempt<ResultSets>>> tasks;
  for (const auto& target : targets) tasks.push_back(ask(target));
  auto answers = co_await all_of(context.worker.executor(), std::move(tasks));
  std::optional<Slot> found;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i]) co_return answers[i].error();
    const auto& rows = answers[i]->front();
    for (int row = 0; row < rows.rows(); ++row) {
      const auto number = rows.integer(row, 0);
      if (!number || *number < 0 || *number >= targets[i].slots.slot_count()) continue;
      const Slot slot{static_cast<std::uint32_t>(*number)};
      if (!targets[i].slots.contains(slot)) continue;  // left over from a move
      if (found)
        co_return cannot_merge("Several rows have this key, on different lists.",
                               "Filter on the list's column as well.");
      found = slot;
    }
  }
  co_return found;
}

/// Inserts that share a transaction share the bound on their answers, so one whose answer may be large goes
/// alone: a column can be asked for many times over, and any number of rows can be embedded.
bool may_share_transaction(const WritePlan& plan, const Statement& statement) {
  constexpr std::size_t most_sql = 4 * 1024, most_values = 16 * 1024;
  if (plan.chooses_rows || plan.reports_created || plan.embeds) return false;
  if (plan.returns != WritePlan::Returns::representation) return true;
  std::size_t values = 0;
  for (const auto& value : statement.params) values += value ? value->size() : 0;
  return statement.sql.size() <= most_sql && values <= most_values;
}

/// The client is to be told of what was written. Where that cannot be done, nothing should be.
postgres::Commit commit_of(const WritePlan& plan) {
  return plan.returns == WritePlan::Returns::nothing ? postgres::Commit::at_once
                                                     : postgres::Commit::once_answered;
}

/// The statement refused itself, for it touched no row and may not do so.
bool refused_none(const Attempt<ResultSets>& answer) {
  if (answer) return false;
  const auto failed = answer.error();
  const auto* error = std::get_if<Error>(&failed);
  return error != nullptr && error->code == sqlstate_row_bounds && error->details == "0";
}

/// One try at a write on sharded rows. `located_before`: the slot in which the try before found the row, but
/// could not change it.
Awaitable<Attempt<Written>> try_write(RequestContext& context, ViewPtr view, const WritePlan& plan,
                                      GroupId group, std::optional<Slot>& located_before) {
  const auto& ownership = *view->snapshot->ownership;
  auto placed = place(*plan.slots, group, view->map(), ownership, true);
  if (const auto* fault = std::get_if<RouteFault>(&placed)) co_return failed_attempt(*fault);
  const auto& targets = std::get<Route>(placed).targets;
  if (targets.empty()) co_return Written{};

  auto target = &targets.front();
  std::optional<Slot> pinned;
  if (plan.locate) {
    auto located = co_await locate(context, view, plan, targets);
    if (!located) co_return located.error();
    pinned = *located;
    if (!pinned && plan.not_located) co_return *plan.not_located;
    if (!pinned) co_return Written{};
    context.asked.clear();
    target = &*std::find_if(targets.begin(), targets.end(),
                            [&](const Target& t) { return t.slots.contains(*pinned); });
  } else if (targets.size() > 1) {
    co_return several_shards(*view, targets);
  }
  if (plan.new_slot) {
    const auto& owner = ownership.owner(group, *plan.new_slot);
    if (owner.fault == Ownership::Fault::none && owner.shard != target->shard)
      co_return cannot_merge("The change moves the row from shard " + view->map().shard(target->shard).name +
                                 " to shard " + view->map().shard(owner.shard).name +
                                 ", which this release cannot do atomically.",
                             "Insert the row anew and delete the old one.");
    if (owner.fault != Ownership::Fault::none || owner.fenced)
      co_return Replan{"the slot that the row changes to is being handed over", ""};
  }
  Statement statement = plan.statement(pinned, !target->clean);
  Attempt<ResultSets> answer;
  if (may_share_transaction(plan, statement)) {
    answer = co_await insert_on_primary(context, view, target->shard, plan.group, plan.table, target->epoch,
                                        std::move(statement));
  } else {
    std::vector<Statement> statements;
    statements.push_back(begin_write(plan.group, target->epoch));
    statements.push_back(std::move(statement));
    answer = co_await ask_primary(context, view, target->shard, postgres::Lane::write, std::move(statements),
                                  commit_of(plan));
  }
  if (!answer && !refused_none(answer)) co_return answer.error();
  Written out;
  if (answer) out = written(std::move(*answer), plan);
  // Between being located and being written, the row may have changed its slot. Nothing was changed: look
  // again. A row that is still there was left alone by a trigger.
  if (pinned && out.affected == 0 && std::exchange(located_before, pinned) != pinned)
    co_return Replan{"the row is changing its slot", ""};
  if (!answer) co_return answer.error();
  co_return out;
}

/// Reference tables: every shard has a copy, so only a cluster of one shard can be written by one
/// transaction.
Awaitable<Attempt<Written>> try_reference_write(RequestContext& context, ViewPtr view,
                                                const WritePlan& plan) {
  if (view->shards.size() > 1)
    co_return cannot_merge(
        "Reference table " + plan.table +
            " has a copy on every shard, and this release cannot write to all of them atomically.",
        "Load it with 'shardplex load'.");
  std::vector<Statement> statements;
  statements.push_back(plan.statement(std::nullopt, false));
  auto answer = co_await ask_primary(context, view, ShardId{0}, postgres::Lane::write, std::move(statements),
                                     commit_of(plan));
  if (!answer) co_return answer.error();
  co_return written(std::move(*answer), plan);
}

}  // namespace

Awaitable<Result<Written>> write(RequestContext& context, const WritePlan& plan,
                                 std::optional<GroupId> group) {
  context.stage_done(context.plan_us);
  if (plan.slots) count_load(context, *group, *plan.slots);
  std::optional<Slot> located_before;
  auto outcome = co_await until_routed<Written>(context, [&](ViewPtr view) {
    context.asked.clear();
    return plan.slots ? try_write(context, view, plan, *group, located_before)
                      : try_reference_write(context, view, plan);
  });
  context.stage_done(context.shards_us);
  if (outcome || !group) co_return outcome;
  // "Failing row contains (…)" shows the row as stored, its slot included; of a view as its table has it.
  auto error = outcome.error();
  if (error.code == "23502" || error.code == "23514" || error.code == "44000") error.details.reset();
  co_return error;
}

}  // namespace shardplex::router
