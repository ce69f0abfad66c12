#include "router/execution/ask_shards.hpp"

#include <string_view>

#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

using postgres::Failure;

QueryOutcome outcome_kind(const std::optional<Failure>& failure) {
  if (!failure) return QueryOutcome::ok;
  switch (failure->kind) {
    case Failure::Kind::statement:
      return failure->sqlstate == sqlstate_stale_epoch ? QueryOutcome::stale_epoch
                                                       : QueryOutcome::statement_error;
    case Failure::Kind::deadline:
    case Failure::Kind::busy:
    case Failure::Kind::abandoned:
      return QueryOutcome::timeout;
    case Failure::Kind::too_large:
    case Failure::Kind::no_memory:
      return QueryOutcome::statement_error;
    case Failure::Kind::connect:
    case Failure::Kind::lost:
      break;
  }
  return QueryOutcome::unavailable;
}

bool is_unreachable(const Failure& failure) {
  return failure.kind == Failure::Kind::connect || failure.kind == Failure::Kind::lost ||
         (failure.kind == Failure::Kind::statement && says_unavailable(failure.sqlstate));
}

/// A replica may cancel a query that is in the way of its replay; the primary can answer it.
bool is_recovery_conflict(const Failure& failure) {
  return failure.kind == Failure::Kind::statement &&
         (failure.sqlstate == sqlstate_serialization || failure.sqlstate == sqlstate_deadlock);
}

/// A function that the statement names with its schema is not there: of a computed column, or one that is
/// called. Of the others a client's values decide whether there is one for them. Those of the schema
/// shardplex come with it.
bool lacks_function_of_catalogue(const Failure& failure) {
  if (failure.sqlstate != sqlstate_no_function || failure.in_function) return false;
  const std::string_view message = failure.message;
  const auto name = message.substr(0, message.find('('));  // and what stands before it, in any language
  return name.size() < message.size() && name.find('.') != std::string_view::npos &&
         name.find("shardplex.") == std::string_view::npos;
}

/// The tables of the server, or functions, are not those that were planned for: older, on a replica, or
/// newer.
bool has_other_tables(const Failure& failure) {
  return failure.kind == Failure::Kind::statement &&
         (failure.of_other_tables || failure.sqlstate == sqlstate_other_tables ||
          failure.sqlstate == sqlstate_no_column || failure.sqlstate == sqlstate_no_table ||
          lacks_function_of_catalogue(failure));
}

/// The server has become a replica, or was told to take no writes: nothing was changed.
bool takes_no_writes(const Failure& failure) {
  return failure.kind == Failure::Kind::statement && failure.sqlstate == sqlstate_read_only;
}

/// Nobody reads the shard: `error` now, or soon where the read may use any server, unless the answer may lack
/// the shard. `is_gone`: nobody is there; an answer does not lack a shard for what a server has said.
FailedAttempt unserved(RequestContext& context, const View& view, ShardId shard, Error error, bool is_gone,
                       bool at_once = false, bool sent = false) {
  const auto now = Clock::now();
  if (context.consistency == Consistency::strong) {
    if (!is_gone || !context.partial.allowed) return error;
    context.partial.found_unserved(shard, now, now);
    return Unserved{std::move(error), now};
  }
  const auto until = context.worker.outages().found_none(view.map().shard(shard).name, now);
  if (is_gone) context.partial.found_unserved(shard, until, now);
  if (until == now + context.worker.outages().patience()) context.worker.refresher().request_probes();
  return Unserved{std::move(error), until, at_once, sent};
}

/// Calls `run_on(pool)`, which gives an Outcome<ResultSets>, with the pool of the shard's primary. What a
/// write's answer is worth, PromotionWatch decides.
template <class RunOn>
Awaitable<Attempt<ResultSets>> on_primary(RequestContext& context, ViewPtr view, ShardId shard, bool writes,
                                          RunOn run_on) {
  const auto& state = view->state(shard);
  auto& watch = context.worker.promotion_watch();
  if (!state.primary || watch.is_deposed(*view, shard)) co_return nobody_up(*view, shard);
  MeasuredTrip trip(*view, shard, *state.primary);
  auto outcome = co_await run_on(view->shards[shard.value].servers[*state.primary].pool);
  const auto failure = failure_of(outcome);
  trip.end(failure);
  if (!outcome && writes && takes_no_writes(*failure)) {
    context.worker.refresher().request_probes();
    co_return nobody_up(*view, shard);
  }
  if (!outcome) co_return failed_attempt(*failure, *view, shard);
  if (writes && context.worker.settings().confirm_primary) {
    const bool lost_its_role = co_await watch.saw_promotion(*view, shard, context.worker.view());
    if (lost_its_role) co_return outcome_unknown(view->map().shard(shard).name);
  }
  context.asked.push_back(state.servers[*state.primary].name);
  co_return std::move(*outcome);
}

}  // namespace

