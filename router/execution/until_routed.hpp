// Trying a request again while ownership or tables are changing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "postgres/asio.hpp"
#include "router/execution/attempt.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// Waits between two tries of until_routed(), and lets the pause before the next grow; the error where the
/// deadline comes first. Where the tables seem to have changed it waits, once in a request, until they have
/// been read again.
Awaitable<std::optional<Error>> before_next_try(RequestContext& context, const Replan& replan,
                                                std::uint64_t version, std::chrono::milliseconds& pause);

/// Waits, where a shard has no server for a read, until it may have one; the error where that does not come
/// in time, or too many reads wait already. `chances` is that of the worker before the try.
Awaitable<std::optional<Error>> before_asking_again(RequestContext& context, Unserved unserved,
                                                    std::uint64_t chances);

/// Gives up the shards that had no server in the last try, where the answer may lack them: those that are
/// waited for the shortest. False where there is none to be given up.
bool gives_up_unserved(RequestContext& context);

/// True where the request's plan holds for `snapshot`: same map, same tables.
inline bool planned_with_that(const RequestContext& context, const Snapshot& snapshot) {
  const auto& planned = *context.planned_with->snapshot;
  return snapshot.map_version == planned.map_version && snapshot.catalogue == planned.catalogue;
}

/// Calls `attempt(view)` with the newest view until its outcome is not Replan: again whenever there is a
/// newer view, and at the latest after a pause that grows from 2 to 50 ms. When the deadline comes first:
/// SHARD504 with the last reason. Where it is Unserved: again when a server may be there, and once more where
/// none comes and the answer may lack the shard.
template <class T>
Awaitable<Result<T>> until_routed(RequestContext& context,
                                  std::function<Awaitable<Attempt<T>>(ViewPtr)> attempt) {
  auto pause = std::chrono::milliseconds(2);
  for (;;) {
    const auto view = context.worker.view();
    const auto version = view->snapshot->version;
    const auto chances = context.worker.chances();
    if (!planned_with_that(context, *view->snapshot)) {
      context.plan_outdated = true;
      co_return deadline_exceeded("The shard map or the tables have changed under way.");
    }
    context.asked.clear();
    context.partial.begin_try();
    auto outcome = co_await attempt(view);
    if (outcome) co_return std::move(*outcome);
    auto failed = outcome.error();
    if (auto* error = std::get_if<Error>(&failed)) co_return std::move(*error);
    if (auto* unserved = std::get_if<Unserved>(&failed)) {
      auto error = co_await before_asking_again(context, std::move(*unserved), chances);
      if (error && !gives_up_unserved(context)) co_return std::move(*error);
      continue;
    }
    if (auto error = co_await before_next_try(context, std::get<Replan>(failed), version, pause))
      co_return std::move(*error);
  }
}

}  // namespace shardplex::router
