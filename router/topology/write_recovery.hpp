// Settles writes over several shards whose router has not finished them, as any router may.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/pool.hpp"
#include "router/topology/warn_once.hpp"
#include "shard_schema/prepared_writes.hpp"

namespace shardplex::router {

/// The parts that wait on the primary of one shard, as last seen.
struct WaitingParts {
  std::string shard{};
  std::size_t count = 0;
  std::chrono::milliseconds oldest{0};
  std::string decider{};  ///< of the oldest
};
std::string to_string(const WaitingParts& waiting);

/// Thread: the control thread.
class WriteRecovery {
 public:
  /// The connections to the primary of a shard; nullptr where it has none, or is not a shard of the cluster.
  /// Asked for anew before each statement.
  using PrimaryOf = std::function<postgres::Pool*(const std::string& shard)>;

  /// `patience`: a part that has waited for longer is settled, unless its decider is still at work.
  WriteRecovery(std::chrono::milliseconds patience, PrimaryOf primary_of);

  /// True where it is time to look at the shard again; then look() has to follow.
  bool is_due(const std::string& shard);

  /// Looks for parts that wait on the shard's primary and settles the old ones: the decider says whether they
  /// are kept, and if it does not know of the write, nobody keeps any of it. Then has the shard forget what
  /// it has decided long ago, if no shard of `all` waits for it. What fails is tried again with the next
  /// look.
  Awaitable<void> look(std::string shard, std::vector<std::string> all);

  /// Shards on which parts wait that should have been settled by now.
  std::vector<WaitingParts> overdue() const;
  /// Parts that wait, on all shards, and for how long the oldest has.
  WaitingParts all_waiting() const;

 private:
  struct Seen {
    WaitingParts waiting;
    std::vector<std::string> writes;  // that have a part here
    Clock::time_point at{};           // when the shard answered last; min: never
    Clock::time_point due{};
    Clock::time_point forget_due{};
  };

  Awaitable<std::optional<std::vector<WaitingPart>>> read_parts(std::string shard);
  Awaitable<void> settle(std::string shard, WaitingPart waiting);
  Awaitable<void> forget_decisions(std::string shard, std::vector<std::string> all);
  void note_failure(const std::string& shard, const postgres::Failure& failure);

  const std::chrono::milliseconds patience_;
  const PrimaryOf primary_of_;
  std::map<std::string, Seen> seen_;  // by shard
  WarnOnce warn_once_;
};

}  // namespace shardplex::router
