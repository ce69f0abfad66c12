// Answers on their way back: of jobs, and rows of a stream.
#include <utility>

#include "postgres/connection.hpp"
#include "postgres/libpq_failures.hpp"

namespace shardplex::postgres {
namespace {

constexpr std::size_t counted_from = 16 * 1024;  // bytes of a result; smaller ones are not worth counting

/// All of an answer may have come between two looks. Small values take some times their bytes in a result.
bool is_too_large(const ResultSet& result, std::size_t limit) {
  constexpr std::size_t most_overhead = 8;
  return limit > 0 && result.memory_bytes() / most_overhead > limit;
}

}  // namespace

// To be called where bytes have come and no answer has become whole.
void Connection::weigh_incoming() {
  const bool refusable = stream_ || jobs_.empty() || may_refuse(jobs_.front());
  const auto verdict = incoming_.grown(PQsocket(pg_), refusable);
  if (verdict == IncomingAnswer::Verdict::too_large)
    return give_up({.kind = Failure::Kind::too_large, .sent = true, .message = limit_exceeded()});
  if (verdict == IncomingAnswer::Verdict::no_memory)
    give_up({.kind = Failure::Kind::no_memory, .sent = true, .message = "the memory budget is spent"});
}

std::string Connection::limit_exceeded() const {
  auto text = "the limit is " + std::to_string(settings_.answer_bytes) + " bytes.";
  if (stream_ || jobs_.empty() || jobs_.front().job.repeatable) return text;
  return text +
         (jobs_.front().ended ? " The write may have taken effect all the same." : " Nothing was written.");
}

/// The answer of a write that has been carried out by now, as likely as not, is worth the memory.
bool Connection::may_refuse(const PendingJob& pending) const {
  return pending.job.repeatable || !pending.ended;
}

void Connection::wait_readable() {
  if (waiting_readable_) return;
  waiting_readable_ = true;
  socket_.async_wait(asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this()](boost::system::error_code error) {
                       self->waiting_readable_ = false;
                       if (!error && self->is_open()) self->on_readable();
                     });
}

void Connection::on_readable() {
  if (stream_ && stream_->paused) return;
  const bool alive = PQconsumeInput(pg_) == 1;
  const auto answers_before = finished_;
  read_results();
  if (!is_open()) return;
  if (!alive) return lose(lost("the connection to " + server_name() + " was lost"));
  if (finished_ == answers_before) weigh_incoming();
  if (!is_open()) return;
  if (!(stream_ && stream_->paused)) wait_readable();
}

void Connection::read_results() {
  if (stream_) return read_stream();
  const std::uint64_t finished_before = finished_;
  while (is_open() && sent_ > 0 && PQisBusy(pg_) == 0) take_result(PQgetResult(pg_));
  if (!is_open() || finished_ == finished_before) return;
  incoming_.whole();
  if (state_ != State::ready) return;
  // libpq's buffers stay as large as the largest answer or statement was.
  if ((incoming_.was_large() || sent_much_) && jobs_.empty())
    return lose(lost("the connection has grown too large"));
  events_.idle_or_ready();
}

// libpq ends each command's results with a null, and a segment with PGRES_PIPELINE_SYNC (without a null). An
// error at commit comes after all commands' results.
void Connection::take_result(PGresult* raw) {
  PendingJob& pending = jobs_.front();
  if (!raw) {
    // A dead connection has nothing more to say, and libpq says so for ever.
    if (PQstatus(pg_) == CONNECTION_BAD)
      return lose(lost("the connection to " + server_name() + " was lost"));
    ++pending.answered;
    return;
  }
  ResultSet result(raw);
  const auto* command =
      pending.answered < pending.commands.size() ? &pending.commands[pending.answered] : nullptr;
  const bool of_statement = command != nullptr && !command->prepare && !command->control;
  switch (PQresultStatus(raw)) {
    case PGRES_PIPELINE_SYNC:
      return pending.ended ? finish_front() : end_transaction(pending);
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      if (of_statement && pending.job.done) keep(pending, std::move(result));
      return;
    case PGRES_PIPELINE_ABORTED:
    case PGRES_FATAL_ERROR:
      return take_error(pending, raw);
    default:
      return lose(lost("an answer out of turn from " + server_name()));
  }
}

void Connection::keep(PendingJob& pending, ResultSet result) {
  incoming_.whole();  // counted once, not twice
  if (may_refuse(pending) && is_too_large(result, settings_.answer_bytes)) {
    pending.failure = {.kind = Failure::Kind::too_large, .sent = true, .message = limit_exceeded()};
    return;
  }
  const bool counted = settings_.memory != nullptr && result.memory_bytes() >= counted_from;
  if (counted && !may_refuse(pending))
    result.charge_anyway(settings_.memory);
  else if (counted && !result.charge(settings_.memory))
    pending.failure = {
        .kind = Failure::Kind::no_memory, .sent = true, .message = "the memory budget is spent"};
  if (!pending.failure) pending.results.push_back(std::move(result));
}

