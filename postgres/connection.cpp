// Opening, setting up and closing.
#include "postgres/connection.hpp"

#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>

#include "postgres/canceller.hpp"
#include "postgres/libpq_failures.hpp"
#include "postgres/session.hpp"

namespace shardplex::postgres {
namespace {

constexpr std::string_view timed_out = "timeout";

}  // namespace

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
  if (pg_ && PQstatus(pg_) != CONNECTION_BAD)
    return wait_to_connect(asio::posix::descriptor_base::wait_write);
  // The owner does not have this object yet: tell it later.
  asio::post(io_, [self = shared_from_this()] {
    if (self->state_ != State::connecting) return;
    self->connect_failed(self->pg_ ? reason_of(self->pg_) : "the connection string is not valid");
  });
}

// libpq may have closed its socket and opened another, perhaps with the same number, so the descriptor is
// made anew for each wait.
void Connection::wait_to_connect(asio::posix::descriptor_base::wait_type readiness) {
  socket_.assign(PQsocket(pg_));
  socket_.async_wait(readiness, [self = shared_from_this()](boost::system::error_code error) {
    if (!error && self->state_ == State::connecting) self->poll_connect();
  });
}

void Connection::poll_connect() {
  socket_.release();
  switch (PQconnectPoll(pg_)) {
    case PGRES_POLLING_READING:
      return wait_to_connect(asio::posix::descriptor_base::wait_read);
    case PGRES_POLLING_WRITING:
      return wait_to_connect(asio::posix::descriptor_base::wait_write);
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

}  // namespace shardplex::postgres
