// Clients that read and write films and ratings through routers and record what they were answered.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/consistency/history.hpp"
#include "tests/integration/cluster.hpp"

namespace shardplex::integration {

/// A load takes its ids and users from a range of this many.
inline constexpr std::int64_t ids_of_a_load = 1'000'000'000;

/// How old a read that is not strong may be: routers' --max-replica-lag, and the time until they notice a
/// greater one.
inline constexpr auto weak_read_staleness = std::chrono::seconds(6);

enum class Deed : std::uint8_t { change, strong_read, read };

/// A client that only ever does one thing, to some of the steady films in turn: from its answers it is seen
/// how long that could not be done.
struct Watcher {
  Deed deed = Deed::read;
  std::vector<std::int64_t> films;
};

/// A request as its client saw it, beside what it says of rows.
struct Asked {
  Deed deed = Deed::read;
  consistency::Outcome outcome = consistency::Outcome::ok;
  bool cut = false;  ///< the connection ended before the answer did
  /// It was answered, and neither as was asked for nor with a refusal (503 or 504): whatever a fault may
  /// cost, this is none of it.
  bool wrong = false;
  /// The film whose shard alone it needs; nullopt: see the next two.
  std::optional<std::int64_t> film;
  std::vector<std::int64_t> films{};  ///< the shards of these
  bool needs_every_shard = false;     ///< false, and no films: the router chooses a shard
  consistency::Time invoked{0}, completed{0};
  std::string answer;  ///< where the outcome is not ok
  std::string shards;  ///< the same: which servers were asked, as the answer's head says
};

struct RecordedLoadOptions {
  /// Ports; each request goes to one of them, by chance, and to another where that does not take connections:
  /// as with a load balancer before them.
  std::vector<std::uint16_t> routers;
  /// Their admin ports: a router that took no connection is not used until its /ready says yes. Empty: it is
  /// tried again at once.
  std::vector<std::uint16_t> admin_ports{};
  int clients = 6;
  std::uint64_t seed = 1;
  /// Whether clients may choose the ids of films; false under a map by list, where routers do.
  bool clients_choose_ids = true;
  /// Films that are always there, whose imdb_votes are read, written, and compared and set.
  int steady_films = 40;
  /// Whether all replicas have them when the load begins. If so, no read may miss one, however weak it is.
  bool steady_films_are_replicated = false;
  /// Where the load's own range of ids and users begins. Loads on one cluster need ranges of their own.
  std::int64_t first_id = 1'000'000'000'000;
  /// What each client waits between two requests.
  std::chrono::microseconds pause{0};
  std::vector<Watcher> watchers{};  ///< clients beside the others
};

/// The steady films, one JSON object per line: to be loaded into `movies` before the load is started.
std::string steady_films(const RecordedLoadOptions& options);

/// A mixed load. In its history, films are rows of table 0 with imdb_votes as values, in the groups
/// "films.steady." and "films.N." of client N; ratings are rows of table 1 with scores as values, in the
/// groups "ratings.ID." of the steady film they rate. Films go by a number that clients give them, which is
/// not their id where routers choose ids: so a film is known also where the answer to its insert was lost.
class RecordedLoad {
 public:
  explicit RecordedLoad(const RecordedLoadOptions& options);
  /// Stops it where it still runs.
  ~RecordedLoad();
  RecordedLoad(const RecordedLoad&) = delete;

  std::size_t requests() const { return requests_; }
  /// Of these, those with an outcome other than ok.
  std::size_t failures() const { return failures_; }

  /// Waits for the requests under way. Once.
  consistency::History stop();
  /// After stop(): the requests, those of a client one after the other.
  const std::vector<Asked>& asked() const { return asked_; }

 private:
  class Client;

  /// Puts routers that are out back in when they are ready. Thread: its own.
  void look_after_routers();

  RecordedLoadOptions options_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> requests_{0}, failures_{0};
  std::atomic<std::int64_t> numbers_{0};  // taken so far, for films, users and values
  consistency::History history_;
  std::vector<Asked> asked_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::atomic<bool>> is_out_;  // by router
  std::vector<std::thread> threads_;
};

/// The clock of the operations' times.
consistency::Time now();

/// Adds to the history, after its end, what the primaries hold in the slots that they own: all films and
/// ratings of the load.
void add_stock(consistency::History& history, const RecordedLoadOptions& options, const Cluster& cluster);

/// The primary of a shard.
struct Primary {
  std::string shard, conninfo;
};
/// The same of these primaries.
void add_stock(consistency::History& history, const RecordedLoadOptions& options, const ShardMap& map,
               const std::vector<Primary>& primaries);

struct Latencies {
  std::size_t requests = 0, failures = 0;
  std::chrono::nanoseconds p50{0}, p99{0}, max{0};
};
/// Of the clients' requests that began in [from, until).
Latencies latencies(const consistency::History& history, consistency::Time from, consistency::Time until);
/// "4711 requests, 0 failed, p50 0.8 ms, p99 4.2 ms, max 17.0 ms"
std::string to_string(const Latencies& latencies);

}  // namespace shardplex::integration
