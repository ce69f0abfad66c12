// The connections of one worker to one server, in lanes, so that slow statements do not stand in the way of
// fast ones.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "postgres/connection.hpp"
#include "postgres/server_pulse.hpp"

namespace shardplex::postgres {

/// A lane's connections carry statements of one kind only.
enum class Lane : std::uint8_t {
  point,   ///< batched reads by key: microseconds each, deep pipelines
  read,    ///< any other read with a bounded number of rows, one at a time: a slow one delays only itself
  write,   ///< may wait for row locks and for the commit's flush: one at a time
  stream,  ///< one read of any number of rows at a time, exclusively
};
inline constexpr std::size_t lane_count = 4;

struct LaneSettings {
  std::size_t connections;  ///< opened on demand, up to this many
  std::size_t depth;        ///< jobs in flight per connection; none is added behind one that is slow
};

struct PoolSettings {
  ConnectionSettings connection;
  std::array<LaneSettings, lane_count> lanes{{{4, 16}, {4, 1}, {8, 1}, {8, 1}}};
  std::size_t queue = 10'000;  ///< jobs waiting for a place; one more fails with Failure::busy
  std::chrono::milliseconds queue_wait{5'000};  ///< a job that has waited this long fails with Failure::busy
  std::chrono::milliseconds backoff_min{50},
      backoff_max{2'000};  ///< between attempts to connect, doubling, with jitter
  std::chrono::milliseconds stream_statement_timeout{
      630'000};  ///< on Lane::stream, in the place of connection.statement_timeout
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

  /// Sends the job on the lane's least loaded connection, opening one where all are slow or at their depth;
  /// waits in the lane's queue otherwise. Jobs of all lanes but `write` are reads, and may be sent twice.
  /// After a failed attempt to connect, jobs of lanes without a connection fail at once with
  /// Failure::connect, until an attempt made by tick() has succeeded.
  void submit(Lane lane, Job job);

  /// co_await-able form. The vector has one ResultSet per statement. `end`: Job::end.
  Awaitable<Outcome<std::vector<ResultSet>>> execute(Lane lane, std::vector<Statement> statements,
                                                     Deadline deadline, CallerPtr client = nullptr,
                                                     Commit commit = Commit::at_once, std::string end = {});

  /// An idle connection of Lane::stream, for exclusive use; it goes back when the pointer is dropped, or is
  /// replaced on demand where it has been closed by then. It may be dropped after the pool's end.
  /// Where the client has gone meanwhile, nobody waits for it.
  Awaitable<Outcome<std::shared_ptr<Connection>>> take(Deadline deadline, CallerPtr client = nullptr);

  /// To be called about every 100 ms: deadlines, queue waits, reconnects.
  void tick(Clock::time_point now);

  /// The server is said to be there: where no attempt to connect has succeeded for a while, another one is
  /// made now.
  void connect_again();
  /// True unless the last attempt to connect failed: jobs are not refused for that.
  bool reachable() const { return !unreachable_; }
  /// Calls `f` whenever the server is reached after an attempt has failed.
  void when_reached(std::function<void()> f) { reached_ = std::move(f); }

  /// Tells of every answer from now on.
  void report_to(std::shared_ptr<ServerPulse> pulse) { pulse_ = std::move(pulse); }

  /// The server does not answer: all connections are replaced, jobs in flight fail with Failure::lost. Those
  /// that wait, and new ones, fail at once until an attempt to connect has succeeded. An attempt that is
  /// under way has a time of its own, and goes on: a server that is only busy is reached by it.
  void give_up(const std::string& reason);
  /// The same, but jobs go on at once over new connections.
  void replace_connections(const std::string& reason);

  /// Those that nobody uses are replaced on demand: a session shows what the server is set to when it begins.
  void replace_idle_connections();

  /// The processes on the server (Connection::backend()) that owe an answer since `at_least` or longer, and
  /// that judge() has not been told of since they gave the last one.
  std::vector<std::string> stalled(Clock::time_point now, Clock::duration at_least) const;
  /// A lane without such a process, to ask about them by.
  Lane lane_beside(const std::vector<std::string>& backends) const;
  /// Whether the process hangs, or is only slow: a hung one's connection is replaced.
  void judge(const std::string& backend, bool hangs);

  LaneState state(Lane lane) const;
  asio::io_context& context() { return io_; }
  MemoryBudget* memory() const { return settings_.connection.memory; }

 private:
  using Taken = Completion<Outcome<std::shared_ptr<Connection>>>;

  struct Member {
    std::shared_ptr<Connection> connection;
    bool connected = false;
    bool taken = false;
    bool known_slow = false;   // until its next answer
    bool tries_again = false;  // opened after an attempt had failed
  };
  struct WaitingJob {
    Job job;
    Clock::time_point since;
  };
  struct WaitingTaker {
    Taken done;
    Deadline deadline;
    Clock::time_point since;
    CallerPtr client;
  };
  struct Members {
    std::vector<Member> members;
    std::deque<WaitingJob> jobs;
    std::deque<WaitingTaker> takers;
    std::uint64_t connects = 0, connect_failures = 0;
  };

  Members& lane_of(Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }
  const LaneSettings& settings_of(Lane lane) const { return settings_.lanes[static_cast<std::size_t>(lane)]; }

  Connection* with_room(Lane lane);
  Member* idle_member(Lane lane);
  /// Why nothing more can wait in the lane now, if so.
  std::optional<Failure> refusal(Lane lane);
  void open_for_waiting(Lane lane);
  void open(Lane lane);
  void on_room(Lane lane);
  void on_broken(Lane lane, const Failure& failure);
  void on_displaced(Lane lane, std::vector<Job> jobs);
  void serve_waiting(Lane lane);
  void back_off(Lane lane, const Failure& failure);
  void try_to_connect();
  void fail_waiting(Lane lane, const Failure& failure);
  void expire_waiting(Lane lane, Clock::time_point now);
  template <class Condition>
  void close_idle(Lane lane, Condition condition);
  void take(Taken done, Deadline deadline, CallerPtr client);
  std::shared_ptr<Connection> lend(Member& member);
  void take_back(const Connection* connection);

  asio::io_context& io_;
  const PoolSettings settings_;
  std::array<Members, lane_count> lanes_;

  /// Why the last attempt to connect failed; empty once one has succeeded.
  std::optional<Failure> unreachable_;
  Lane unreachable_lane_ = Lane::point;
  Clock::time_point retry_at_{};
  std::chrono::milliseconds backoff_{0};
  std::shared_ptr<ServerPulse> pulse_;
  std::function<void()> reached_;
  std::minstd_rand jitter_{std::random_device{}()};

  /// Owns nothing: what outlives the pool holds it weakly.
  std::shared_ptr<Pool> alive_{this, [](Pool*) {}};
};

}  // namespace shardplex::postgres
