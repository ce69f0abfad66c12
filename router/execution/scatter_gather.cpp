#include "router/execution/scatter_gather.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "router/execution/all_of.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

using postgres::Failure;
using postgres::Lane;
using postgres::Outcome;

constexpr auto longest_pause = std::chrono::milliseconds(50);
constexpr std::uint32_t most_counted_slots = 16;

QueryOutcome outcome_kind(const std::optional<Failure>& failure) {
  if (!failure) return QueryOutcome::ok;
  switch (failure->kind) {
    case Failure::Kind::statement:
      return failure->sqlstate == sqlstate_stale_epoch ? QueryOutcome::stale_epoch
                                                       : QueryOutcome::statement_error;
    case Failure::Kind::deadline:
    case Failure::Kind::busy:
      return QueryOutcome::timeout;
    case Failure::Kind::connect:
    case Failure::Kind::lost:
      break;
  }
  return QueryOutcome::unavailable;
}

template <class T>
std::optional<Failure> failure_of(const Outcome<T>& outcome) {
  if (outcome) return std::nullopt;
  return outcome.error();
}

/// Counts one round trip in the metrics of its shard and role.
class Measured {
 public:
  Measured(const View& view, ShardId shard, std::size_t server)
      : metrics_(view.shards[shard.value].metrics->roles[static_cast<std::size_t>(
            view.state(shard).servers[server].writable ? Role::primary : Role::replica)]) {}
  void end(const std::optional<Failure>& failure) {
    metrics_.queries[static_cast<std::size_t>(outcome_kind(failure))].add();
    metrics_.latency.observe(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_).count()));
  }

 private:
  RoleMetrics& metrics_;
  Clock::time_point started_ = Clock::now();
};

bool is_unreachable(const Failure& failure) {
  return failure.kind == Failure::Kind::connect || failure.kind == Failure::Kind::lost ||
         (failure.kind == Failure::Kind::statement &&
          (failure.sqlstate.starts_with("57P") || failure.sqlstate.starts_with("08")));
}

/// A replica may cancel a query that is in the way of its replay; the primary can answer it.
bool is_recovery_conflict(const Failure& failure) {
  return failure.kind == Failure::Kind::statement &&
         (failure.sqlstate == "40001" || failure.sqlstate == "40P01");
}

const std::string& shard_name(const View& view, ShardId shard) {
  return view.map().shard(shard).name;
}

Replan stale(const View& view, ShardId shard) {
  return Replan{"ownership of slots is changing on shard " + shard_name(view, shard),
                shard_name(view, shard)};
}

std::variant<Error, Replan> failed_attempt(const Failure& failure, const View& view, ShardId shard) {
  if (failure.kind == Failure::Kind::statement &&
      (failure.sqlstate == sqlstate_stale_epoch || failure.sqlstate == sqlstate_fence))
    return stale(view, shard);
  return postgres::to_error(failure, shard_name(view, shard));
}

template <class T>
Attempt<T> widen(std::variant<Error, Replan> outcome) {
  return std::visit([](auto&& o) { return Attempt<T>(std::move(o)); }, std::move(outcome));
}

Error nobody_up(const View& view, ShardId shard) {
  // Why not, with addresses, is for /ready and the log, not for clients.
  return shard_unavailable(shard_name(view, shard),
                           "Shard " + shard_name(view, shard) + " has no server that can answer.");
}

