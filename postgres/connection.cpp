#include "postgres/connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>

#include "postgres/canceller.hpp"
#include "postgres/result_rows.hpp"
#include "postgres/session.hpp"

namespace shardplex::postgres {
namespace {

using Readiness = asio::posix::descriptor_base;

constexpr std::chrono::seconds overdue_limit{1};
constexpr std::chrono::milliseconds slow_after{20};    // nothing more is queued behind it
constexpr std::chrono::milliseconds stuck_after{100};  // what is queued behind it goes elsewhere
constexpr std::size_t much_sent = 512 * 1024;          // bytes of one statement's parameters
constexpr std::size_t counted_from = 16 * 1024;  // bytes of a result; smaller ones are not worth counting
constexpr std::string_view timed_out = "timeout";
constexpr int binary_results = 1;
constexpr std::size_t parameter_limit = 65'535;  // a 16-bit count in the Bind message

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text ? text : "";
}

Failure statement_failure(const PGresult* result) {
  return {.kind = Failure::Kind::statement,
          .sent = true,
          .sqlstate = std::string(field(result, PG_DIAG_SQLSTATE)),
          .message = std::string(field(result, PG_DIAG_MESSAGE_PRIMARY)),
          .detail = std::string(field(result, PG_DIAG_MESSAGE_DETAIL)),
          .hint = std::string(field(result, PG_DIAG_MESSAGE_HINT))};
}

Failure lost(std::string message) {
  return {.kind = Failure::Kind::lost, .sent = true, .message = std::move(message)};
}

Failure not_connected(std::string message) {
  return {.kind = Failure::Kind::connect, .sent = false, .message = std::move(message)};
}

Failure refused(std::string sqlstate, std::string message) {
  return {.kind = Failure::Kind::statement,
          .sent = false,
          .sqlstate = std::move(sqlstate),
          .message = std::move(message)};
}

// The server ends the connection after an error of this severity.
bool ends_connection(const PGresult* result) {
  const std::string_view severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity == "FATAL" || severity == "PANIC";
}

// The server does not know the prepared statement any more, or knows it with other columns than it has now.
bool is_stale(const PGresult* result) {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  return sqlstate == "26000" ||
         (sqlstate == "0A000" && field(result, PG_DIAG_SOURCE_FUNCTION) == "RevalidateCachedQuery");
}

/// All of an answer may have come between two looks. Small values take some times their bytes in a result.
bool is_too_large(const ResultSet& result, std::size_t limit) {
  constexpr std::size_t most_overhead = 8;
  return limit > 0 && result.memory_bytes() / most_overhead > limit;
}

bool holds_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

// What libpq could not carry: it would cut a text at its first NUL. The codes are those PostgreSQL uses.
std::optional<Failure> unsendable(const Statement& statement) {
  if (statement.params.size() > parameter_limit) return refused("54023", "too many parameters");
  const bool nul = holds_nul(statement.sql) ||
                   std::ranges::any_of(statement.params, [](const auto& p) { return p && holds_nul(*p); });
  if (nul) return refused("22021", "invalid byte sequence for encoding \"UTF8\": 0x00");
  return std::nullopt;
}

std::optional<Failure> unsendable(const std::vector<Statement>& statements) {
  for (const Statement& statement : statements)
    if (auto failure = unsendable(statement)) return failure;
  return std::nullopt;
}

// libpq writes `connection to server at "…", port … failed: REASON`, and hints on further lines.
std::string reason_of(const PGconn* pg) {
  std::string_view text = PQerrorMessage(pg);
  constexpr std::string_view mark = "failed: ";
  if (auto at = text.find(mark); at != text.npos) text.remove_prefix(at + mark.size());
  return std::string(text.substr(0, text.find('\n')));
}

class PreparedName {
 public:
  explicit PreparedName(PreparedStatements::Id id) {
    *std::to_chars(text_.data() + 1, text_.data() + text_.size() - 1, id).ptr = '\0';
  }
  const char* c_str() const { return text_.data(); }

