// Servers, and single processes of them, that do not answer.
#include "postgres/hung_backends.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <thread>

#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

std::shared_ptr<Pool> pool_of(Worker& worker) {
  return {&worker.pool(), [](Pool*) {}};
}

Awaitable<bool> look_once(std::shared_ptr<Pool> pool) {
  co_await postgres::replace_hung_backends(pool);
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> pause(pool->context(), 50ms);
  co_await pause.async_wait(use_awaitable);
  co_return true;
}

/// A statement has come to the server, and waits there.
bool waits_for_the_gate() {
  return outside(shared_server(), "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
             .size() == 1;
}

/// Looks for hung processes as a worker does, until `holds`.
template <class Condition>
void watch_until(Worker& worker, Condition holds) {
  const auto give_up = Clock::now() + bound;
  while (!holds()) {
    REQUIRE(Clock::now() < give_up);
    worker.run(look_once(pool_of(worker)));
  }
}

}  // namespace

TEST_CASE("what was sent to a process that hangs is lost soon, and the next job has another one") {
  Worker worker(shared_server());
  const auto process = static_cast<int>(worker.integer("SELECT pg_backend_pid()"));
  REQUIRE(::kill(process, SIGSTOP) == 0);
  const auto begin = Clock::now();
  const auto sent = worker.submit(Lane::read, {{"SELECT 1", {}}});
  watch_until(worker, [&] { return sent->has_value(); });
  CHECK(Clock::now() - begin < 2s);
  CHECK((*sent)->error().kind == Failure::Kind::lost);
  CHECK(worker.integer("SELECT pg_backend_pid()") != process);
  ::kill(process, SIGCONT);
}

TEST_CASE(
    "where the worker itself has stood still, a process that answers or is sent something has not hung") {
  Worker worker(one_connection(shared_server().conninfo()));
  const auto stalled = [&] { return worker.pool().stalled(Clock::now(), postgres::stalled_after).size(); };
  REQUIRE(worker.integer("SELECT 1") == 1);
  std::this_thread::sleep_for(postgres::stalled_after + 100ms);
  const auto sent = worker.submit(Lane::read, {{"SELECT 1", {}}});
  worker.run(look_once(pool_of(worker)));
  CHECK(stalled() == 0);
  worker.wait_until([&] { return sent->has_value(); });
  CHECK((*sent)->has_value());
}

TEST_CASE("a process that is at a slow statement is asked about once, and left to finish it") {
  auto settings = one_connection(shared_server().conninfo());
  Worker worker(settings);
  Gate gate(settings.connection.conninfo);
  const auto slow = worker.submit(Lane::read, {Gate::wait()});
  bool known = false;
  watch_until(worker, [&] {
    known = known || !worker.pool().stalled(Clock::now(), postgres::stalled_after).empty();
    return known && worker.pool().stalled(Clock::now(), postgres::stalled_after).empty();
  });
  CHECK_FALSE(slow->has_value());
  gate.open();
  worker.wait_until([&] { return slow->has_value(); });
  CHECK((*slow)->has_value());
}

TEST_CASE(
    "a pool that is given up fails what is in flight as lost, all else at once, and comes back by itself") {
  auto settings = one_connection(shared_server().conninfo());
  settings.lanes.fill({1, 1});
  Worker worker(settings);
  Gate gate(settings.connection.conninfo);
  const auto running = worker.submit(Lane::read, {Gate::wait()});
  worker.wait_until([] { return waits_for_the_gate(); });
  const auto waiting = worker.submit(Lane::read, {{"SELECT 1", {}}});
  worker.pool().give_up("does not answer");
  const auto late = worker.submit(Lane::write, {{"SELECT 1", {}}});
  worker.wait_until([&] { return running->has_value() && waiting->has_value() && late->has_value(); });
  CHECK((*running)->error().kind == Failure::Kind::lost);
  for (const auto& unsent : {waiting, late}) {
    CHECK((*unsent)->error().kind == Failure::Kind::connect);
    CHECK_FALSE((*unsent)->error().sent);
  }
  gate.open();
  worker.wait_until([&] { return worker.pool().state(Lane::read).ready == 1; });
  CHECK(worker.integer("SELECT 2") == 2);
}

TEST_CASE("connections that are replaced leave the jobs that wait for one waiting") {
  auto settings = one_connection(shared_server().conninfo());
  settings.lanes.fill({1, 1});
  Worker worker(settings);
  Gate gate(settings.connection.conninfo);
  const auto running = worker.submit(Lane::read, {Gate::wait()});
  worker.wait_until([] { return waits_for_the_gate(); });
  const auto waiting = worker.submit(Lane::read, {{"SELECT 1", {}}});
  worker.pool().replace_connections("does not answer");
  worker.wait_until([&] { return waiting->has_value(); });
  CHECK((*running)->error().kind == Failure::Kind::lost);
  CHECK((*waiting)->value().at(0).integer(0, 0) == 1);
  gate.open();
}

TEST_CASE("an attempt to connect that is under way outlives the connections that are replaced") {
  Worker worker(shared_server());
  const auto first = worker.submit(Lane::read, {{"SELECT 1", {}}});
  worker.pool().replace_connections("does not answer");
  worker.wait_until([&] { return first->has_value(); });
  CHECK((*first)->value().at(0).integer(0, 0) == 1);
  CHECK(worker.pool().state(Lane::read).connect_failures == 0);
  CHECK(worker.pool().state(Lane::read).connects == 1);
}

TEST_CASE("every answer is a beat of its server's pulse") {
  Worker worker(shared_server());
  const auto pulse = std::make_shared<postgres::ServerPulse>();
  worker.pool().report_to(pulse);
  const auto begin = Clock::now();
  CHECK_FALSE(pulse->beat_since(begin));
  worker.integer("SELECT 1");
  CHECK(pulse->beat_since(begin));
  CHECK_FALSE(pulse->beat_since(Clock::now() + 1s));
}

}  // namespace shardplex::test