/// Calls `use(server index)` on the shard's read candidates, best first, until one neither is behind the map
/// nor fails to be reached. `use` gives an Outcome<T>.
template <class T, class Use>
Awaitable<Attempt<T>> on_best_reader(RequestContext& context, const View& view, ShardId shard, Use use) {
  const auto candidates = read_candidates(view, shard, context.consistency, context.worker.random());
  if (candidates.empty()) co_return nobody_up(view, shard);
  std::optional<Failure> failure;
  for (const auto server : candidates) {
    const auto& state = view.state(shard).servers[server];
    Measured measured(view, shard, server);
    Outcome<T> outcome = co_await use(server);
    failure = failure_of(outcome);
    measured.end(failure);
    if (outcome) {
      context.asked.push_back(state.name);
      co_return std::move(*outcome);
    }
    const bool behind = !state.writable && failure->sqlstate == sqlstate_stale_epoch;
    const bool in_the_way = !state.writable && is_recovery_conflict(*failure);
    if (!behind && !in_the_way && !is_unreachable(*failure)) break;
  }
  co_return widen<T>(failed_attempt(*failure, view, shard));
}

/// The outcomes of all shards as one: any error wins, then any re-plan, else all values in order.
template <class T>
Attempt<std::vector<T>> join(std::vector<Attempt<T>> outcomes) {
  for (auto& outcome : outcomes)
    if (auto* error = std::get_if<Error>(&outcome)) return std::move(*error);
  for (auto& outcome : outcomes)
    if (auto* replan = std::get_if<Replan>(&outcome)) return std::move(*replan);
  std::vector<T> values;
  values.reserve(outcomes.size());
  for (auto& outcome : outcomes) values.push_back(std::move(std::get<T>(outcome)));
  return values;
}

Awaitable<Outcome<ShardRows>> open_rows(RequestContext& context, const View& view, ShardId shard,
                                        std::size_t server, Statement statement, bool stream,
                                        std::optional<std::uint64_t> asked_for) {
  const auto& pool = view.shards[shard.value].servers[server].pool;
  if (!stream) {
    auto rows = co_await context.worker.shared_reads().read(pool, std::move(statement), context.deadline);
    if (!rows) co_return rows.error();
    co_return ShardRows(std::move(*rows), asked_for);
  }
  auto opened = co_await postgres::RowStream::start(*pool, std::move(statement), context.deadline,
                                                    context.worker.settings().stream_window_bytes);
  if (!opened) co_return std::move(opened.error());
  auto first = co_await (*opened)->next(context.deadline);
  if (!first) co_return std::move(first.error());
  co_return ShardRows(std::move(*opened), std::move(*first), shard_name(view, shard));
}

/// Any shard will do: all of them, starting at a random one, until one answers.
template <class T, class Use>
Awaitable<Attempt<T>> on_any_shard(RequestContext& context, const View& view, Use use) {
  const auto count = view.shards.size();
  const auto first = context.worker.random()() % count;
  Attempt<T> last = Error{};
  for (std::size_t i = 0; i < count; ++i) {
    const ShardId shard{static_cast<std::uint16_t>((first + i) % count)};
    last = co_await on_best_reader<T>(context, view, shard,
                                      [&](std::size_t server) { return use(shard, server); });
    const auto* error = std::get_if<Error>(&last);
    if (error == nullptr || error->code != "SHARD503") break;
  }
  co_return last;
}

/// Where a request on sharded rows goes now. A route of `none` still asks one shard, so that PostgreSQL
/// judges the request's values as it would have alone.
std::variant<std::vector<Target>, Error, Replan> targets_of(const View& view, GroupId group,
                                                            const SlotSet& slots) {
  auto placed = place(slots, group, view.map(), *view.snapshot->ownership, false);
  if (const auto* fault = std::get_if<RouteFault>(&placed)) {
    auto outcome = to_attempt(*fault);
    if (auto* error = std::get_if<Error>(&outcome)) return std::move(*error);
    return std::move(std::get<Replan>(outcome));
  }
  auto targets = std::move(std::get<Route>(placed).targets);
  for (std::size_t i = 0; targets.empty() && i < view.shards.size(); ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    const auto epoch = view.snapshot->ownership->epoch(shard);
    if (epoch && view.state(shard).primary)
      targets.push_back({shard, *epoch, view.snapshot->ownership->clean(group, shard), slots});
  }
  if (targets.empty()) return nobody_up(view, ShardId{0});
  return targets;
}

