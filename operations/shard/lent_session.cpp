#include "operations/shard/lent_session.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>

#include "operations/shard/server.hpp"
#include "shard_schema/session_settings.hpp"

namespace shardplex::operations {
namespace {

/// A pooler that lends sessions for a transaction has one at hand, the one that was just given back.
constexpr std::chrono::milliseconds second_answers_within{1000};

const std::string& look_sql() {
  static const std::string sql = "SELECT " + backend_sql("pg_catalog.pg_backend_pid()");
  return sql;
}

struct FinishSecond {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearBackend {
  void operator()(PGresult* result) const { PQclear(result); }
};

std::string backend_of(pqxx::connection& connection) {
  return pqxx::nontransaction(connection).exec1(look_sql())[0].as<std::string>();
}

/// Waits until the socket is as libpq wants it; false where that takes too long.
bool await(PGconn* connection, short events, std::chrono::steady_clock::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{PQsocket(connection), events, 0};
    const int found = poll(&ready, 1, static_cast<int>(left.count()));
    if (found > 0) return true;
    if (found < 0 && errno != EINTR) return false;
  }
}

/// The backend that a new connection gets; nullopt where it gets none in that time.
std::optional<std::string> backend_of_second(const std::string& conninfo) {
  const auto until = std::chrono::steady_clock::now() + second_answers_within;
  const std::unique_ptr<PGconn, FinishSecond> second(PQconnectStart(with_defaults(conninfo).c_str()));
  if (PQstatus(second.get()) == CONNECTION_BAD) return std::nullopt;
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(second.get())) {
    if (state == PGRES_POLLING_FAILED) return std::nullopt;
    if (!await(second.get(), state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until)) return std::nullopt;
  }
  if (PQsendQuery(second.get(), look_sql().c_str()) == 0) return std::nullopt;
  while (PQisBusy(second.get()) != 0)
    if (!await(second.get(), POLLIN, until) || PQconsumeInput(second.get()) == 0) return std::nullopt;
  const std::unique_ptr<PGresult, ClearBackend> result(PQgetResult(second.get()));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK || PQntuples(result.get()) != 1) return std::nullopt;
  return PQgetvalue(result.get(), 0, 0);
}

/// The addresses behind which this process has seen whole sessions: a move connects again while writes wait.
class WholeSessions {
 public:
  bool contains(const std::string& conninfo) {
    const std::lock_guard lock(mutex_);
    return known_.contains(conninfo);
  }
  void insert(const std::string& conninfo) {
    const std::lock_guard lock(mutex_);
    known_.insert(conninfo);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> known_;
};

WholeSessions& whole_sessions() {
  static WholeSessions known;
  return known;
}

[[noreturn]] void refuse() {
  throw std::runtime_error("a connection pooler lends its sessions for a transaction only; " +
                           std::string(whole_sessions_needed));
}

}  // namespace

// A pooler tells its clients a process of its own making. Sessions are lent where two transactions of one
// client come to two backends, or a second client gets the first one's, though that is still connected.
void refuse_lent_session(pqxx::connection& connection, const std::string& conninfo) {
  if (whole_sessions().contains(conninfo)) return;
  const auto process =
      pqxx::nontransaction(connection).exec1("SELECT pg_catalog.pg_backend_pid()")[0].as<int>();
  if (process != connection.backendpid()) {
    const auto own = backend_of(connection);
    const auto keeps_it = [&] { return backend_of(connection) == own; };
    if (!keeps_it() || backend_of_second(conninfo) == own || !keeps_it()) refuse();
  }
  whole_sessions().insert(conninfo);
}

}  // namespace shardplex::operations