 private:
  std::array<char, 24> text_{'s'};
};

}  // namespace

// ---- Opening and closing

std::shared_ptr<Connection> Connection::open(asio::io_context& io, const ConnectionSettings& settings,
                                             ConnectionEvents events) {
  std::shared_ptr<Connection> connection(new Connection(io, settings, std::move(events)));
  connection->start_connect();
  return connection;
}

Connection::Connection(asio::io_context& io, const ConnectionSettings& settings, ConnectionEvents events)
    : io_(io),
      settings_(settings),
      events_(std::move(events)),
      socket_(io),
      connect_timer_(io),
      incoming_(settings_.memory, settings_.answer_bytes) {}

Connection::~Connection() {
  if (!backend_.empty()) settings_.sessions->leave(settings_.conninfo, backend_);
  if (socket_.is_open()) socket_.release();
  PQfinish(pg_);
}

void Connection::start_connect() {
  connect_timer_.expires_after(settings_.connect_timeout);
  connect_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && (self->state_ == State::connecting || self->state_ == State::setting_up))
      self->connect_failed(std::string(timed_out));
  });
  pg_ = start_connection(settings_);
  if (pg_ && PQstatus(pg_) != CONNECTION_BAD) return wait_to_connect(Readiness::wait_write);
  // The owner does not have this object yet: tell it later.
  asio::post(io_, [self = shared_from_this()] {
    if (self->state_ != State::connecting) return;
    self->connect_failed(self->pg_ ? reason_of(self->pg_) : "the connection string is not valid");
  });
}

// libpq may have closed its socket and opened another, perhaps with the same number, so the descriptor is
// made anew for each wait.
void Connection::wait_to_connect(Readiness::wait_type readiness) {
  socket_.assign(PQsocket(pg_));
  socket_.async_wait(readiness, [self = shared_from_this()](boost::system::error_code error) {
    if (!error && self->state_ == State::connecting) self->poll_connect();
  });
}

void Connection::poll_connect() {
  socket_.release();
  switch (PQconnectPoll(pg_)) {
    case PGRES_POLLING_READING:
      return wait_to_connect(Readiness::wait_read);
    case PGRES_POLLING_WRITING:
      return wait_to_connect(Readiness::wait_write);
    case PGRES_POLLING_OK:
      return connected();
    default:
      return connect_failed(reason_of(pg_));
  }
}

void Connection::connected() {
  PQsetNoticeReceiver(
      pg_, [](void*, const PGresult*) {}, nullptr);
  if (PQsetnonblocking(pg_, 1) != 0 || PQenterPipelineMode(pg_) != 1) return connect_failed(reason_of(pg_));
  socket_.assign(PQsocket(pg_));
  state_ = State::setting_up;
  wait_readable();
  set_up();
}

// Nothing else is sent before the answer: a statement must not run under other settings.
void Connection::set_up() {
  held_to_ = refusal_ ? std::nullopt : settings_.sessions->agreed();
  const auto agreed = held_to_ ? std::optional(held_to_->values) : std::nullopt;
  auto opened = [self = shared_from_this()](Outcome<std::vector<ResultSet>> answer) {
    if (self->state_ == State::setting_up) self->session_opened(std::move(answer));
  };
  jobs_.emplace_back(Job{.statements = {session_statement(settings_, agreed)},
                         .deadline = Deadline::max(),  // connect_timer_ has it
                         .done = {std::move(opened), io_.get_executor()}});
  jobs_.back().housekeeping = true;
  schedule_write();
}

