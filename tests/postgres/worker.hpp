// One worker's event loop with a pool, driven by the test: nothing runs but inside run() and wait_until().
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "postgres/pool.hpp"
#include "tests/postgres/server_fixture.hpp"

namespace shardplex::test {

using namespace std::chrono_literals;
using postgres::Failure;
using postgres::Job;
using postgres::Lane;
using postgres::Pool;
using postgres::PoolSettings;
using postgres::ResultSet;
using Results = postgres::Outcome<std::vector<ResultSet>>;

inline constexpr auto bound = 30s;  ///< nothing in these tests may take longer

inline Deadline in(std::chrono::milliseconds time) {
  return Clock::now() + time;
}

/// The server of all tests that do not stop or change theirs.
inline Server& shared_server() {
  static Server server;
  return server;
}

/// Settings with one connection per lane and room for many jobs on it.
inline PoolSettings one_connection(const std::string& conninfo) {
  PoolSettings settings;
  settings.connection.conninfo = conninfo;
  settings.lanes.fill({1, 1'000});
  settings.connection.connect_timeout =
      std::chrono::seconds(20);  // sanitizers are slow, and no test is of this
  return settings;
}

class Worker {
 public:
  explicit Worker(PoolSettings settings) : pool_(io_, std::move(settings)), ticker_(io_) { tick(); }
  explicit Worker(const Server& server) : Worker(one_connection(server.conninfo())) {}

  Pool& pool() { return pool_; }

  template <class Condition>
  void wait_until(Condition condition) {
    const auto give_up = Clock::now() + bound;
    while (!condition()) {
      if (Clock::now() > give_up) throw std::runtime_error("waited too long");
      io_.run_one();
    }
  }

  template <class T>
  T run(Awaitable<T> work) {
    std::optional<T> value;
    std::exception_ptr error;
    bool done = false;
    asio::co_spawn(
        io_, [&]() -> Awaitable<void> { value.emplace(co_await std::move(work)); },
        [&](std::exception_ptr e) {
          error = e;
          done = true;
        });
    wait_until([&] { return done; });
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }

  /// The answer comes into the result while the loop runs.
  std::shared_ptr<std::optional<Results>> submit(Lane lane, std::vector<Statement> statements,
                                                 Deadline deadline = in(bound)) {
    auto answer = std::make_shared<std::optional<Results>>();
    pool_.submit(
        lane, Job{std::move(statements),
                  deadline,
                  {[answer](Results results) { answer->emplace(std::move(results)); }, io_.get_executor()}});
    return answer;
  }

  Results execute(std::vector<Statement> statements) {
    return run(pool_.execute(Lane::read, std::move(statements), in(bound)));
  }
  Results execute(const std::string& sql) { return execute(std::vector{Statement{sql, {}}}); }

  /// The first value of an int or bigint statement that succeeds.
  std::int64_t integer(const std::string& sql) { return execute(sql).value().front().integer(0, 0).value(); }

 private:
  void tick() {
    pool_.tick(Clock::now());
    ticker_.expires_after(10ms);
    ticker_.async_wait([this](boost::system::error_code error) {
      if (!error) tick();
    });
  }

  asio::io_context io_{1};
  Pool pool_;
  asio::steady_timer ticker_;
};

/// One statement, its own transaction, on a connection from outside the pool.
inline pqxx::result outside(const Server& server, const std::string& sql) {
  pqxx::connection connection(server.conninfo());
  return pqxx::nontransaction(connection).exec(sql);
}

/// Holds statements up until the test says go.
class Gate {
 public:
  explicit Gate(const std::string& conninfo) : connection_(conninfo), transaction_(connection_) {
    transaction_.exec("SELECT pg_advisory_xact_lock(7)");
  }
  /// A statement that waits for the gate to open.
  static Statement wait() { return {"SELECT pg_advisory_xact_lock_shared(7)", {}}; }
  void open() { transaction_.commit(); }

 private:
  pqxx::connection connection_;
  pqxx::work transaction_;
};

}  // namespace shardplex::test