ReadPlan::ForShard for_shard(const Target& target, bool alone) {
  return {target.epoch, !target.clean, alone, &target.slots};
}

/// Runs `use(shard, server, for_shard)` on every target in parallel.
template <class T, class Use>
Awaitable<Attempt<std::vector<T>>> on_targets(RequestContext& context, ViewPtr view,
                                              std::vector<Target> targets, Use use) {
  context.worker.metrics().fan_out.observe(targets.size() * 1'000'000);
  const bool alone = targets.size() == 1;
  const auto one = [&](const Target& target) -> Awaitable<Attempt<T>> {
    co_return co_await on_best_reader<T>(context, *view, target.shard, [&](std::size_t server) {
      return use(target.shard, server, for_shard(target, alone));
    });
  };
  std::vector<Attempt<T>> outcomes;
  if (alone) {
    outcomes.push_back(co_await one(targets.front()));
  } else {
    std::vector<Awaitable<Attempt<T>>> tasks;
    for (const auto& target : targets) tasks.push_back(one(target));
    outcomes = co_await all_of(context.worker.executor(), std::move(tasks));
  }
  co_return join(std::move(outcomes));
}

/// The one server that holds the key's slot, where that takes no search: the way of nearly every point read.
/// Whatever goes wrong on it is left to the general way. The request is counted on its slot.
struct DirectRoute {
  ShardId shard;
  std::size_t server;
  Epoch epoch;
  bool clean;
};

std::optional<DirectRoute> direct_point_route(RequestContext& context, const PointShape& shape,
                                              const TablePlacement& placement, const std::string& key) {
  if (!placement.group) return std::nullopt;
  const auto& view = *context.planned_with;
  const auto& group = view.map().group(*placement.group);
  if (!std::holds_alternative<HashStrategy>(group.strategy)) return std::nullopt;
  const auto slot = slot_of(*canonical_bytes(shape.key_type, key), group.slot_count);
  const auto& ownership = *view.snapshot->ownership;
  const auto& owner = ownership.owner(*placement.group, slot);
  if (owner.fault != Ownership::Fault::none) return std::nullopt;
  const auto server = best_reader(view, owner.shard, context.consistency, context.worker.random());
  if (!server) return std::nullopt;
  (*view.loads[placement.group->value])[slot.value].add();
  return DirectRoute{owner.shard, *server, *ownership.epoch(owner.shard),
                     ownership.clean(*placement.group, owner.shard)};
}

/// Calls `use(pool)`, which gives an Outcome<ResultSets>, with the pool of the shard's primary.
template <class Use>
Awaitable<Attempt<ResultSets>> on_primary(RequestContext& context, const View& view, ShardId shard, Use use) {
  const auto& state = view.state(shard);
  if (!state.primary) co_return nobody_up(view, shard);
  Measured measured(view, shard, *state.primary);
  auto outcome = co_await use(view.shards[shard.value].servers[*state.primary].pool);
  const auto failure = failure_of(outcome);
  measured.end(failure);
  if (outcome) {
    context.asked.push_back(state.servers[*state.primary].name);
    co_return std::move(*outcome);
  }
  co_return widen<ResultSets>(failed_attempt(*failure, view, shard));
}

/// Servers are named in the order of their shards, however fast each was.
void end_asking(RequestContext& context) {
  std::sort(context.asked.begin(), context.asked.end());
}

}  // namespace

std::uint64_t expected_rows(std::uint64_t rows, std::uint32_t slots, std::uint32_t slots_asked) {
  const double n = static_cast<double>(rows),
               p = static_cast<double>(slots) / static_cast<double>(slots_asked);
  return static_cast<std::uint64_t>(std::ceil(n * p + 2 * std::sqrt(n * p * (1 - p)))) + 1;
}

Error shard_unavailable(std::string shard, std::string details) {
  return Error{"SHARD503", "Shard " + shard + " is unavailable", std::move(details),
               "Try again after the time in Retry-After.", std::nullopt};
}