void Connection::session_opened(Outcome<std::vector<ResultSet>> answer) {
  if (!answer && held_to_ && !refusal_) {
    // What was agreed may be what is wrong: this server has its say all the same.
    refusal_ = answer.error().message;
    return set_up();
  }
  if (!answer) return connect_failed(answer.error().message);
  auto session = opened_session(answer->front());
  if (!session) return connect_failed(session.error().message);
  if (backend_.empty()) {
    if (!settings_.sessions->enter(settings_.conninfo, session->backend, server_name()))
      return connect_failed("a connection pooler lends its sessions for a transaction only; " +
                            std::string(whole_sessions_needed));
    backend_ = std::move(session->backend);
    settings_.sessions->agree({settings_.conninfo, server_name()}, session->own);
  }
  const auto agreed = *settings_.sessions->agreed();
  if (agreed.values != (held_to_ ? held_to_->values : session->own)) {
    if (refusal_) return connect_failed("it cannot be set as the other shards are: " + *refusal_);
    return set_up();
  }
  generation_ = agreed.generation;
  connect_timer_.cancel();
  state_ = State::ready;
  last_progress_ = Clock::now();
  events_.idle_or_ready();
}

void Connection::connect_failed(const std::string& reason) {
  auto failure = not_connected("cannot connect to " + server_name() + ": " + reason);
  failure.silent = reason == timed_out || reason == std::generic_category().message(ETIMEDOUT);
  lose(std::move(failure));
}

std::string Connection::server_name() const {
  const char* host = PQhost(pg_);
  const char* port = PQport(pg_);
  return std::string(host ? host : "") + ':' + (port ? port : "");
}

void Connection::lose(Failure failure) {
  const auto self = shared_from_this();
  if (state_ != State::ready && failure.kind != Failure::Kind::connect)
    failure = not_connected("cannot connect to " + server_name() + ": " + failure.message);
  const Failure unsent = not_connected("the connection to " + server_name() + " was lost");
  auto stream = std::exchange(stream_, {});
  disconnect(failure, unsent);
  if (stream) stream->events.end(failure);
  events_.broken(failure);
}

void Connection::close() {
  if (state_ == State::closed) return;
  disconnect(lost("the connection was closed"), not_connected("the connection was closed"));
}

void Connection::abandon(const std::string& reason) {
  if (state_ != State::closed) lose(lost(server_name() + ": " + reason));
}

void Connection::cancel_and_close() {
  if (state_ == State::closed) return;
  cancel_in_background(pg_);
  close();
}

void Connection::disconnect(const Failure& for_sent, const Failure& for_unsent) {
  state_ = State::closed;
  connect_timer_.cancel();
  if (!backend_.empty()) settings_.sessions->leave(settings_.conninfo, std::exchange(backend_, {}));
  if (socket_.is_open()) socket_.release();
  PQfinish(std::exchange(pg_, nullptr));

  auto jobs = std::exchange(jobs_, {});
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (auto& done = jobs[i].job.done) done(i < sent_ ? for_sent : for_unsent);
  sent_ = 0;
  stream_.reset();
  incoming_.whole();  // what had come of it is gone
}

// ---- Jobs

void Connection::submit(Job job) {
  if (auto failure = unsendable(job.statements)) return job.done(std::move(*failure));
  if (jobs_.empty()) front_since_ = Clock::now();
  jobs_.emplace_back(std::move(job));
  schedule_write();
}

void Connection::schedule_write() {
  if (write_scheduled_) return;
  write_scheduled_ = true;
  asio::post(io_, [self = shared_from_this()] {
    self->write_scheduled_ = false;
    if (self->is_open()) self->write_queued();
  });
}

void Connection::write_queued() {
  while (!awaits_commit()) {
    evict_prepared();  // also between jobs of which each waits for its answer
    if (sent_ == jobs_.size()) break;
    // Counted first: a job that was sent in part may have reached the server.
    if (!send(jobs_[sent_++])) return lose(lost("cannot send to " + server_name() + ": " + reason_of(pg_)));
  }
  flush();
}

void Connection::evict_prepared() {
  while (auto evicted = prepared_.evict_beyond(settings_.prepared_statements, settings_.prepared_bytes))
    send_housekeeping(std::string("DEALLOCATE ") + PreparedName(*evicted).c_str());
}