MeasuredTrip::MeasuredTrip(const View& view, ShardId shard, std::size_t server)
    : metrics_(view.shards[shard.value].metrics->roles[static_cast<std::size_t>(
          view.state(shard).servers[server].writable ? Role::primary : Role::replica)]) {}

void MeasuredTrip::end(const std::optional<Failure>& failure) {
  metrics_.queries[static_cast<std::size_t>(outcome_kind(failure))].add();
  metrics_.latency.observe(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_).count()));
}

FailedAttempt failed_attempt(const Failure& failure, const View& view, ShardId shard) {
  const auto& name = view.map().shard(shard).name;
  if (failure.kind == Failure::Kind::statement &&
      (failure.sqlstate == sqlstate_stale_epoch || failure.sqlstate == sqlstate_fence))
    return Replan{"ownership of slots is changing on shard " + name, name};
  // What a function says for itself is its answer: another try would call it once more.
  if (has_other_tables(failure) && !failure.in_function)
    return Replan{"the tables of shard " + name + " are being changed", name,
                  postgres::to_error(failure, name)};
  return postgres::to_error(failure, name);
}

bool another_server_may_answer(const Failure& failure, const ServerState& server) {
  const bool behind = !server.writable && failure.sqlstate == sqlstate_stale_epoch;
  const bool in_the_way = !server.writable && is_recovery_conflict(failure);
  const bool behind_in_tables = !server.writable && has_other_tables(failure);
  return behind || in_the_way || behind_in_tables || is_unreachable(failure);
}

FailedAttempt without_server(RequestContext& context, const View& view, ShardId shard) {
  return unserved(context, view, shard, nobody_up(view, shard), true);
}

FailedAttempt all_have_failed(RequestContext& context, const View& view, ShardId shard,
                              const std::vector<std::size_t>& asked, const Failure& last, bool sent) {
  auto failed = failed_attempt(last, view, shard);
  auto* error = std::get_if<Error>(&failed);
  if (error == nullptr) return failed;
  if (context.consistency == Consistency::strong && last.kind == Failure::Kind::lost &&
      context.asked_again++ == 0)
    return Replan{"the connection to shard " + view.map().shard(shard).name + " was lost",
                  view.map().shard(shard).name};
  const bool at_once = std::ranges::any_of(
      asked, [&](std::size_t server) { return view.shards[shard.value].servers[server].pool->reachable(); });
  return unserved(context, view, shard, std::move(*error), is_unreachable(last), at_once, sent);
}

Awaitable<Attempt<ResultSets>> ask_primary(RequestContext& context, ViewPtr view, ShardId shard,
                                           postgres::Lane lane, std::vector<Statement> statements,
                                           postgres::Commit commit) {
  for (auto& statement : statements) context.apply_settings(statement);
  const auto run = [&](const std::shared_ptr<postgres::Pool>& pool) {
    return pool->execute(lane, std::move(statements), context.deadline, context.client, commit);
  };
  co_return co_await on_primary(context, view, shard, lane == postgres::Lane::write, run);
}

Awaitable<Attempt<ResultSets>> insert_on_primary(RequestContext& context, ViewPtr view, ShardId shard,
                                                 const std::string& group, const std::string& table,
                                                 Epoch epoch, Statement statement) {
  context.apply_settings(statement);
  const auto run = [&](const std::shared_ptr<postgres::Pool>& pool) {
    return context.worker.insert_batcher().run(
        {pool, group, epoch, table, context.time_zone, context.search_path}, std::move(statement),
        context.deadline, context.client);
  };
  co_return co_await on_primary(context, view, shard, true, run);
}

}  // namespace shardplex::router
