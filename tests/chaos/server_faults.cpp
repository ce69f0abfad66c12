// Faults of PostgreSQL servers and of the ways to them.
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {
namespace {

using integration::Database;

/// The processes of a server that serve routers and are at rest. One that rests after it was stopped has
/// begun nothing that was sent to it.
std::vector<pid_t> stop_resting_backends(const std::string& conninfo) {
  Database database(conninfo);
  const std::string query =
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'shardplexd' AND state = 'idle'";
  std::vector<pid_t> stopped;
  for (const auto& row : database.run(query)) {
    const auto pid = row[0].as<pid_t>();
    if (::kill(pid, SIGSTOP) != 0) continue;
    if (database.run(query + " AND pid = " + std::to_string(pid)).empty())
      ::kill(pid, SIGCONT);
    else
      stopped.push_back(pid);
  }
  return stopped;
}

void drop_packets_of(Round& round, const std::string& server) {
  auto& proxy = round.site.proxy(server);
  proxy.be_silent(true);
  round.hold_on_hanging();
  round.shows("pieces to and from " + server + " that were not passed on", proxy.held_back());
  proxy.be_silent(false);
}

}  // namespace

void kill_replica(Round& round) {
  round.begin();
  round.site.cluster().kill(*round.shard().replica);
  round.hold_on();
  round.shows_down(*round.shard().replica);
  round.site.cluster().start(*round.shard().replica);
}

void stop_replica(Round& round) {
  round.begin();
  round.site.cluster().hang(*round.shard().replica);
  round.hold_on_hanging();
  round.shows_still(*round.shard().replica);
  round.site.cluster().wake(*round.shard().replica);
}

void stop_backends(Round& round) {
  round.begin();
  std::vector<pid_t> stopped;
  integration::wait_until("processes of the replica rest", [&] {
    stopped = stop_resting_backends(round.site.cluster().conninfo(*round.shard().replica));
    return !stopped.empty();
  });
  round.hold_on_hanging();
  round.shows("processes of " + *round.shard().replica + " that stand still",
              std::ranges::count_if(stopped, stands_still), std::ssize(stopped));
  for (const auto pid : stopped) ::kill(pid, SIGCONT);
}

/// Its replica has all that was acknowledged, as it is synchronous: without that PostgreSQL itself may lose
/// writes here.
void kill_primary(Round& round) {
  round.site.set_synchronous(round.shard(), true);
  round.begin();
  round.site.cluster().kill(round.shard().primary);
  round.hold_on();
  round.shows_down(round.shard().primary);
  round.site.promote(round.shard());
  round.promoted();
  round.hold_on();
  round.shows_primaries({round.shard().primary});
  round.site.rejoin(round.shard());
}

void crash_primary(Round& round) {
  round.begin();
  round.site.cluster().kill(round.shard().primary);
  round.hold_on();
  round.shows_down(round.shard().primary);
  round.site.cluster().start(round.shard().primary);
}

void stop_primary(Round& round) {
  round.begin();
  round.site.cluster().hang(round.shard().primary);
  round.hold_on_hanging();
  round.shows_still(round.shard().primary);
  round.site.cluster().wake(round.shard().primary);
}

/// Two primaries: from the promotion on, the old one acknowledges whatever it is sent, and all of it is lost.
void replace_primary(Round& round) {
  auto& shard = round.shard();
  round.site.set_synchronous(shard, true);
  Database old(round.site.cluster().conninfo(shard.primary));
  round.begin();
  round.site.promote(shard);
  round.promoted();
  old.run("ALTER SYSTEM RESET synchronous_standby_names");
  old.run("SELECT pg_reload_conf()");
  round.hold_on();
  round.shows_primaries({shard.primary, *shard.replica});
  round.site.rejoin(shard);
}

/// A primary that died and was replaced comes back as it was.
void return_primary(Round& round) {
  auto& shard = round.shard();
  round.site.set_synchronous(shard, true);
  const auto old = shard.primary;
  round.begin();
  round.site.cluster().kill(old);
  round.shows_down(old);
  round.site.promote(shard);
  round.promoted();
  round.hold_on();
  // It waits for no replica, so that it would acknowledge whatever it is sent.
  std::ofstream(round.site.cluster().home(old) + "/data/postgresql.auto.conf", std::ios::trunc).flush();
  round.site.cluster().start(old);
  round.hold_on();
  round.shows_primaries({shard.primary, old});
  round.site.rejoin(shard);
}

void drop_connections(Round& round) {
  constexpr int times = 5;
  const auto servers = {round.shard().primary, *round.shard().replica};
  std::map<std::string, std::int64_t> cut;
  round.begin();
  for (int i = 0; i < times; ++i) {
    for (const auto& server : servers) cut[server] += round.site.proxy(server).drop_connections();
    std::this_thread::sleep_for(round.hold / times);
  }
  // At least those that there were at first, and those that took their place once.
  for (const auto& server : servers)
    round.shows("connections to " + server + " that were cut", cut[server], 2);
}

void drop_packets_of_replica(Round& round) {
  round.begin();
  drop_packets_of(round, *round.shard().replica);
}

void drop_packets_of_primary(Round& round) {
  round.begin();
  drop_packets_of(round, round.shard().primary);
}

}  // namespace shardplex::chaos