Error deadline_exceeded(std::string details) {
  return Error{"SHARD504", "The request's deadline has passed", std::move(details), std::nullopt,
               std::nullopt};
}

std::variant<Error, Replan> to_attempt(const RouteFault& fault) {
  const auto where = "slot " + std::to_string(fault.slot.value) + " of group " + fault.group;
  switch (fault.kind) {
    case RouteFault::Kind::shard_unknown:
      return shard_unavailable(
          fault.shard, "Shard " + fault.shard + " has not been reached; it should own " + where + ".");
    case RouteFault::Kind::fenced:
      return Replan{where + " is being handed over by shard " + fault.shard, fault.shard};
    case RouteFault::Kind::doubly_owned:
      return Replan{where + " has two owners", ""};
    case RouteFault::Kind::unowned:
      break;
  }
  return Replan{where + " has no owner", ""};
}

Awaitable<std::optional<Error>> before_next_try(RequestContext& context, const Replan& replan,
                                                std::uint64_t version, std::chrono::milliseconds& pause) {
  context.worker.metrics().replans.add();
  const auto too_late = [&] { return deadline_exceeded("Until the deadline, " + replan.reason + "."); };
  const auto pause_ends = Clock::now() + pause;
  if (pause_ends >= context.deadline) co_return too_late();
  pause = std::min(2 * pause, longest_pause);
  co_await context.worker.newer_view(version, pause_ends);
  co_return std::nullopt;
}

std::vector<std::size_t> read_candidates(const View& view, ShardId shard, Consistency consistency,
                                         std::minstd_rand& random) {
  const auto& state = view.state(shard);
  std::vector<std::size_t> candidates;
  if (consistency == Consistency::any)
    for (std::size_t i = 0; i < state.servers.size(); ++i)
      if (state.servers[i].readable && !state.servers[i].writable) candidates.push_back(i);
  if (candidates.size() > 1) std::shuffle(candidates.begin(), candidates.end(), random);
  if (state.primary) candidates.push_back(*state.primary);
  return candidates;
}

std::optional<std::size_t> best_reader(const View& view, ShardId shard, Consistency consistency,
                                       std::minstd_rand& random) {
  const auto& state = view.state(shard);
  if (consistency == Consistency::strong) return state.primary;
  const auto is_replica = [](const ServerState& server) { return server.readable && !server.writable; };
  const auto replicas = static_cast<std::size_t>(std::ranges::count_if(state.servers, is_replica));
  if (replicas == 0) return state.primary;
  auto chosen = replicas == 1 ? 0 : random() % replicas;
  for (std::size_t i = 0;; ++i)
    if (is_replica(state.servers[i]) && chosen-- == 0) return i;
}

void count_load(const RequestContext& context, GroupId group, const SlotSet& slots) {
  if (slots.size() > most_counted_slots) return;
  auto& load = *context.planned_with->loads[group.value];
  slots.for_each([&](Slot slot) { load[slot.value].add(); });
}

Awaitable<Attempt<ResultSets>> ask_reader(RequestContext& context, ViewPtr view, ShardId shard, Lane lane,
                                          Statement statement) {
  co_return co_await on_best_reader<ResultSets>(context, *view, shard, [&](std::size_t server) {
    return view->shards[shard.value].servers[server].pool->execute(lane, {statement}, context.deadline);
  });
}

Awaitable<Attempt<ResultSets>> ask_primary(RequestContext& context, ViewPtr view, ShardId shard,
                                           postgres::Lane lane, std::vector<Statement> statements) {
  co_return co_await on_primary(context, *view, shard, [&](const std::shared_ptr<postgres::Pool>& pool) {
    return pool->execute(lane, std::move(statements), context.deadline);
  });
}

