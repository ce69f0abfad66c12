#include "operations/replication/slot_copy.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "operations/shard/server.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds tick{100};              // how long a caller who wants to stop the copy may wait
constexpr std::chrono::seconds goodbye{5};     // for a server to answer to a cancel
constexpr std::size_t batch_bytes = 64 << 10;  // rows are put into messages of about this size

/// Waits until the server has said something or has taken what it was sent, or for `longest`.
void wait_for(PGconn* connection, milliseconds longest) {
  const bool unsent = PQflush(connection) == 1;
  pollfd socket{PQsocket(connection), static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN), 0};
  poll(&socket, 1, static_cast<int>(longest.count()));
}

void cancel(PGconn* connection) {
  std::array<char, 256> ignored{};
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> request(PQgetCancel(connection), &PQfreeCancel);
  PQcancel(request.get(), ignored.data(), static_cast<int>(ignored.size()));
}

/// Throws away what has come; true where the statement has ended.
bool discard(PGconn* connection) {
  for (;;) {
    char* row = nullptr;
    const int bytes = PQgetCopyData(connection, &row, 1);
    PQfreemem(row);
    if (bytes > 0) continue;
    if (bytes == 0 || PQisBusy(connection) == 1) return false;
    const PgResult result(PQgetResult(connection));
    if (!result) return true;
    if (PQresultStatus(result.get()) == PGRES_COPY_IN) PQputCopyEnd(connection, "given up");
  }
}

/// Ends the statement that is under way, if any. A server that does not answer is hung up on, so that the
/// connection is either ready for a ROLLBACK or known to be lost.
void give_up(PGconn* connection) {
  if (PQtransactionStatus(connection) != PQTRANS_ACTIVE) return;
  PQputCopyEnd(connection, "given up");  // nothing, unless the server is taking a COPY
  cancel(connection);
  const auto deadline = Clock::now() + goodbye;
  while (!discard(connection)) {
    if (Clock::now() >= deadline) shutdown(PQsocket(connection), SHUT_RDWR);
    wait_for(connection, tick);
    if (PQconsumeInput(connection) != 1) return;  // lost
  }
}

/// A table's rows on their way. One thread serves both connections: each server works while the other's data
/// is in a socket's buffer.
class TableCopy {
 public:
  TableCopy(PGconn* source, PGconn* target, const MovedTable& table, RateLimit& rate, const CopyWatch& watch)
      : source_{source, "reading " + table.name + " from the source"},
        target_{target, "writing " + table.name + " to the target"},
        rate_(rate),
        watch_(watch) {}

  void run(const std::string& copy_out, const std::string& copy_in) try {
    begin(source_, copy_out, PGRES_COPY_OUT);
    begin(target_, copy_in, PGRES_COPY_IN);
    PQsetnonblocking(target_.connection, 1);
    while (!source_ended_ || !batch_.empty() || unsent_) pump();
    PQsetnonblocking(target_.connection, 0);
    finish();
  } catch (...) {
    give_up(source_.connection);
    give_up(target_.connection);
    PQsetnonblocking(target_.connection, 0);
    throw;
  }

 private:
  struct Side {
    PGconn* connection;
    std::string work;
  };

  [[noreturn]] static void fail(const Side& side, const PgResult& result) {
    SqlFailure failure = failure_of(side.connection, result);
    throw SqlFailure(failure.sqlstate, side.work + ": " + failure.what(), failure.detail, failure.context);
  }

  static void consume(const Side& side) {
    if (PQconsumeInput(side.connection) != 1) fail(side, nullptr);
  }

  PgResult next_result(const Side& side) {
    while (PQisBusy(side.connection) == 1) {
      wait_for(side.connection, tick);
      report();
      consume(side);
    }
    return PgResult(PQgetResult(side.connection));
  }

  void begin(const Side& side, const std::string& statement, ExecStatusType expected) {
    if (PQsendQuery(side.connection, statement.c_str()) != 1) fail(side, nullptr);
    const PgResult result = next_result(side);
    if (PQresultStatus(result.get()) != expected) fail(side, result);
  }

