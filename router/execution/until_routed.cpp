#include "router/execution/until_routed.hpp"

#include <algorithm>

namespace shardplex::router {
namespace {

constexpr auto longest_pause = std::chrono::milliseconds(50);

}  // namespace

Awaitable<std::optional<Error>> before_next_try(RequestContext& context, const Replan& replan,
                                                std::uint64_t version, std::chrono::milliseconds& pause) {
  context.worker.metrics().replans.add();
  const auto pause_ends = Clock::now() + pause;
  if (pause_ends >= context.deadline)
    co_return deadline_exceeded("Until the deadline, " + replan.reason + ".");
  pause = std::min(2 * pause, longest_pause);
  co_await context.worker.newer_view(version, pause_ends);
  co_return std::nullopt;
}

}  // namespace shardplex::router