Awaitable<Attempt<ResultSets>> insert_on_primary(RequestContext& context, ViewPtr view, ShardId shard,
                                                 const std::string& group, Epoch epoch, Statement statement) {
  co_return co_await on_primary(context, *view, shard, [&](const std::shared_ptr<postgres::Pool>& pool) {
    return context.worker.insert_batcher().run({pool, group, epoch}, std::move(statement), context.deadline);
  });
}

Awaitable<Result<ShardRows::Window>> ShardRows::next(Deadline deadline) {
  if (ready_.whole || !ready_.parts.empty() || !stream_) co_return std::exchange(ready_, {});
  auto window = co_await stream_->next(deadline);
  if (!window) co_return postgres::to_error(window.error(), shard_);
  co_return Window{nullptr, std::move(*window)};
}

std::int64_t ShardRows::total() const {
  std::optional<std::int64_t> total;
  ready_.for_each_row([&](const postgres::ResultSet& set, int row) {
    if (!total) total = set.integer(row, set.columns() - 1);
  });
  return total.value_or(0);
}

Awaitable<Result<std::vector<ShardRows>>> gather_rows(RequestContext& context, const ReadPlan& plan,
                                                      const TablePlacement& placement, const SlotSet* slots,
                                                      bool stream, Share share) {
  using All = std::vector<ShardRows>;
  auto rows = co_await until_routed<All>(context, [&](ViewPtr view) -> Awaitable<Attempt<All>> {
    const auto open = [&](ShardId shard, std::size_t server, const ReadPlan::ForShard& limits) {
      return open_rows(context, *view, shard, server, plan.statement(limits), stream, limits.at_most);
    };
    if (!placement.group) {
      auto answer = co_await on_any_shard<ShardRows>(context, *view, [&](ShardId shard, std::size_t server) {
        return open(shard, server, {std::nullopt, false, true, nullptr});
      });
      std::vector<Attempt<ShardRows>> only;
      only.push_back(std::move(answer));
      co_return join(std::move(only));
    }
    auto targets = targets_of(*view, *placement.group, *slots);
    if (auto* error = std::get_if<Error>(&targets)) co_return std::move(*error);
    if (auto* replan = std::get_if<Replan>(&targets)) co_return std::move(*replan);
    auto& list = std::get<std::vector<Target>>(targets);
    if (list.size() > 1 && plan.not_mergeable) co_return *plan.not_mergeable;
    if (share == Share::whole || list.size() == 1 || !plan.limit)
      co_return co_await on_targets<ShardRows>(context, view, std::move(list), open);
    const auto slots_asked =
        std::accumulate(list.begin(), list.end(), std::uint32_t{0},
                        [](std::uint32_t sum, const Target& t) { return sum + t.slots.size(); });
    const auto open_share = [&](ShardId shard, std::size_t server, ReadPlan::ForShard limits) {
      limits.at_most = expected_rows(*plan.limit + plan.offset, limits.slots->size(), slots_asked);
      return open(shard, server, limits);
    };
    co_return co_await on_targets<ShardRows>(context, view, std::move(list), open_share);
  });
  end_asking(context);
  co_return rows;
}