bool Connection::send(PendingJob& pending) {
  if (pending.housekeeping)
    pending.commands.push_back({.statement = 0, .prepare = false, .control = false, .prepared = 0});
  const bool sent =
      pending.housekeeping ? send_unprepared(pending.job.statements.front()) : send_prepared(pending);
  return sent && PQpipelineSync(pg_) == 1;
}

/// What is sent now would belong to the transaction of the job before.
bool Connection::awaits_commit() const {
  return sent_ > 0 && !jobs_[sent_ - 1].ended;
}

/// BEGIN, COMMIT or ROLLBACK.
bool Connection::send_control(PendingJob& pending, const char* sql) {
  pending.commands.push_back({.statement = 0, .prepare = false, .control = true, .prepared = 0});
  return PQsendQueryParams(pg_, sql, 0, nullptr, nullptr, nullptr, nullptr, binary_results) == 1;
}

/// All statements of a job have been answered, and its transaction stands open.
void Connection::end_transaction(PendingJob& pending) {
  const bool refused = pending.failure && pending.failure->kind == Failure::Kind::no_memory;
  if (refused || !pending.job.done)
    return give_up(pending.failure.value_or(lost("nobody waits for the answer any more")));
  pending.ended = true;
  if (!send_control(pending, pending.failure ? "ROLLBACK" : "COMMIT") || PQpipelineSync(pg_) != 1)
    return lose(lost("cannot send to " + server_name() + ": " + reason_of(pg_)));
  schedule_write();
}

bool Connection::send_prepared(PendingJob& pending) {
  pending.ended = pending.job.commit == Commit::at_once;
  if (!pending.ended && !send_control(pending, "BEGIN")) return false;
  for (std::uint32_t i = 0; i < pending.job.statements.size(); ++i) {
    const Statement& statement = pending.job.statements[i];
    if (statement.sql.size() > settings_.longest_prepared) {
      if (!send_unprepared(statement)) return false;
      pending.commands.push_back({.statement = i, .prepare = false, .control = false, .prepared = 0});
      continue;
    }
    const auto [id, fresh] = prepared_.use(statement.sql);
    const PreparedName name(id);
    if (fresh) {
      if (PQsendPrepare(pg_, name.c_str(), statement.sql.c_str(), 0, nullptr) != 1) return false;
      pending.commands.push_back({.statement = i, .prepare = true, .control = false, .prepared = id});
    }
    if (PQsendQueryPrepared(pg_, name.c_str(), static_cast<int>(statement.params.size()),
                            parameter_values(statement), nullptr, nullptr, binary_results) != 1)
      return false;
    pending.commands.push_back({.statement = i, .prepare = false, .control = false, .prepared = id});
  }
  return true;
}

bool Connection::send_unprepared(const Statement& statement) {
  return PQsendQueryParams(pg_, statement.sql.c_str(), static_cast<int>(statement.params.size()), nullptr,
                           parameter_values(statement), nullptr, nullptr, binary_results) == 1;
}

const char* const* Connection::parameter_values(const Statement& statement) {
  values_.clear();
  std::size_t bytes = 0;
  for (const auto& param : statement.params) {
    values_.push_back(param ? param->c_str() : nullptr);
    bytes += param ? param->size() : 0;
  }
  sent_much_ |= bytes > much_sent;
  return values_.data();
}

// A segment of its own, sent before any that is not sent yet: a command inside a job's segment would stand in
// the way of statements that must be alone in theirs, such as COMMIT PREPARED.
void Connection::send_housekeeping(std::string sql) {
  const auto first_unsent = jobs_.begin() + static_cast<std::ptrdiff_t>(sent_);
  PendingJob pending({.statements = {{std::move(sql), {}}}, .deadline = Deadline::max(), .done = {}});
  pending.housekeeping = true;
  jobs_.insert(first_unsent, std::move(pending));
  if (awaits_commit()) return;  // it is sent when that has come
  send(jobs_[sent_++]);         // a broken connection shows again, and is handled, at the next flush or read
}

