// One connection to one PostgreSQL server: libpq in pipeline mode, driven by Asio.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/completion.hpp"
#include "postgres/failure.hpp"
#include "postgres/result_set.hpp"
#include "query/sql.hpp"

namespace shardplex::postgres {

struct ConnectionSettings {
  std::string conninfo;  ///< libpq keywords; passwords come from the environment or files
  std::string application_name = "shardplexd";
  std::chrono::milliseconds connect_timeout{3000};
  std::chrono::milliseconds statement_timeout{30'000};  ///< set on the server; mirrors the longest deadline
  std::size_t prepared_statements = 500;  ///< least recently used ones beyond this are deallocated
};

/// One transaction: its statements are sent together, in one pipeline segment ended by a Sync, so they commit
/// or fail together in one round trip. An error fails this job only; jobs queued behind it go on.
struct Job {
  std::vector<Statement> statements;  ///< at least one
  Deadline deadline;
  Completion<Outcome<std::vector<ResultSet>>> done;  ///< one ResultSet per statement, in order
};

/// What to tell the owner (the pool).
struct ConnectionEvents {
  std::function<void()> idle_or_ready;  ///< connected, or a job has finished: there may be room for another
  std::function<void(const Failure&)> broken;  ///< could not connect, or lost; the object is dead: replace it
};

/// Thread: that of its io_context, for all members. Lifetime: shared with its own pending I/O; close() ends
/// it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static std::shared_ptr<Connection> open(asio::io_context& io, const ConnectionSettings& settings,
                                          ConnectionEvents events);
  ~Connection();

  /// Queues the job; it is written to the socket before the event loop waits again, together with others of
  /// this turn. Precondition: ready().
  void submit(Job job);

  bool ready() const { return state_ == State::ready; }
  std::size_t in_flight() const { return jobs_.size(); }

  /// Completes jobs whose deadline has passed with Failure::deadline (their results are discarded when they
  /// come). If the oldest has been overdue for over a second, the server is not answering: the connection is
  /// broken.
  void expire(Clock::time_point now);

  /// Fails all jobs (Failure::lost) and closes. No event is raised.
  void close();

  /// Asks the server, from a helper thread, to cancel what runs, then closes: a cancelled pipeline is not
  /// reused.
  void cancel_and_close();

  // For RowStream: one statement in single-row mode on a connection that has nothing else in flight. Rows are
  // read from the socket only while the stream wants them, so a slow reader holds the server back.
  struct StreamEvents {
    std::function<void(ResultSet)> row;               ///< a PGRES_SINGLE_TUPLE of one row
    std::function<void(std::optional<Failure>)> end;  ///< after the last row, or in its place
  };
  void start_stream(const Statement& statement,
                    StreamEvents events);  ///< precondition: ready(), in_flight() == 0
  void pause_stream(bool paused);

 private:
  enum class State : std::uint8_t { connecting, ready, closed };
  struct PendingJob;
  State state_ = State::connecting;
  std::deque<PendingJob> jobs_;
  // The rest is the implementation's own.
};

}  // namespace shardplex::postgres
