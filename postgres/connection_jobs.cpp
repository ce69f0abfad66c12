// Jobs on their way to the server.
#include <array>
#include <boost/asio/post.hpp>
#include <charconv>
#include <string>
#include <string_view>

#include "postgres/connection.hpp"
#include "postgres/libpq_failures.hpp"

namespace shardplex::postgres {
namespace {

constexpr std::size_t much_sent = 512 * 1024;  // bytes of one statement's parameters
constexpr int binary_results = 1;
/// Of the transaction that it is in, whether or not that was begun by BEGIN.
constexpr const char* read_only_sql = "SELECT pg_catalog.set_config('transaction_read_only', 'on', true)";

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

/// BEGIN, COMMIT, ROLLBACK or read_only_sql.
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
  const Statement* set_for = nullptr;  // what its transaction was told last
  for (std::uint32_t i = 0; i < pending.job.statements.size(); ++i) {
    const Statement& statement = pending.job.statements[i];
    if (has_settings(statement) && !(set_for && has_settings_of(statement, *set_for))) {
      set_for = &statement;
      if (!send_settings(statement)) return false;
      pending.commands.push_back({.statement = i, .prepare = false, .control = true, .prepared = 0});
    }
    if (statement.read_only && !send_control(pending, read_only_sql)) return false;
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

/// Until the transaction ends: the segment is one, whether or not it has a BEGIN. Precondition:
/// has_settings().
bool Connection::send_settings(const Statement& statement) {
  std::string sql;
  values_.clear();
  const auto set = [&](std::string_view name, const char* value) {
    values_.push_back(value);
    sql += sql.empty() ? "SELECT " : ", ";
    sql += "pg_catalog.set_config('";
    sql += name;
    sql += "', $" + std::to_string(values_.size()) + ", true)";
  };
  if (statement.time_zone) set("TimeZone", statement.time_zone->c_str());
  if (statement.search_path) set("search_path", statement.search_path->c_str());
  if (statement.request) {
    set("request.method", statement.request->method.c_str());
    set("request.path", statement.request->path.c_str());
    set("request.headers", statement.request->headers.c_str());
    set("request.cookies", statement.request->cookies.c_str());
    // A call before it may have set them for its whole session.
    set("response.headers", "");
    set("response.status", "");
  }
  return PQsendQueryParams(pg_, sql.c_str(), static_cast<int>(values_.size()), nullptr, values_.data(),
                           nullptr, nullptr, binary_results) == 1;
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
    socket_.async_wait(asio::posix::descriptor_base::wait_write,
                       [self = shared_from_this()](boost::system::error_code error) {
                         self->waiting_writable_ = false;
                         if (!error && self->is_open()) self->flush();
                       });
  }
  // libpq reads while it cannot write; what it has read does not make the socket readable again.
  read_results();
}

}  // namespace shardplex::postgres