void Connection::flush() {
  const int flushed = PQflush(pg_);
  if (flushed < 0) return lose(lost("cannot send to " + server_name() + ": " + reason_of(pg_)));
  if (flushed == 1 && !waiting_writable_) {
    waiting_writable_ = true;
    socket_.async_wait(Readiness::wait_write, [self = shared_from_this()](boost::system::error_code error) {
      self->waiting_writable_ = false;
      if (!error && self->is_open()) self->flush();
    });
  }
  // libpq reads while it cannot write; what it has read does not make the socket readable again.
  read_results();
}

void Connection::expire(Clock::time_point now) {
  for (PendingJob& pending : jobs_)
    if (pending.job.done && pending.job.deadline <= now)
      pending.job.done(Failure{.kind = Failure::Kind::deadline,
                               .sent = true,
                               .message = "no answer from " + server_name() + " before the deadline"});

  if (drop_abandoned()) return;
  if (!jobs_.empty() && now - front_since_ > stuck_after)
    if (auto jobs = displace(false); !jobs.empty()) events_.displaced(std::move(jobs));

  const bool awaits_rows = stream_ && !stream_->paused;
  if (std::exchange(finished_at_last_expire_, finished_) != finished_ || (jobs_.empty() && !awaits_rows))
    last_progress_ = now;
  if (jobs_.empty() || now - overdue_limit <= std::max(jobs_.front().job.deadline, last_progress_)) return;
  cancel_in_background(pg_);
  lose(lost(server_name() + " does not answer"));
}

bool Connection::slow(Clock::time_point now) const {
  return !jobs_.empty() && now - front_since_ > slow_after;
}

// The answers that the server may still give here are discarded.
std::vector<Job> Connection::displace(bool again) {
  std::vector<Job> out;
  for (std::size_t i = 1; i < jobs_.size(); ++i) {
    Job& job = jobs_[i].job;
    if (job.repeatable && job.done && (again || !job.displaced))
      out.push_back({.statements = job.statements,
                     .deadline = job.deadline,
                     .done = std::move(job.done),
                     .clients = job.clients,
                     .repeatable = true,
                     .displaced = true});
  }
  return out;
}

// True where the connection was given up, because nobody is left who waits for it.
bool Connection::drop_abandoned() {
  const Failure abandoned{.kind = Failure::Kind::abandoned, .sent = true, .message = "the client has gone"};
  if (stream_ && stream_->events.client && stream_->events.client->gone) {
    give_up(abandoned);
    return true;
  }
  bool dropped = false, awaited = false;
  for (PendingJob& pending : jobs_) {
    if (pending.job.done && all_gone(pending.job.clients)) {
      pending.job.done(abandoned);
      dropped = true;
    }
    awaited |= static_cast<bool>(pending.job.done);
  }
  if (!dropped || awaited) return false;
  give_up(abandoned);
  return true;
}

// Ends what runs. Repeatable jobs behind it go elsewhere.
void Connection::give_up(const Failure& failure) {
  const auto self = shared_from_this();
  cancel_in_background(pg_);
  auto displaced = displace(true);
  if (!jobs_.empty() && jobs_.front().job.done) jobs_.front().job.done(failure);
  lose(failure);
  if (!displaced.empty()) events_.displaced(std::move(displaced));
}

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

// ---- Results

void Connection::wait_readable() {
  if (waiting_readable_) return;
  waiting_readable_ = true;
  socket_.async_wait(Readiness::wait_read, [self = shared_from_this()](boost::system::error_code error) {
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
  const bool sent = send_unprepared(statement) && PQsetSingleRowMode(pg_) == 1 && PQpipelineSync(pg_) == 1;
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
    if (PQstatus(pg_) == CONNECTION_BAD) lose(lost("the connection to " + server_name() + " was lost"));
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
