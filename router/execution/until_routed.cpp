#include "router/execution/until_routed.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::router {
namespace {

constexpr auto longest_pause = std::chrono::milliseconds(50);
constexpr auto table_patience = std::chrono::seconds(2);  // for the control thread to read them again

/// So many reads of a worker wait for a server. Each holds its request, of which the memory budget knows.
constexpr std::size_t most_waiting = 1'000;
/// More often a read is not sent anew while connections break under it: it may be what breaks them. One that
/// no server has had, since the connection broke while it was being made, is none of these.
constexpr int times_asked_again = 5;
constexpr auto a_moment = std::chrono::milliseconds(10);  // connections that are cut together

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

bool gives_up_unserved(RequestContext& context) {
  auto& partial = context.partial;
  if (!partial.allowed) return false;
  const auto before = partial.given_up.size();
  partial.given_up.insert(partial.unserved.begin(), partial.unserved.end());
  if (partial.given_up.size() == before) return false;
  // Another one has its own time to get a server.
  context.served_by.reset();
  context.asked_again = 0;
  return true;
}

Awaitable<std::optional<Error>> before_asking_again(RequestContext& context, Unserved unserved,
                                                    std::uint64_t chances) {
  auto& worker = context.worker;
  if (!context.served_by) context.served_by = std::min(unserved.until, context.deadline);
  const auto now = Clock::now();
  if (now >= *context.served_by || worker.waiting_for_chance() >= most_waiting) co_return unserved.error;
  if (unserved.at_once) {
    if (unserved.sent && context.asked_again++ >= times_asked_again) co_return unserved.error;
    co_await worker.next_chance(chances, std::min(*context.served_by, now + a_moment));
    co_return std::nullopt;
  }
  const bool comes = co_await worker.next_chance(chances, *context.served_by);
  if (!comes) co_return unserved.error;
  co_return std::nullopt;
}

}  // namespace shardplex::router