  /// The end of a COPY that went well; the number of rows as the server counts them.
  std::string end(const Side& side) {
    const PgResult result = next_result(side);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(side, result);
    while (next_result(side)) continue;
    return PQcmdTuples(result.get());
  }

  /// Moves what can be moved now, and waits where that is nothing.
  void pump() {
    if (may_read()) read_rows();
    unsent_ = PQflush(target_.connection) == 1;
    if (!unsent_ && !batch_.empty() && (source_ended_ || batch_.size() >= batch_bytes))
      put_batch();
    else if (unsent_ || !source_ended_)
      wait();
    report();
  }

  bool may_read() const {
    return !source_ended_ && batch_.size() < batch_bytes && Clock::now() >= resume_at_;
  }

  void read_rows() {
    while (batch_.size() < batch_bytes) {
      char* row = nullptr;
      const int bytes = PQgetCopyData(source_.connection, &row, 1);
      if (bytes == 0) return;
      if (bytes < 0) {
        rows_read_ = end(source_);
        source_ended_ = true;
        return;
      }
      batch_.append(row, static_cast<std::size_t>(bytes));
      PQfreemem(row);
      ++messages_;
    }
  }

  void put_batch() {
    const int bytes = static_cast<int>(batch_.size());  // of int's range: a row is less than 1 GiB
    if (PQputCopyData(target_.connection, batch_.data(), bytes) != 1) fail(target_, nullptr);
    unsent_ = true;
    bytes_moved_ += batch_.size();
    resume_at_ = rate_.reserve(batch_.size(), Clock::now());
    batch_.clear();
  }

  void wait() {
    const auto now = Clock::now();
    const auto until = now < resume_at_ ? std::min(resume_at_, report_at_) : report_at_;
    const auto timeout = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(until - now));
    const auto wanted = static_cast<short>(unsent_ ? POLLIN | POLLOUT : POLLIN);
    std::array sockets{pollfd{may_read() ? PQsocket(source_.connection) : -1, POLLIN, 0},
                       pollfd{PQsocket(target_.connection), wanted, 0}};
    poll(sockets.data(), sockets.size(), static_cast<int>(timeout.count()));
    // While it takes a COPY, a server speaks only to refuse it; warnings are turned off.
    if ((sockets[1].revents & ~POLLOUT) != 0) fail_refused();
    if (may_read()) consume(source_);  // also where the socket was silent: TLS may have held bytes back
  }

  // libpq reads the refusal only once the COPY has been ended.
  [[noreturn]] void fail_refused() {
    PQputCopyEnd(target_.connection, "ended");
    const PgResult refusal = next_result(target_);
    fail(target_, refusal);
  }

  void finish() {
    if (PQputCopyEnd(target_.connection, nullptr) != 1) fail(target_, nullptr);
    const std::string rows_written = end(target_);
    if (rows_written != rows_read_)
      throw SqlFailure("23000", target_.work + ": it kept " + rows_written + " rows of " + rows_read_,
                       "A trigger that is ENABLE ALWAYS or ENABLE REPLICA may have left rows out.", "");
    tell_advance();
  }

  void tell_advance() {
    const std::uint64_t rows = std::max<std::uint64_t>(messages_, 1) - 1;  // the last is the format's trailer
    watch_.advanced(rows - rows_told_, bytes_moved_ - bytes_told_);
    rows_told_ = rows;
    bytes_told_ = bytes_moved_;
  }

  void report() {
    if (Clock::now() < report_at_) return;
    tell_advance();
    watch_.check();
    report_at_ = Clock::now() + tick;
  }

  const Side source_, target_;
  RateLimit& rate_;
  const CopyWatch& watch_;

  std::string batch_;    // rows that were read and not put
  bool unsent_ = false;  // libpq holds bytes that the target's socket has not taken
  bool source_ended_ = false;
  std::string rows_read_;  // as the source counts them, once it has ended
  Clock::time_point resume_at_{}, report_at_ = Clock::now() + tick;
  std::uint64_t messages_ = 0, bytes_moved_ = 0, rows_told_ = 0, bytes_told_ = 0;
};

