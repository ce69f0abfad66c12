// What one statement, one answer or one client can do to the others, and to memory.
#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postgres/canceller.hpp"
#include "postgres/memory_budget.hpp"
#include "postgres/row_stream.hpp"
#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

using Answer = std::shared_ptr<std::optional<Results>>;
using postgres::RowStream;

PoolSettings lanes_of(std::size_t connections, std::size_t depth) {
  auto settings = one_connection(shared_server().conninfo());
  settings.lanes.fill({connections, depth});
  return settings;
}

bool locks_are_awaited() {
  return !outside(shared_server(), "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").empty();
}

Answer submit(Worker& worker, Lane lane, const std::string& sql, std::vector<CallerPtr> clients) {
  auto answer = std::make_shared<std::optional<Results>>();
  Job job{std::vector{Statement{sql, {}}},
          in(bound),
          {[answer](Results results) { answer->emplace(std::move(results)); },
           worker.pool().context().get_executor()}};
  job.clients = std::move(clients);
  worker.pool().submit(lane, std::move(job));
  return answer;
}

/// So many times as the worker's pool has been looked after.
void pass_ticks(Worker& worker, int ticks) {
  const auto until = Clock::now() + ticks * 10ms;
  worker.wait_until([&] { return Clock::now() >= until; });
}

Failure::Kind failure_of(Worker& worker, const std::string& sql) {
  const auto result = worker.execute(sql);
  REQUIRE(result.has_error());
  return result.error().kind;
}

}  // namespace

TEST_CASE(
    "reads behind a statement that turns out slow are sent again elsewhere, and no more are queued there") {
  Worker worker(lanes_of(2, 16));
  Gate gate(shared_server().conninfo());
  const auto slow = worker.submit(Lane::point, {Gate::wait()});
  std::vector<Answer> behind;
  for (int i = 0; i < 5; ++i) behind.push_back(worker.submit(Lane::point, {{"SELECT 1", {}}}));
  worker.wait_until([&] { return std::ranges::all_of(behind, [](auto& a) { return a->has_value(); }); });
  for (const auto& answer : behind) CHECK((*answer)->value().at(0).integer(0, 0) == 1);
  const auto later = worker.submit(Lane::point, {{"SELECT 2", {}}});
  worker.wait_until([&] { return later->has_value(); });
  CHECK_FALSE(slow->has_value());
  gate.open();
  worker.wait_until([&] { return slow->has_value(); });
  CHECK((*slow)->has_value());
}

TEST_CASE("writes behind a slow one wait: whether they have been carried out is not known") {
  Worker worker(lanes_of(2, 16));
  Gate gate(shared_server().conninfo());
  const auto slow = worker.submit(Lane::write, {Gate::wait()});
  const auto behind = worker.submit(Lane::write, {{"SELECT 1", {}}});
  worker.wait_until([] { return locks_are_awaited(); });
  pass_ticks(worker, 10);
  CHECK_FALSE(behind->has_value());
  const auto later = worker.submit(Lane::write, {{"SELECT 2", {}}});
  worker.wait_until([&] { return later->has_value(); });
  CHECK_FALSE(behind->has_value());
  gate.open();
  worker.wait_until([&] { return behind->has_value(); });
  CHECK((*behind)->has_value());
}

TEST_CASE("where all connections of a lane are slow, a job waits for its time and is refused as busy") {
  auto settings = lanes_of(1, 16);
  settings.queue_wait = 200ms;
  Worker worker(settings);
  Gate gate(shared_server().conninfo());
  const auto slow = worker.submit(Lane::point, {Gate::wait()});
  const auto behind = worker.submit(Lane::point, {{"SELECT 1", {}}});
  worker.wait_until([&] { return behind->has_value(); });
  CHECK((*behind)->error().kind == Failure::Kind::busy);
  CHECK_FALSE(slow->has_value());
  gate.open();
  worker.wait_until([&] { return slow->has_value(); });
}