void Connection::take_error(PendingJob& pending, const PGresult* result) {
  const bool aborted = PQresultStatus(result) == PGRES_PIPELINE_ABORTED;
  if (!aborted) {
    pending.failure = statement_failure(result);
    if (ends_connection(result)) {
      pending.failure->kind = Failure::Kind::lost;
      return lose(*pending.failure);
    }
  }
  if (pending.answered >= pending.commands.size()) return;
  const Command& command = pending.commands[pending.answered];
  if (command.prepare)
    prepared_.forget(pending.job.statements[command.statement].sql, command.prepared);
  else if (!aborted && !pending.housekeeping && !command.control)
    pending.stale = is_stale(result) ? std::optional(pending.answered) : std::nullopt;
}

void Connection::finish_front() {
  PendingJob pending = std::move(jobs_.front());
  jobs_.pop_front();
  --sent_;
  ++finished_;
  front_since_ = Clock::now();
  if (!pending.failure && pending.job.done && pending.results.size() != pending.job.statements.size())
    pending.failure = lost(server_name() + " gave fewer or more results than it got statements");
  if (pending.stale) forget_stale(pending);

  if (pending.stale && !pending.retried && pending.job.done) {
    jobs_.emplace_back(std::move(pending.job)).retried = true;
    schedule_write();
  } else if (pending.job.done) {
    if (pending.failure)
      pending.job.done(std::move(*pending.failure));
    else
      pending.job.done(std::move(pending.results));
  }

  // Seen only when nothing is behind: until then libpq says "active".
  const PGTransactionStatusType status = PQtransactionStatus(pg_);
  if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
    lose(lost("a job left its transaction open on " + server_name()));
}

// Where the statement is still held, the server has lost or outdated what it had, and likely not this one
// alone; otherwise its prepare, sent with an earlier job, has failed.
void Connection::forget_stale(const PendingJob& pending) {
  const Command& failed = pending.commands[*pending.stale];
  if (!prepared_.holds(pending.job.statements[failed.statement].sql, failed.prepared)) return;
  prepared_.forget_all();
  send_housekeeping("DEALLOCATE ALL");
}

// ---- Streams

void Connection::start_stream(const Statement& statement, StreamEvents events) {
  stream_.emplace(Stream{.events = std::move(events)});
  if (auto failure = unsendable(statement)) return end_stream(std::move(failure));
  stream_->before_rows = has_settings(statement);
  bool sent = !stream_->before_rows || send_settings(statement);
  sent = sent && send_unprepared(statement);
  // It is set for the query whose answer comes next.
  sent = sent && (stream_->before_rows || PQsetSingleRowMode(pg_) == 1) && PQpipelineSync(pg_) == 1;
  if (!sent) return lose(lost("cannot send to " + server_name() + ": " + reason_of(pg_)));
  flush();
}

void Connection::pause_stream(bool paused) {
  if (!stream_ || std::exchange(stream_->paused, paused) == paused || paused) return;
  read_stream();  // what libpq has already read, which may be the end
  if (state_ == State::ready && !(stream_ && stream_->paused)) wait_readable();
}

void Connection::read_stream() {
  while (stream_ && !stream_->paused && PQisBusy(pg_) == 0) take_stream_result(PQgetResult(pg_));
}

void Connection::take_stream_result(PGresult* raw) {
  if (!raw) {
    if (PQstatus(pg_) == CONNECTION_BAD)
      return lose(lost("the connection to " + server_name() + " was lost"));
    // Where a setting was refused, no rows follow.
    if (std::exchange(stream_->before_rows, false) && PQsetSingleRowMode(pg_) != 1 && !stream_->failure)
      lose(lost("cannot read row by row from " + server_name()));
    return;
  }
  ResultSet result(raw);
  ++finished_;
  switch (PQresultStatus(raw)) {
    case PGRES_SINGLE_TUPLE:
      incoming_.whole();
      if (is_too_large(result, settings_.answer_bytes))
        return give_up({.kind = Failure::Kind::too_large, .sent = true, .message = limit_exceeded()});
      return stream_->events.row(std::move(result));
    case PGRES_TUPLES_OK:  // after the last row
    case PGRES_COMMAND_OK:
    case PGRES_PIPELINE_ABORTED:
      return;
    case PGRES_FATAL_ERROR:
      stream_->failure = statement_failure(raw);
      if (!ends_connection(raw)) return;
      stream_->failure->kind = Failure::Kind::lost;
      return lose(*stream_->failure);
    case PGRES_PIPELINE_SYNC:
      return end_stream(std::move(stream_->failure));
    default:
      return lose(lost("an answer out of turn from " + server_name()));
  }
}

void Connection::end_stream(std::optional<Failure> failure) {
  const auto stream = std::exchange(stream_, {});
  incoming_.whole();
  if (incoming_.was_large()) close();
  stream->events.end(std::move(failure));
}

}  // namespace shardplex::postgres
