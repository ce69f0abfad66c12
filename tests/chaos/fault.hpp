// Faults by name.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/chaos/bounds.hpp"
#include "tests/chaos/evidence.hpp"
#include "tests/chaos/figures.hpp"
#include "tests/chaos/site.hpp"

namespace shardplex::chaos {

using Random = std::mt19937_64;

/// What a fault is given to work with, and what it tells of itself.
struct Round {
  Site& site;
  Random& random;
  Hit hit;
  std::chrono::milliseconds hold;       ///< how long the fault lasts
  std::optional<int> peak_megabytes{};  ///< the most memory that a router has had
  std::vector<Evidence> proof{};        ///< that it has happened; the judge demands it

  Site::Shard& shard() { return site.shard(hit.shard); }
  /// The fault begins now.
  void begin() { hit.began = integration::now(); }
  void promoted() { hit.promoted = integration::now(); }
  void shows(std::string what, std::int64_t count, std::int64_t least = 1) {
    proof.push_back({std::move(what), count, least});
  }
  /// To be called last, before it is healed: that servers of the cluster are down, stand still as a whole, or
  /// are primaries.
  void shows_down(const std::string& server);
  void shows_still(const std::string& server);
  void shows_primaries(const std::vector<std::string>& servers);
  /// The same of a router: that it takes no connections.
  void shows_router_down(std::size_t index);
  void hold_on() const;
  /// For what has to be found to hang first: for some detection times.
  void hold_on_hanging() const;
};

struct Fault {
  std::string_view name;
  std::string_view what;  ///< for people, after the name
  bool needs_shard;       ///< it happens to one with a replica
  Bounds bounds;
  /// Makes it happen and heals it, and shows in between that it has happened. Throws where that cannot be
  /// done.
  void (*happen)(Round& round);
  /// Why it cannot happen here and now; "" it can.
  std::string (*why_not)(const Site& site) = nullptr;
};

/// In an order in which each can happen once.
std::span<const Fault> all_faults();

/// Whether a server takes connections and answers.
bool is_up(const std::string& conninfo);
/// Whether a process stands still (SIGSTOP).
bool stands_still(pid_t process);

// By their files.
void kill_replica(Round& round);
void stop_replica(Round& round);
void stop_backends(Round& round);
void kill_primary(Round& round);
void crash_primary(Round& round);
void stop_primary(Round& round);
void replace_primary(Round& round);
void return_primary(Round& round);
void drop_connections(Round& round);
void drop_packets_of_replica(Round& round);
void drop_packets_of_primary(Round& round);
void end_router(Round& round);
void kill_router(Round& round);
void change_tables(Round& round);
void slow_clients(Round& round);
void leaving_clients(Round& round);
void unfinished_requests(Round& round);
void endless_chunks(Round& round);
void many_shapes(Round& round);
void many_rows(Round& round);
void kill_mover(Round& round);
void add_shard(Round& round);
std::string why_no_shard_is_added(const Site& site);
void remove_shard(Round& round);
std::string why_no_shard_is_removed(const Site& site);
void fill_disk(Round& round);
std::string why_no_disk_is_filled(const Site& site);

}  // namespace shardplex::chaos
