#include "router/execution/until_routed.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::router {
namespace {

constexpr auto longest_pause = std::chrono::milliseconds(50);
constexpr auto table_patience = std::chrono::milliseconds(500);  // for the control thread to read them again

}  // namespace

Awaitable<std::optional<Error>> before_next_try(RequestContext& context, const Replan& replan,
                                                std::uint64_t version, std::chrono::milliseconds& pause) {
  context.worker.metrics().replans.add();
  if (replan.unless_tables_change) {
    if (std::exchange(context.tables_read_again, true)) co_return *replan.unless_tables_change;
    co_await context.worker.newer_tables(context.planned_with->snapshot->catalogue,
                                         std::min(context.deadline, Clock::now() + table_patience));
    co_return std::nullopt;
  }
  const auto pause_ends = Clock::now() + pause;
  if (pause_ends >= context.deadline)
    co_return deadline_exceeded("Until the deadline, " + replan.reason + ".");
  pause = std::min(2 * pause, longest_pause);
  co_await context.worker.newer_view(version, pause_ends);
  co_return std::nullopt;
}

}  // namespace shardplex::router