TEST_CASE("a statement whose clients have all gone is cancelled, and the connection replaced") {
  Worker worker(lanes_of(1, 1));
  Gate gate(shared_server().conninfo());
  const auto one = std::make_shared<Caller>(), other = std::make_shared<Caller>();
  const std::string sql = Gate::wait().sql;
  const auto shared = submit(worker, Lane::read, sql, {one, other});
  const auto queued = submit(worker, Lane::read, "SELECT 1", {one});
  worker.wait_until([] { return locks_are_awaited(); });
  one->gone = true;
  worker.wait_until([&] { return queued->has_value(); });
  CHECK((*queued)->error().kind == Failure::Kind::abandoned);
  CHECK_FALSE((*queued)->error().sent);
  pass_ticks(worker, 5);
  CHECK_FALSE(shared->has_value());
  other->gone = true;
  worker.wait_until([&] { return shared->has_value(); });
  CHECK((*shared)->error().kind == Failure::Kind::abandoned);
  worker.wait_until([] { return !locks_are_awaited(); });
  CHECK(worker.integer("SELECT 2") == 2);
}

TEST_CASE("a stream whose client has gone is cancelled") {
  Worker worker(lanes_of(1, 1));
  Gate gate(shared_server().conninfo());
  const auto client = std::make_shared<Caller>();
  const auto stream =
      std::move(worker.run(RowStream::start(worker.pool(), Gate::wait(), in(bound), 1000, client)).value());
  worker.wait_until([] { return locks_are_awaited(); });
  client->gone = true;
  CHECK(worker.run(stream->next(in(bound))).error().kind == Failure::Kind::abandoned);
  worker.wait_until([] { return !locks_are_awaited(); });
}

