// One connection to one PostgreSQL server: libpq in pipeline mode, driven by Asio.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/container/small_vector.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/caller.hpp"
#include "postgres/completion.hpp"
#include "postgres/failure.hpp"
#include "postgres/incoming_answer.hpp"
#include "postgres/prepared_statements.hpp"
#include "postgres/result_set.hpp"
#include "postgres/sessions.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::postgres {

/// The session is held to shard_schema/session_settings.hpp, so that text built by the server looks the same
/// everywhere: pinned settings to their values, agreed ones to those that all which share `sessions` have;
/// jit off unless `conninfo` has it on. A host should be numeric: libpq resolves names by
/// blocking the thread.
struct ConnectionSettings {
  std::string conninfo;  ///< libpq keywords; passwords come from the environment or files
  std::string application_name = "shardplexd";
  std::chrono::milliseconds connect_timeout{1000};
  std::chrono::milliseconds statement_timeout{30'000};  ///< set on the server; mirrors the longest deadline
  std::chrono::milliseconds open_transaction{5'000};    ///< how long one may wait for its end
  std::size_t prepared_statements = 500;    ///< least recently used ones beyond this are deallocated
  std::size_t prepared_bytes = 256 * 1024;  ///< and beyond these, of their texts: plans take far more
  std::size_t longest_prepared = 4 * 1024;  ///< a longer text is not kept prepared
  std::size_t answer_bytes =
      32 * 1024 * 1024;            ///< most of one answer, or of one row of a stream; 0: no bound
  MemoryBudget* memory = nullptr;  ///< of all answers; null: no bound. Outlives the connection
  std::shared_ptr<Sessions> sessions = std::make_shared<Sessions>();  ///< copies of the settings share it
};

/// When a job's transaction is committed. The server ends one that stands open for ConnectionSettings::
/// open_transaction: a process that hangs must not keep its locks.
enum class Commit : std::uint8_t {
  at_once,        ///< with its last statement, in the same round trip
  once_answered,  ///< when its whole answer is here and has its memory. Where it is too large, or nobody
                  ///< waits for it any more, nothing of the job is kept. Nothing is sent behind it meanwhile
  never,          ///< as once_answered, and then it is rolled back
};

/// One transaction: its statements are sent together, in one pipeline segment ended by a Sync, so they commit
/// or fail together in one round trip. An error fails this job only; jobs queued behind it go on. No
/// statement may leave a transaction block open behind the job, or COPY.
struct Job {
  std::vector<Statement> statements;  ///< at least one
  Deadline deadline;
  Completion<Outcome<std::vector<ResultSet>>> done;  ///< one ResultSet per statement, in order
  std::vector<CallerPtr> clients{};                  ///< where all have gone, it is cancelled; none: never
  Commit commit = Commit::at_once;
  bool repeatable = false;  ///< a read: it may be sent again on another connection
  bool displaced =
      false;  ///< it has been sent again: once is enough, or a busy server would be asked ever more
  /// Of a job that commits once_answered: what is sent in the place of COMMIT, and ends the transaction like
  /// it: PREPARE TRANSACTION. "": nothing is.
  std::string end = {};
};

/// What to tell the owner (the pool).
struct ConnectionEvents {
  std::function<void()> idle_or_ready;  ///< connected, or a job has finished: there may be room for another
  std::function<void(const Failure&)> broken;  ///< could not connect, or lost; the object is dead: replace it
  /// Repeatable jobs that were in the way of a slow or broken one: to be sent on another connection.
  std::function<void(std::vector<Job>)> displaced = [](std::vector<Job>) {};
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
  bool closed() const { return state_ == State::closed; }
  /// Sessions are held to other settings by now: nothing more should be sent on this one.
  bool outdated() const { return state_ == State::ready && generation_ != settings_.sessions->generation(); }
  std::size_t in_flight() const { return jobs_.size(); }

  /// How long an answer has been awaited without any coming. A process that stood still itself has not
  /// waited: what has come, or was sent, since it goes on counts, whether or not expire() has seen it.
  Clock::duration stalled_for(Clock::time_point now) const;
  /// The process that serves this connection, as backend_sql() names it: by the server's own word, for a
  /// pooler in between has process numbers of its own. Precondition: ready().
  const std::string& backend() const { return backend_; }

  /// Completes jobs whose deadline has passed with Failure::deadline (their results are discarded when they
  /// come), and jobs whose clients have all gone; where nobody waits for an answer any more, what runs is
  /// cancelled, and the connection is broken. Repeatable jobs behind one that does not end are displaced. If
  /// the oldest has been overdue for over a second, the server is not answering: the connection is broken.
  void expire(Clock::time_point now);

  /// What runs has been running for more than some milliseconds: nothing should be queued behind it.
  bool slow(Clock::time_point now) const;

  /// Fails all jobs (Failure::lost) and closes. No event is raised.
  void close();

  /// The server does not answer on it: as where it breaks, events included.
  void abandon(const std::string& reason);

  /// Asks the server, from a helper thread, to cancel what runs, then closes: a cancelled pipeline is not
  /// reused.
  void cancel_and_close();

  // For RowStream: one statement in single-row mode on a connection that has nothing else in flight. Rows are
  // read from the socket only while the stream wants them, so a slow reader holds the server back.
  struct StreamEvents {
    std::function<void(ResultSet)> row;               ///< a PGRES_SINGLE_TUPLE of one row
    std::function<void(std::optional<Failure>)> end;  ///< after the last row, or in its place
    CallerPtr client{};                               ///< where it has gone, the stream ends; null: never
  };
  void start_stream(const Statement& statement,
                    StreamEvents events);  ///< precondition: ready(), in_flight() == 0
  void pause_stream(bool paused);

 private:
  enum class State : std::uint8_t { connecting, setting_up, ready, closed };

  /// One message of a segment that the server answers: a prepare or the execution of a prepared statement.
  struct Command {
    std::uint32_t statement;  // index into Job::statements
    bool prepare;
    bool control;  // of the transaction
    PreparedStatements::Id prepared;
  };

  struct PendingJob {
    explicit PendingJob(Job j) : job(std::move(j)) {}

    Job job;                    // done is empty once completed: what still comes is discarded
    bool housekeeping = false;  // ours: sent unprepared
    bool retried = false;
    bool ended = true;  // the end of its transaction has been sent, or will be with its statements
    boost::container::small_vector<Command, 4> commands;
    std::size_t answered = 0;          // commands
    std::optional<std::size_t> stale;  // the command that failed for the server's prepared statement: retry
    std::vector<ResultSet> results;
    std::optional<Failure> failure;
  };

  struct Stream {
    StreamEvents events;
    bool paused = false;
    bool before_rows = false;  // the answer to what sets its settings comes first
    std::optional<Failure> failure{};
  };

  Connection(asio::io_context& io, const ConnectionSettings& settings, ConnectionEvents events);

  void start_connect();
  void poll_connect();
  void wait_to_connect(asio::posix::descriptor_base::wait_type readiness);
  void connected();
  void set_up();
  void session_opened(Outcome<std::vector<ResultSet>> answer);
  bool is_open() const { return state_ == State::setting_up || state_ == State::ready; }
  void connect_failed(const std::string& reason);

  void schedule_write();
  void write_queued();
  bool send(PendingJob& pending);
  bool send_prepared(PendingJob& pending);
  bool send_unprepared(const Statement& statement);
  bool send_settings(const Statement& statement);
  void send_housekeeping(std::string sql);
  void evict_prepared();
  const char* const* parameter_values(const Statement& statement);
  void flush();
  bool awaits_commit() const;
  bool send_control(PendingJob& pending, const char* sql);
  void end_transaction(PendingJob& pending);
  std::string limit_exceeded() const;

  void wait_readable();
  void on_readable();
  void read_results();
  void take_result(PGresult* result);
  void keep(PendingJob& pending, ResultSet result);
  void take_error(PendingJob& pending, const PGresult* result);
  void finish_front();
  void forget_stale(const PendingJob& pending);
  void read_stream();
  void take_stream_result(PGresult* result);
  void end_stream(std::optional<Failure> failure);
  void weigh_incoming();
  bool may_refuse(const PendingJob& pending) const;
  std::vector<Job> displace(bool again);
  bool drop_abandoned();
  void give_up(const Failure& failure);

  void lose(Failure failure);
  void disconnect(const Failure& for_sent, const Failure& for_unsent);
  std::string server_name() const;

  asio::io_context& io_;
  const ConnectionSettings settings_;
  ConnectionEvents events_;
  State state_ = State::connecting;
  PGconn* pg_ = nullptr;
  asio::posix::stream_descriptor socket_;  // libpq's socket, on loan: released before libpq closes it
  asio::steady_timer connect_timer_;

  std::string backend_;  // of the server, once it is known
  std::optional<HeldTo> held_to_;
  std::uint64_t generation_ = 0;        // of what the session is held to
  std::optional<std::string> refusal_;  // why it could not be held to what had been agreed

  std::deque<PendingJob> jobs_;  // in the order of the server's answers; the first sent_ are with libpq
  std::size_t sent_ = 0;
  bool write_scheduled_ = false, waiting_writable_ = false, waiting_readable_ = false;
  PreparedStatements prepared_;
  std::vector<const char*> values_;  // kept for its memory

  std::uint64_t finished_ = 0, finished_at_last_expire_ = 0;  // jobs, and results of a stream
  Clock::time_point last_progress_{};
  Clock::time_point front_since_{};  // when the oldest job began to be the oldest
  IncomingAnswer incoming_;
  bool sent_much_ = false;
  std::optional<Stream> stream_;
};

}  // namespace shardplex::postgres
