#include "postgres/pool.hpp"

#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>

#include "tests/postgres/worker.hpp"

namespace shardplex::test {

TEST_CASE("jobs go to the least loaded connection, and connections are opened up to the lane's limit") {
  auto settings = one_connection(shared_server().conninfo());
  settings.lanes.fill({3, 2});
  Worker worker(settings);
  Gate gate(settings.connection.conninfo);
  std::vector<std::shared_ptr<std::optional<Results>>> answers;
  for (int i = 0; i < 8; ++i)
    answers.push_back(worker.submit(Lane::write, {Gate::wait(), {"SELECT pg_backend_pid()", {}}}));
  worker.wait_until([&] { return worker.pool().state(Lane::write).in_flight == 6; });
  CHECK(worker.pool().state(Lane::write).queued == 2);
  CHECK(worker.pool().state(Lane::write).ready == 3);
  gate.open();
  worker.wait_until([&] { return std::ranges::all_of(answers, [](auto& a) { return a->has_value(); }); });
  std::map<std::int64_t, int> by_backend;
  for (auto& answer : answers) ++by_backend[(*answer)->value().at(1).integer(0, 0).value()];
  CHECK(by_backend.size() == 3);
  CHECK(worker.pool().state(Lane::write).connects == 3);
  CHECK(worker.pool().state(Lane::read).connects == 0);
}

TEST_CASE("one job more than the queue holds is refused as busy") {
  auto settings = one_connection(shared_server().conninfo());
  settings.lanes.fill({1, 1});
  settings.queue = 2;
  Worker worker(settings);
  worker.integer("SELECT 1");
  Gate gate(settings.connection.conninfo);
  auto running = worker.submit(Lane::read, {Gate::wait()});
  auto first = worker.submit(Lane::read, {{"SELECT 1", {}}});
  auto second = worker.submit(Lane::read, {{"SELECT 2", {}}});
  auto third = worker.submit(Lane::read, {{"SELECT 3", {}}});
  worker.wait_until([&] { return third->has_value(); });
  CHECK_FALSE(running->has_value());
  CHECK((*third)->error().kind == Failure::Kind::busy);
  CHECK_FALSE((*third)->error().sent);
  gate.open();
  worker.wait_until([&] { return second->has_value(); });
  CHECK((*first)->value().at(0).integer(0, 0) == 1);
  CHECK((*second)->value().at(0).integer(0, 0) == 2);
}

TEST_CASE(
    "a job that waits too long for a connection is refused as busy, or as late where its deadline is "
    "earlier") {
  auto settings = one_connection(shared_server().conninfo());
  settings.lanes.fill({1, 1});
  settings.queue_wait = 300ms;
  Worker worker(settings);
  worker.integer("SELECT 1");
  Gate gate(settings.connection.conninfo);
  auto running = worker.submit(Lane::read, {Gate::wait()});
  auto busy = worker.submit(Lane::read, {{"SELECT 1", {}}});
  auto late = worker.submit(Lane::read, {{"SELECT 2", {}}}, in(50ms));
  worker.wait_until([&] { return late->has_value(); });
  CHECK((*late)->error().kind == Failure::Kind::deadline);
  CHECK_FALSE((*late)->error().sent);
  worker.wait_until([&] { return busy->has_value(); });
  CHECK((*busy)->error().kind == Failure::Kind::busy);
  CHECK_FALSE(running->has_value());
  gate.open();
  worker.wait_until([&] { return running->has_value(); });
  CHECK((*running)->has_value());
}

TEST_CASE("while the server is down jobs fail at once, attempts back off, and the pool recovers by itself") {
  Server server;
  auto settings = one_connection(server.conninfo());
  settings.backoff_min = 50ms;
  settings.backoff_max = 200ms;
  Worker worker(settings);
  CHECK(worker.integer("SELECT 1") == 1);
  server.kill();
  worker.wait_until([&] { return worker.pool().state(Lane::read).ready == 0; });

  std::uint64_t refused = 0;
  const auto until = Clock::now() + 1s;
  while (Clock::now() < until) {
    const auto result = worker.execute("SELECT 1");
    REQUIRE(result.has_error());
    CHECK(result.error().kind == Failure::Kind::connect);
    CHECK_FALSE(result.error().sent);
    CHECK(result.error().message.find("127.0.0.1:" + std::to_string(server.port())) != std::string::npos);
    ++refused;
  }
  const auto attempts = worker.pool().state(Lane::read).connect_failures;
  CHECK(attempts >= 3);   // at most 200 ms apart, and a tick
  CHECK(attempts <= 15);  // at least 25 ms, 50 ms, then 100 ms apart
  CHECK(refused > 10 * attempts);

  server.start();
  worker.wait_until([&] { return worker.pool().state(Lane::read).ready == 1; });
  CHECK(worker.integer("SELECT 2") == 2);
}

TEST_CASE("a pool that is told that its server is there connects at once, and tells that it is reached") {
  Server server;
  auto settings = one_connection(server.conninfo());
  settings.backoff_min = settings.backoff_max = 20s;
  Worker worker(settings);
  int reached = 0;
  worker.pool().when_reached([&] { ++reached; });
  CHECK(worker.integer("SELECT 1") == 1);
  CHECK(reached == 0);
  server.kill();
  worker.wait_until([&] { return worker.pool().state(Lane::read).ready == 0; });
  CHECK(worker.pool().reachable());
  REQUIRE(worker.execute("SELECT 1").has_error());
  CHECK_FALSE(worker.pool().reachable());
  server.start();
  REQUIRE(worker.execute("SELECT 1").has_error());  // in 20 s at most
  worker.pool().connect_again();
  worker.wait_until([&] { return worker.pool().reachable(); });
  CHECK(reached == 1);
  CHECK(worker.integer("SELECT 2") == 2);
}

TEST_CASE("attempts that fail together back off once: the next one comes as soon as after a single one") {
  outside(shared_server(), "CREATE ROLE shut_out LOGIN CONNECTION LIMIT 0");
  auto settings = one_connection(shared_server().conninfo() + " user=shut_out");
  constexpr std::size_t together = 12;
  settings.lanes.fill({together, 1});
  settings.backoff_min = 50ms;
  settings.backoff_max = 10min;
  Worker worker(settings);
  std::vector<std::shared_ptr<std::optional<Results>>> answers;
  for (std::size_t i = 0; i < together; ++i) answers.push_back(worker.submit(Lane::read, {{"SELECT 1", {}}}));
  CHECK(worker.pool().state(Lane::read).connecting == together);
  worker.wait_until([&] { return worker.pool().state(Lane::read).connect_failures >= together; });
  outside(shared_server(), "ALTER ROLE shut_out CONNECTION LIMIT 20");
  worker.wait_until([&] { return worker.pool().reachable(); });
  CHECK(worker.integer("SELECT 2") == 2);
}

TEST_CASE("a job waiting for a first connection fails with it") {
  Server server;
  server.stop();
  Worker worker(server);
  const auto result = worker.execute("SELECT 1");
  CHECK(result.error().kind == Failure::Kind::connect);
  CHECK(result.error().message.find("Connection refused") != std::string::npos);
}

TEST_CASE(
    "a job that waits in a lane which loses its last connection while none can be made is told at once") {
  outside(shared_server(), "CREATE ROLE limited LOGIN CONNECTION LIMIT 1");
  auto settings = one_connection(shared_server().conninfo() + " user=limited");
  settings.lanes.fill({1, 1});
  settings.backoff_min = settings.backoff_max = 20s;
  Worker worker(settings);
  Gate gate(shared_server().conninfo());
  const auto running = worker.submit(Lane::write, {Gate::wait()});
  worker.wait_until([&] { return worker.pool().state(Lane::write).ready == 1; });
  const auto waiting = worker.submit(Lane::write, {{"SELECT 1", {}}});
  CHECK(worker.execute("SELECT 1").error().message.find("too many connections") != std::string::npos);
  CHECK_FALSE(waiting->has_value());
  outside(shared_server(),
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'limited'");
  const auto begin = Clock::now();
  worker.wait_until([&] { return waiting->has_value(); });
  CHECK((*waiting)->error().kind == Failure::Kind::connect);
  CHECK(Clock::now() - begin < 3s);
  CHECK((*running)->has_error());
  gate.open();
}

TEST_CASE("a server that accepts and says nothing is a connect failure after the connect timeout") {
  asio::io_context io;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  auto settings =
      one_connection("host=127.0.0.1 dbname=postgres port=" + std::to_string(silent.local_endpoint().port()));
  settings.connection.connect_timeout = 200ms;
  Worker worker(settings);
  const auto begin = Clock::now();
  const auto result = worker.execute("SELECT 1");
  CHECK(result.error().kind == Failure::Kind::connect);
  CHECK(result.error().message.find("timeout") != std::string::npos);
  CHECK(Clock::now() - begin >= 200ms);
}

TEST_CASE("what is wrong with a connection string is told without its secrets") {
  Server server({.host_based_access = {"host all locked 127.0.0.1/32 scram-sha-256"}});
  server.run_sql("CREATE ROLE locked LOGIN PASSWORD 'right'");
  const std::string address = "host=127.0.0.1 port=" + std::to_string(server.port()) + " ";
  const std::string secret = "hunter2";

  const auto message_for = [](const std::string& conninfo) {
    Worker worker(one_connection(conninfo));
    const auto result = worker.execute("SELECT 1");
    REQUIRE(result.has_error());
    CHECK(result.error().kind == Failure::Kind::connect);
    return result.error().message;
  };
  const std::string wrong = message_for(address + "dbname=postgres user=locked password=" + secret);
  CHECK(wrong.find("authentication failed") != std::string::npos);
  CHECK(wrong.find(secret) == std::string::npos);

  const std::string unknown = message_for(address + "dbname=nowhere user=postgres password=" + secret);
  CHECK(unknown.find("does not exist") != std::string::npos);
  CHECK(unknown.find(secret) == std::string::npos);

  for (const std::string& broken : {address + "password " + secret, "password='" + secret, secret})
    CHECK(message_for(broken).find(secret) == std::string::npos);

  Worker right(one_connection(address + "dbname=postgres user=locked password=right"));
  CHECK(right.integer("SELECT 1") == 1);
}

}  // namespace shardplex::test