TEST_CASE("an answer of more bytes than allowed is given up while it comes, and the next one is well") {
  auto settings = lanes_of(1, 1);
  settings.connection.answer_bytes = 1'000'000;
  Worker worker(settings);
  CHECK(worker.execute("SELECT repeat('x', 900000)").value().at(0).bytes(0, 0).size() == 900'000);
  CHECK(failure_of(worker, "SELECT repeat('x', 200000000)") == Failure::Kind::too_large);
  CHECK(failure_of(worker, "SELECT repeat('x', 1000) FROM generate_series(1, 100000)") ==
        Failure::Kind::too_large);
  CHECK(worker.integer("SELECT 3") == 3);
  auto stream = std::move(
      worker.run(RowStream::start(worker.pool(), {"SELECT repeat('x', 200000000)", {}}, in(bound), 1000))
          .value());
  const auto failure = worker.run(stream->next(in(bound))).error();
  CAPTURE(failure.message);
  CHECK(failure.kind == Failure::Kind::too_large);
}

TEST_CASE("an answer that the memory budget has no room for is given up, and what is held is given back") {
  MemoryBudget memory(3'000'000);
  auto settings = lanes_of(1, 1);
  settings.connection.memory = &memory;
  settings.connection.answer_bytes =
      0;  // else that bound may be met first, where much comes between two looks
  {
    Worker worker(settings);
    CHECK(failure_of(worker, "SELECT repeat('x', 200000000)") == Failure::Kind::no_memory);
    CHECK(memory.used() == 0);
    const auto held = worker.execute("SELECT repeat('x', 1000000)").value();
    CHECK(memory.used() >= 1'000'000);
    CHECK(worker.integer("SELECT 4") == 4);
    auto stream =
        std::move(worker
                      .run(RowStream::start(worker.pool(),
                                            {"SELECT repeat('x', 10000) FROM generate_series(1, 10000)", {}},
                                            in(bound), 100'000'000))
                      .value());
    CHECK(worker.run(stream->fill(in(bound))).error().kind == Failure::Kind::no_memory);
  }
  CHECK(memory.used() == 0);
}

namespace {

/// A write, and an answer of so many bytes.
std::vector<Statement> insert_and_answer(std::size_t bytes) {
  return {{"INSERT INTO told VALUES (1)", {}}, {"SELECT repeat('x', $1::int)", {std::to_string(bytes)}}};
}

Results held(Worker& worker, std::vector<Statement> statements) {
  return worker.run(worker.pool().execute(Lane::write, std::move(statements), in(bound), nullptr,
                                          postgres::Commit::once_answered));
}

}  // namespace

TEST_CASE("a write that waits for its answer is kept where that fits, and undone where it does not") {
  MemoryBudget memory(3'000'000);
  auto settings = lanes_of(1, 1);
  settings.connection.memory = &memory;
  settings.connection.answer_bytes = 2'000'000;
  settings.connection.prepared_statements = 1;  // each statement has another one deallocated
  Worker worker(settings);
  worker.execute("CREATE TABLE IF NOT EXISTS told (id int)").value();
  worker.execute("TRUNCATE told").value();
  const auto rows = [&] { return worker.integer("SELECT count(*)::int FROM told"); };
  CHECK(held(worker, insert_and_answer(10)).value().at(1).bytes(0, 0).size() == 10);
  CHECK(rows() == 1);
  {
    const auto large = held(worker, insert_and_answer(1'900'000)).value();
    CHECK(rows() == 2);
    CHECK(memory.used() > 1'800'000);
    const auto refused = held(worker, insert_and_answer(1'800'000));
    CHECK(refused.error().kind == Failure::Kind::no_memory);
    CHECK(rows() == 2);
  }
  const auto too_large = held(worker, insert_and_answer(200'000'000));
  CHECK(too_large.error().kind == Failure::Kind::too_large);
  CHECK(too_large.error().message == "the limit is 2000000 bytes. Nothing was written.");
  CHECK(rows() == 2);
  const auto failed =
      held(worker, {{"INSERT INTO told VALUES (1)", {}}, {"SELECT 1/0", {}}, {"SELECT 1", {}}});
  CHECK(failed.error().sqlstate == "22012");
  CHECK(rows() == 2);
  CHECK(held(worker, insert_and_answer(10)).has_value());
  CHECK(rows() == 3);
}

TEST_CASE("a constraint that is looked at last is told, and a write of nobody any more is undone") {
  Worker worker(lanes_of(1, 1));
  worker.execute("CREATE TABLE IF NOT EXISTS late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)").value();
  worker.execute("TRUNCATE late").value();
  const auto twice = held(worker, {{"INSERT INTO late VALUES (1), (1)", {}}, {"SELECT 1", {}}});
  CHECK(twice.error().sqlstate == "23505");
  const auto late = worker.run(
      worker.pool().execute(Lane::write, {{"INSERT INTO late VALUES (2)", {}}, {"SELECT pg_sleep(0.3)", {}}},
                            in(100ms), nullptr, postgres::Commit::once_answered));
  CHECK(late.error().kind == Failure::Kind::deadline);
  worker.wait_until([&] { return worker.pool().state(Lane::write).ready == 0; });
  CHECK(worker.integer("SELECT count(*)::int FROM late") == 0);
}

TEST_CASE("jobs behind one that waits for its answer are transactions of their own") {
  Worker worker(one_connection(shared_server().conninfo()));
  worker.execute("CREATE TABLE IF NOT EXISTS alone (id int PRIMARY KEY)").value();
  worker.execute("TRUNCATE alone").value();
  const auto submit = [&](std::vector<Statement> statements) {
    auto answer = std::make_shared<std::optional<Results>>();
    Job job;
    job.statements = std::move(statements);
    job.deadline = in(bound);
    job.done = {[answer](Results results) { answer->emplace(std::move(results)); },
                worker.pool().context().get_executor()};
    job.commit = postgres::Commit::once_answered;
    worker.pool().submit(Lane::write, std::move(job));
    return answer;
  };
  const auto first = submit({{"INSERT INTO alone VALUES (1)", {}}});
  const auto doubled = submit({{"INSERT INTO alone VALUES (2)", {}}, {"INSERT INTO alone VALUES (1)", {}}});
  const auto at_once = worker.submit(Lane::write, {{"INSERT INTO alone VALUES (3)", {}}});
  const auto last = submit({{"SELECT count(*)::int FROM alone", {}}});
  worker.wait_until([&] { return last->has_value(); });
  CHECK((*first)->has_value());
  CHECK((*doubled)->error().sqlstate == "23505");
  CHECK((*at_once)->has_value());
  CHECK((*last)->value().at(0).integer(0, 0) == 2);
}

TEST_CASE("a stream that fits its window gives its connection back before its rows are used") {
  Worker worker(lanes_of(1, 1));
  const auto started = [&](const std::string& sql) {
    return std::move(worker.run(RowStream::start(worker.pool(), {sql, {}}, in(bound), 100'000)).value());
  };
  const auto small = started("SELECT generate_series(1, 5)");
  CHECK(worker.run(small->fill(in(bound))).value());
  CHECK(small->ended());
  CHECK(worker.pool().state(Lane::stream).in_flight == 0);
  const auto big = started("SELECT repeat('x', 10000) FROM generate_series(1, 1000)");
  CHECK_FALSE(worker.run(big->fill(in(bound))).value());
  CHECK_FALSE(big->ended());
  CHECK(worker.run(small->next(in(bound))).value().size() == 5);
  CHECK(worker.run(small->next(in(bound))).value().empty());
  std::size_t rows = 0;
  for (;;) {
    const auto window = worker.run(big->next(in(bound))).value();
    if (window.empty()) break;
    rows += window.size();
  }
  CHECK(rows == 1000);
  CHECK(big->ended());
}

TEST_CASE("a long statement is not kept prepared, and many statements are kept by their bytes") {
  auto settings = lanes_of(1, 1);
  settings.connection.longest_prepared = 1000;
  settings.connection.prepared_bytes = 2000;
  Worker worker(settings);
  const auto padded = [](int number, std::size_t length) {
    return "SELECT " + std::to_string(number) + " /*" + std::string(length, 'x') + "*/";
  };
  for (int i = 0; i < 20; ++i) CHECK(worker.integer(padded(i, 500)) == i);
  for (int i = 0; i < 3; ++i) CHECK(worker.integer(padded(i, 5000)) == i);
  CHECK(worker.integer("SELECT sum(length(statement)) FROM pg_prepared_statements") <= 2000 + 600);
  CHECK(worker.integer("SELECT count(*) FROM pg_prepared_statements WHERE length(statement) > 1000") == 0);
}

TEST_CASE("writes that wait for their answers have no more statements prepared than others do") {
  auto settings = lanes_of(1, 16);
  settings.connection.prepared_statements = 2;
  Worker worker(settings);
  for (int i = 0; i < 10; ++i) held(worker, {{"SELECT " + std::to_string(i), {}}}).value();
  CHECK(worker.integer("SELECT count(*)::int FROM pg_prepared_statements") <= 3);
  std::vector<Answer> answers;  // one behind the other, so that the connection never rests between two
  for (int i = 0; i < 10; ++i) {
    auto& answer = answers.emplace_back(std::make_shared<std::optional<Results>>());
    Job job;
    job.statements = {{"SELECT 1" + std::to_string(i), {}}};
    job.deadline = in(bound);
    job.done = {[answer](Results results) { answer->emplace(std::move(results)); },
                worker.pool().context().get_executor()};
    job.commit = postgres::Commit::once_answered;
    worker.pool().submit(Lane::write, std::move(job));
  }
  worker.wait_until([&] { return std::ranges::all_of(answers, [](auto& a) { return a->has_value(); }); });
  for (const auto& answer : answers) CHECK((*answer)->has_value());
  CHECK(worker.integer("SELECT count(*)::int FROM pg_prepared_statements") <= 3);
}

TEST_CASE("a cancel on a server that hangs holds up none on another") {
  asio::io_context io;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  const auto conninfo = "host=127.0.0.1 port=" + std::to_string(silent.local_endpoint().port());
  std::unique_ptr<PGconn, decltype(&PQfinish)> hung(PQconnectStart(conninfo.c_str()), &PQfinish);
  REQUIRE(PQsocket(hung.get()) >= 0);
  const auto began = Clock::now();
  for (int i = 0; i < 200; ++i) postgres::cancel_in_background(hung.get());
  CHECK(Clock::now() - began < 1s);

  Worker worker(lanes_of(1, 1));
  Gate gate(shared_server().conninfo());
  const auto client = std::make_shared<Caller>();
  const auto cancelled = submit(worker, Lane::read, Gate::wait().sql, {client});
  worker.wait_until([] { return locks_are_awaited(); });
  client->gone = true;
  worker.wait_until([] { return !locks_are_awaited(); });
}

}  // namespace shardplex::test
