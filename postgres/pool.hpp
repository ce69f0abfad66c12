// The connections of one worker to one server, in lanes, so that slow statements do not stand in the way of
// fast ones.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "postgres/connection.hpp"

namespace shardplex::postgres {

/// A lane's connections carry statements of one kind only.
enum class Lane : std::uint8_t {
  point,   ///< batched reads by key: microseconds each, deep pipelines
  read,    ///< any other read with a bounded answer
  write,   ///< may wait for row locks and for the commit's flush: shallow pipelines, more connections
  stream,  ///< one big read at a time, exclusively
};
inline constexpr std::size_t lane_count = 4;

struct LaneSettings {
  std::size_t connections;  ///< opened on demand, up to this many
  std::size_t depth;        ///< jobs in flight per connection
};

struct PoolSettings {
  ConnectionSettings connection;
  std::array<LaneSettings, lane_count> lanes{{{2, 16}, {4, 4}, {8, 2}, {4, 1}}};
  std::size_t queue = 10'000;  ///< jobs waiting for a place; one more fails with Failure::busy
  std::chrono::milliseconds queue_wait{5'000};  ///< a job that has waited this long fails with Failure::busy
  std::chrono::milliseconds backoff_min{50},
      backoff_max{2'000};  ///< between attempts to connect, doubling, with jitter
};

/// Counters for metrics; written by the pool's thread only.
struct LaneState {
  std::size_t connecting = 0, ready = 0, in_flight = 0, queued = 0;
  std::uint64_t connects = 0, connect_failures = 0;
};

/// Thread: that of its io_context.
class Pool {
 public:
  Pool(asio::io_context& io, PoolSettings settings);
  ~Pool();  ///< fails what is pending
  Pool(const Pool&) = delete;

  /// Sends the job on the lane's least loaded connection, opening one where all are at their depth; waits in
  /// the lane's queue otherwise. While the server cannot be reached, jobs fail at once with Failure::connect
  /// during backoff.
  void submit(Lane lane, Job job);

  /// co_await-able form. The vector has one ResultSet per statement.
  Awaitable<Outcome<std::vector<ResultSet>>> execute(Lane lane, std::vector<Statement> statements,
                                                     Deadline deadline);

  /// An idle connection of Lane::stream, taken out of the pool; give it back by give_back(), or close it.
  Awaitable<Outcome<std::shared_ptr<Connection>>> take(Deadline deadline);
  void give_back(std::shared_ptr<Connection> connection);

  /// To be called about every 100 ms: deadlines, queue waits, reconnects.
  void tick(Clock::time_point now);

  LaneState state(Lane lane) const;
  asio::io_context& context() { return io_; }

 private:
  asio::io_context& io_;
  PoolSettings settings_;
};

}  // namespace shardplex::postgres
