#include "tests/chaos/fault.hpp"

#include <thread>

namespace shardplex::chaos {
namespace {

constexpr Bounds nothing_fails{};
// Requests of a shard without its primary are refused, or wait for one detection time.
constexpr Time any = std::chrono::hours(1);
constexpr Bounds primary_is_away{
    .writes_of_shard_may_fail = true, .strong_reads_of_shard_may_fail = true, .p99_of_shard = any};
constexpr Bounds writes_are_lost{.writes_of_shard_may_fail = true};
constexpr Bounds router_dies{.requests_may_be_cut = true};

constexpr Fault faults[] = {
    {"kill-replica", "a replica dies (kill -9), and comes back", true, nothing_fails, kill_replica},
    {"stop-replica", "a replica hangs (SIGSTOP), and goes on", true, nothing_fails, stop_replica},
    {"stop-backends", "processes of a replica hang, and the replica does not", true, nothing_fails,
     stop_backends},
    {"drop-replica", "packets between a router and a replica are lost", true, nothing_fails,
     drop_packets_of_replica},
    {"kill-primary", "a primary dies, and its replica is promoted", true, primary_is_away, kill_primary},
    {"crash-primary", "a primary dies, and comes back", true, primary_is_away, crash_primary},
    {"stop-primary", "a primary hangs, and goes on", true, primary_is_away, stop_primary},
    {"drop-primary", "packets between a router and a primary are lost", true, primary_is_away,
     drop_packets_of_primary},
    {"drop-connections", "connections between a router and a shard are cut", true, writes_are_lost,
     drop_connections},
    {"replace-primary", "a replica is promoted, and the old primary goes on taking writes", true,
     primary_is_away, replace_primary},
    {"return-primary", "a primary that died and was replaced comes back as one", true, primary_is_away,
     return_primary},
    {"router-sigterm", "a router is told to end", false, nothing_fails, end_router},
    {"router-kill", "a router dies", false, router_dies, kill_router},
};

}  // namespace

void Round::hold_on() const {
  std::this_thread::sleep_for(hold);
}

std::span<const Fault> all_faults() {
  return faults;
}

}  // namespace shardplex::chaos
