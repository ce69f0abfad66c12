#include "tests/chaos/fault.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

namespace shardplex::chaos {
namespace {

constexpr Bounds nothing_fails{};
constexpr std::chrono::milliseconds some_detection_times{3'000};
// Requests of a shard without its primary are refused, or wait for one detection time.
constexpr Time any = std::chrono::hours(1);
constexpr Bounds primary_is_away{.writes_of_shard_may_fail = true,
                                 .strong_reads_of_shard_may_fail = true,
                                 .p99_of_those_that_may_fail = any};
// A primary that cannot be connected to either is away for as long.
constexpr Bounds connections_are_cut{.writes_of_shard_may_fail = true,
                                     .strong_reads_of_shard_may_fail = true};
constexpr Bounds attack{.memory_is_measured = true};
constexpr Bounds memory_is_spent{.requests_may_be_shed = true, .memory_is_measured = true};
constexpr Bounds router_dies{.requests_may_be_cut = true};

// The small disk is that of a primary at first.
constexpr Fault faults[] = {
    {"disk-full", "the disk of a server is full, for tables and then for WAL", false, primary_is_away,
     fill_disk, why_no_disk_is_filled},
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
    {"drop-connections", "connections between a router and a shard are cut", true, connections_are_cut,
     drop_connections},
    {"replace-primary", "a replica is promoted, and the old primary goes on taking writes", true,
     primary_is_away, replace_primary},
    {"return-primary", "a primary that died and was replaced comes back as one", true, primary_is_away,
     return_primary},
    {"router-sigterm", "a router is told to end", false, nothing_fails, end_router},
    {"router-kill", "a router dies", false, router_dies, kill_router},
    {"ddl", "columns come, change their type and go, on one shard after the other", false, nothing_fails,
     change_tables},
    {"slow-client", "clients read big answers slowly", false, attack, slow_clients},
    {"client-leaves", "clients leave before they are answered", false, attack, leaving_clients},
    {"half-requests", "clients never finish their requests", false, memory_is_spent, unfinished_requests},
    {"endless-chunks", "clients send chunk extensions and trailers without end", false, attack,
     endless_chunks},
    {"many-shapes", "clients send statements no two of which are alike", false, attack, many_shapes},
    {"many-rows", "clients send bodies of as many rows as fit", false, attack, many_rows},
    {"mover-kill", "a mover dies at any moment, and another one goes on", true, nothing_fails, kill_mover},
    {"add-shard", "a shard is added, and slots move to it", false, nothing_fails, add_shard,
     why_no_shard_is_added},
    {"remove-shard", "the added shard is drained and removed", false, nothing_fails, remove_shard,
     why_no_shard_is_removed},
};

/// As proc(5) has it; nullopt: there is no such process.
std::optional<char> state_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto name_ends = text.rfind(") ");
  return name_ends == std::string::npos ? std::nullopt : std::optional(text[name_ends + 2]);
}

/// The processes of a server: the postmaster and its children, but for those that are over.
std::vector<pid_t> processes_of(const integration::Cluster& cluster, const std::string& server) {
  std::ifstream file(cluster.home(server) + "/data/postmaster.pid");
  pid_t postmaster = 0;
  if (!(file >> postmaster)) return {};
  std::vector<pid_t> processes{postmaster};
  const auto id = std::to_string(postmaster);
  std::ifstream children("/proc/" + id + "/task/" + id + "/children");
  for (pid_t child = 0; children >> child;) processes.push_back(child);
  std::erase_if(processes, [](pid_t process) { return state_of(process).value_or('Z') == 'Z'; });
  return processes;
}

bool is_primary(const std::string& conninfo) {
  try {
    return integration::Database(conninfo).value("SELECT pg_is_in_recovery()") == "f";
  } catch (const pqxx::failure&) {
    return false;
  }
}

}  // namespace

bool is_up(const std::string& conninfo) {
  try {
    return integration::Database(conninfo).number("SELECT 1") == 1;
  } catch (const pqxx::failure&) {
    return false;
  }
}

bool stands_still(pid_t process) {
  return state_of(process) == 'T';
}

void Round::shows_down(const std::string& server) {
  shows("connections that " + server + " refused", is_up(site.cluster().conninfo(server)) ? 0 : 1);
}

void Round::shows_still(const std::string& server) {
  const auto processes = processes_of(site.cluster(), server);
  // Its postmaster and what serves connections and WAL; were one of them awake, it would not be hung.
  shows("processes of " + server + " that stand still", std::ranges::count_if(processes, stands_still),
        std::max<std::int64_t>(2, std::ssize(processes)));
}

void Round::shows_primaries(const std::vector<std::string>& servers) {
  std::string names;
  for (const auto& server : servers) names += (names.empty() ? "" : " and ") + server;
  shows("primaries among " + names,
        std::ranges::count_if(
            servers, [&](const auto& server) { return is_primary(site.cluster().conninfo(server)); }),
        std::ssize(servers));
}

void Round::shows_router_down(std::size_t index) {
  std::int64_t refused = 0;
  try {
    integration::HttpClient(site.router_ports()[index].second).get("/ready");
  } catch (const integration::ConnectionFailure&) {
    refused = 1;
  }
  shows("connections that router " + std::to_string(index + 1) + " refused", refused);
}

void Round::hold_on() const {
  std::this_thread::sleep_for(hold);
}

void Round::hold_on_hanging() const {
  std::this_thread::sleep_for(std::max(hold, some_detection_times));
}

std::span<const Fault> all_faults() {
  return faults;
}

}  // namespace shardplex::chaos