Awaitable<Result<std::optional<std::string>>> gather_point(RequestContext& context,
                                                           std::shared_ptr<const PointShape> shape,
                                                           const TablePlacement& placement, std::string key) {
  using MaybeRow = std::optional<std::string>;
  const auto read = [&](const View& view, ShardId shard, std::size_t server, std::optional<Epoch> epoch,
                        bool only_owned) {
    return context.worker.batcher().read(
        {view.shards[shard.value].servers[server].pool, shape, epoch, only_owned}, key, context.deadline);
  };
  const auto direct = direct_point_route(context, *shape, placement, key);
  if (direct) {
    const auto& view = *context.planned_with;
    Measured measured(view, direct->shard, direct->server);
    auto row = co_await read(view, direct->shard, direct->server, direct->epoch, !direct->clean);
    measured.end(failure_of(row));
    if (row) {
      context.asked.push_back(view.state(direct->shard).servers[direct->server].name);
      context.worker.metrics().fan_out.observe(1'000'000);
      co_return std::move(*row);
    }
    if (Clock::now() >= context.deadline)
      co_return postgres::to_error(row.error(), shard_name(view, direct->shard));
  }
  std::optional<SlotSet> slots;
  if (placement.group)
    slots = slots_of_key(context.planned_with->map().group(*placement.group),
                         *canonical_bytes(shape->key_type, key));
  if (slots && !direct) count_load(context, *placement.group, *slots);
  auto row = co_await until_routed<MaybeRow>(context, [&](ViewPtr view) -> Awaitable<Attempt<MaybeRow>> {
    if (!placement.group)
      co_return co_await on_any_shard<MaybeRow>(context, *view, [&](ShardId shard, std::size_t server) {
        return read(*view, shard, server, std::nullopt, false);
      });
    auto targets = targets_of(*view, *placement.group, *slots);
    if (auto* error = std::get_if<Error>(&targets)) co_return std::move(*error);
    if (auto* replan = std::get_if<Replan>(&targets)) co_return std::move(*replan);
    const auto ask = [&](ShardId shard, std::size_t server, const ReadPlan::ForShard& limits) {
      return read(*view, shard, server, limits.epoch, limits.only_owned);
    };
    auto outcome =
        co_await on_targets<MaybeRow>(context, view, std::move(std::get<std::vector<Target>>(targets)), ask);
    if (auto* error = std::get_if<Error>(&outcome)) co_return std::move(*error);
    if (auto* replan = std::get_if<Replan>(&outcome)) co_return std::move(*replan);
    MaybeRow found;
    for (auto& candidate : std::get<std::vector<MaybeRow>>(outcome))
      if (candidate) found = std::move(candidate);
    co_return found;
  });
  end_asking(context);
  co_return row;
}

Awaitable<Result<std::int64_t>> gather_sum(RequestContext& context, const TablePlacement& placement,
                                           const SlotSet* slots,
                                           std::function<Statement(const ReadPlan::ForShard&)> statement) {
  auto sum =
      co_await until_routed<std::int64_t>(context, [&](ViewPtr view) -> Awaitable<Attempt<std::int64_t>> {
        const auto ask = [&](ShardId shard, std::size_t server, const ReadPlan::ForShard& limits) {
          return view->shards[shard.value].servers[server].pool->execute(Lane::read, {statement(limits)},
                                                                         context.deadline);
        };
        std::vector<ResultSets> answers;
        if (!placement.group) {
          auto answer =
              co_await on_any_shard<ResultSets>(context, *view, [&](ShardId shard, std::size_t server) {
                return ask(shard, server, {std::nullopt, false, true, nullptr});
              });
          if (auto* error = std::get_if<Error>(&answer)) co_return std::move(*error);
          if (auto* replan = std::get_if<Replan>(&answer)) co_return std::move(*replan);
          answers.push_back(std::move(std::get<ResultSets>(answer)));
        } else {
          auto targets = targets_of(*view, *placement.group, *slots);
          if (auto* error = std::get_if<Error>(&targets)) co_return std::move(*error);
          if (auto* replan = std::get_if<Replan>(&targets)) co_return std::move(*replan);
          auto outcome = co_await on_targets<ResultSets>(
              context, view, std::move(std::get<std::vector<Target>>(targets)), ask);
          if (auto* error = std::get_if<Error>(&outcome)) co_return std::move(*error);
          if (auto* replan = std::get_if<Replan>(&outcome)) co_return std::move(*replan);
          answers = std::move(std::get<std::vector<ResultSets>>(outcome));
        }
        std::int64_t total = 0;
        for (const auto& answer : answers) total += answer.front().integer(0, 0);
        co_return total;
      });
  end_asking(context);
  co_return sum;
}

}  // namespace shardplex::router