std::string quoted_identifier(PGconn* connection, const std::string& name) {
  const std::unique_ptr<char, decltype(&PQfreemem)> quoted(
      PQescapeIdentifier(connection, name.data(), name.size()), &PQfreemem);
  if (!quoted) throw failure_of(connection, nullptr);
  return quoted.get();
}

/// The result of a command that may take up to `patience`; longer, and it is cancelled.
PgResult run_within(PGconn* connection, const std::string& command, std::chrono::seconds patience) {
  if (PQsendQuery(connection, command.c_str()) != 1) throw failure_of(connection, nullptr);
  const auto deadline = Clock::now() + patience;
  bool cancelled = false;
  while (PQisBusy(connection) == 1) {
    if (!cancelled && Clock::now() >= deadline) {
      cancel(connection);
      cancelled = true;
    }
    if (Clock::now() >= deadline + goodbye) shutdown(PQsocket(connection), SHUT_RDWR);
    wait_for(connection, tick);
    if (PQconsumeInput(connection) != 1) throw failure_of(connection, nullptr);
  }
  PgResult result(PQgetResult(connection));
  while (const PgResult rest{PQgetResult(connection)}) continue;
  return result;
}

}  // namespace

ReplicationSlotSnapshot::ReplicationSlotSnapshot(const std::string& conninfo,
                                                 const std::string& replication_slot_name,
                                                 std::chrono::seconds patience)
    : connection_(PQconnectdb((with_defaults(conninfo) + " replication=database").c_str())) {
  PGconn* connection = connection_.get();
  if (PQstatus(connection) != CONNECTION_OK) throw failure_of(connection, nullptr);
  // Limits of the role or the database would end the snapshot: it looks like a transaction that does nothing.
  const PgResult set(
      PQexec(connection,
             "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_session_timeout = 0; "
             "SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning"));
  if (PQresultStatus(set.get()) != PGRES_COMMAND_OK) throw failure_of(connection, set);
  const PgResult made =
      run_within(connection,
                 "CREATE_REPLICATION_SLOT " + quoted_identifier(connection, replication_slot_name) +
                     " LOGICAL pgoutput (SNAPSHOT 'export')",
                 patience);
  if (PQresultStatus(made.get()) != PGRES_TUPLES_OK) {
    SqlFailure failure = failure_of(connection, made);
    if (failure.sqlstate != sqlstate_canceled) throw failure;
    throw SqlFailure(failure.sqlstate,
                     "replication slot " + replication_slot_name + " could not be made within " +
                         std::to_string(patience.count()) +
                         " s: it waits for every transaction that was open when it began",
                     failure.detail, failure.context);
  }
  consistent_point_ = PQgetvalue(made.get(), 0, PQfnumber(made.get(), "consistent_point"));
  snapshot_ = PQgetvalue(made.get(), 0, PQfnumber(made.get(), "snapshot_name"));
}

namespace {

/// `which` is the WHERE of the rows to copy, or nothing.
void copy_rows(CopySession& source, CopySession& target, const MovedTable& table, const std::string& which,
               RateLimit& rate, const CopyWatch& watch) {
  target.execute("SET LOCAL session_replication_role = replica");
  target.execute("SET LOCAL client_min_messages = error");
  const std::string name = qualified_name(table), columns = quoted_list(table.columns);
  TableCopy(source.connection(), target.connection(), table, rate, watch)
      .run("COPY (SELECT " + columns + " FROM " + name + which + ") TO STDOUT (FORMAT binary)",
           "COPY " + name + " (" + columns + ") FROM STDIN (FORMAT binary)");
}

}  // namespace

void copy_table(CopySession& source, CopySession& target, const MovedTable& table, const SlotSet& slots,
                RateLimit& rate, const CopyWatch& watch) {
  copy_rows(source, target, table,
            " WHERE " + std::string(slot_column) + " = ANY ('" + array_literal(slots) + "'::int[])", rate,
            watch);
}

void copy_whole_table(CopySession& source, CopySession& target, const MovedTable& table, RateLimit& rate,
                      const CopyWatch& watch) {
  copy_rows(source, target, table, "", rate, watch);
}

}  // namespace shardplex::operations
