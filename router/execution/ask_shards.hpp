// Asking one shard, any shard, or several at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "postgres/failure.hpp"
#include "postgres/pool.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/all_of.hpp"
#include "router/execution/attempt.hpp"
#include "router/execution/request_context.hpp"
#include "router/execution/servers.hpp"

namespace shardplex::router {

using ResultSets = std::vector<postgres::ResultSet>;

/// Counts one round trip in the metrics of its shard and role.
class MeasuredTrip {
 public:
  MeasuredTrip(const View& view, ShardId shard, std::size_t server);
  void end(const std::optional<postgres::Failure>& failure);

 private:
  RoleMetrics& metrics_;
  Clock::time_point started_ = Clock::now();
};

template <class T>
std::optional<postgres::Failure> failure_of(const postgres::Outcome<T>& outcome) {
  if (outcome) return std::nullopt;
  return outcome.error();
}

/// What a server's failure makes of the try: Replan where the shard says that the epoch is not its own, that
/// a fence is being set, or that it has other tables than were planned for.
FailedAttempt failed_attempt(const postgres::Failure& failure, const View& view, ShardId shard);

/// Another server of the shard may answer what this one could not: it is unreachable, or a replica that is
/// behind the map or the tables, or whose replay was in the way.
bool another_server_may_answer(const postgres::Failure& failure, const ServerState& server);

/// What becomes of a read for which the shard has no server.
FailedAttempt without_server(RequestContext& context, const View& view, ShardId shard);

/// What becomes of a read that these servers of the shard have failed to answer, the last one with `last`.
/// `sent`: one of them has had the statement.
FailedAttempt all_have_failed(RequestContext& context, const View& view, ShardId shard,
                              const std::vector<std::size_t>& asked, const postgres::Failure& last,
                              bool sent);

/// Calls `query_server(server index)`, which gives an Outcome<T>, on the shard's read candidates, best first,
/// until one answers or fails in a way in which all would.
template <class T, class QueryServer>
Awaitable<Attempt<T>> on_best_reader(RequestContext& context, const View& view, ShardId shard,
                                     QueryServer query_server) {
  const auto candidates = read_candidates(view, shard, context.consistency, context.worker.random());
  if (candidates.empty()) co_return without_server(context, view, shard);
  std::optional<postgres::Failure> failure;
  bool sent = false;
  for (const auto server : candidates) {
    const auto& state = view.state(shard).servers[server];
    MeasuredTrip trip(view, shard, server);
    postgres::Outcome<T> outcome = co_await query_server(server);
    failure = failure_of(outcome);
    trip.end(failure);
    if (outcome && context.consistency == Consistency::strong && context.worker.settings().confirm_primary) {
      const bool is_old =
          co_await context.worker.promotion_watch().saw_promotion(view, shard, context.worker.view());
      if (is_old) {
        const auto& name = view.map().shard(shard).name;
        co_return Replan{"another server is becoming the primary of shard " + name, name};
      }
    }
    if (outcome) {
      context.asked.push_back(state.name);
      context.worker.outages().end(view.map().shard(shard).name);
      co_return std::move(*outcome);
    }
    if (!another_server_may_answer(*failure, state)) co_return failed_attempt(*failure, view, shard);
    sent |= failure->sent;
  }
  co_return all_have_failed(context, view, shard, candidates, *failure, sent);
}

template <class T>
bool is_unavailable(const Attempt<T>& attempt) {
  if (attempt) return false;
  const auto failed = attempt.error();
  const auto* error = std::get_if<Error>(&failed);
  return std::holds_alternative<Unserved>(failed) || (error != nullptr && error->code == "SHARD503");
}

/// Any shard will do: calls `query_server(shard, server index)` on all of them, starting at a random one,
/// until one is available. Where none is, the failure is that of the shard that may be waited for the
/// longest.
template <class T, class QueryServer>
Awaitable<Attempt<T>> on_any_shard(RequestContext& context, const View& view, QueryServer query_server) {
  const auto count = view.shards.size();
  const auto first = context.worker.random()() % count;
  FailedAttempt failed = Error{};
  for (std::size_t i = 0; i < count; ++i) {
    const ShardId shard{static_cast<std::uint16_t>((first + i) % count)};
    auto attempt = co_await on_best_reader<T>(
        context, view, shard, [&](std::size_t server) { return query_server(shard, server); });
    if (!is_unavailable(attempt)) co_return attempt;
    if (i == 0 || outweighs(failed, attempt.error())) failed = attempt.error();
  }
  co_return failed;
}

/// The outcomes of all shards as one: the failure that outweighs() all others, else all values in order.
template <class T>
Attempt<std::vector<T>> join(std::vector<Attempt<T>> outcomes) {
  std::optional<FailedAttempt> failed;
  for (const auto& outcome : outcomes) {
    if (outcome) continue;
    auto why = outcome.error();
    if (!failed || outweighs(why, *failed)) failed = std::move(why);
  }
  if (failed) return std::move(*failed);
  std::vector<T> values;
  values.reserve(outcomes.size());
  for (auto& outcome : outcomes) values.push_back(std::move(*outcome));
  return values;
}

/// Calls `query_server(shard, server index, share)` on every target in parallel. `shares` has one for each
/// target. Lifetime: targets and shares outlive the call.
template <class T, class QueryServer>
Awaitable<Attempt<std::vector<T>>> on_targets(RequestContext& context, const View& view,
                                              const std::vector<Target>& targets,
                                              const std::vector<ReadPlan::ForShard>& shares,
                                              QueryServer query_server) {
  context.worker.metrics().fan_out.observe(targets.size() * 1'000'000);
  const auto ask_target = [&](std::size_t i) -> Awaitable<Attempt<T>> {
    co_return co_await on_best_reader<T>(context, view, targets[i].shard, [&](std::size_t server) {
      return query_server(targets[i].shard, server, shares[i]);
    });
  };
  std::vector<Attempt<T>> outcomes;
  if (targets.size() == 1) {
    outcomes.push_back(co_await ask_target(0));
  } else {
    std::vector<Awaitable<Attempt<T>>> tasks;
    tasks.reserve(targets.size());
    for (std::size_t i = 0; i < targets.size(); ++i) tasks.push_back(ask_target(i));
    outcomes = co_await all_of(context.worker.executor(), std::move(tasks));
  }
  co_return join(std::move(outcomes));
}

/// The end of all asking: servers are named in the order of their shards, however fast each was.
inline void sort_asked(RequestContext& context) {
  std::sort(context.asked.begin(), context.asked.end());
}

/// Runs a transaction on the shard's primary. A connection that could not be made is SHARD503; one lost under
/// way is SHARD503 whose details say that the outcome is unknown; and so is, on the lane of writes, an answer
/// of a server that has been replaced as the primary when it comes.
Awaitable<Attempt<ResultSets>> ask_primary(RequestContext& context, ViewPtr view, ShardId shard,
                                           postgres::Lane lane, std::vector<Statement> statements,
                                           postgres::Commit commit = postgres::Commit::at_once);

/// ask_primary() of begin_write() and an INSERT, in one transaction with other requests' inserts. The result
/// set is the INSERT's.
Awaitable<Attempt<ResultSets>> insert_on_primary(RequestContext& context, ViewPtr view, ShardId shard,
                                                 const std::string& group, const std::string& table,
                                                 Epoch epoch, Statement statement);

/// How a part of a write over several shards is carried out.
struct PartTerms {
  Deadline deadline;
  CallerPtr client = nullptr;  ///< null: it goes on, whoever leaves
  postgres::Commit commit = postgres::Commit::at_once;
  std::string end = {};    ///< postgres::Job::end
  bool of_request = true;  ///< it runs under the request's settings
};

struct PartAnswer {
  Attempt<ResultSets> answer = ResultSets{};
  bool unknown = false;       ///< no answer, and it may have taken effect all the same
  std::string sqlstate = {};  ///< of an answer that is an error
};

/// Runs a transaction on the shard's primary, on the lane of writes, as ask_primary() does.
Awaitable<PartAnswer> run_part(RequestContext& context, ViewPtr view, ShardId shard,
                               std::vector<Statement> statements, PartTerms terms);

}  // namespace shardplex::router
