#include "postgres/row_stream.hpp"

#include <doctest/doctest.h>

#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

using postgres::RowStream;
using Stream = std::unique_ptr<RowStream>;

Stream start(Worker& worker, const std::string& sql, std::size_t window_bytes = 1 << 20) {
  return std::move(worker.run(RowStream::start(worker.pool(), {sql, {}}, in(bound), window_bytes)).value());
}

auto next(Worker& worker, Stream& stream) {
  return worker.run(stream->next(in(bound)));
}

bool server_shows(const std::string& condition) {
  return !outside(shared_server(),
                  "SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND " + condition)
              .empty();
}

std::size_t bytes_of(const std::vector<ResultSet>& rows) {
  std::size_t bytes = 0;
  for (const ResultSet& row : rows) bytes += row.memory_bytes();
  return bytes;
}

}  // namespace

TEST_CASE("a million rows pass through a small window, each once and in order") {
  Worker worker(shared_server());
  constexpr std::size_t window = 256 * 1024;
  auto stream = start(worker, "SELECT g, repeat('x', 100) FROM generate_series(1, 1000000) g", window);
  std::int64_t expected = 1;
  std::size_t largest = 0;
  bool in_order = true;
  while (true) {
    const auto rows = next(worker, stream).value();
    if (rows.empty()) break;
    largest = std::max(largest, bytes_of(rows) - rows.back().memory_bytes());
    for (const ResultSet& row : rows) in_order = in_order && row.integer(0, 0) == expected++;
  }
  CHECK(in_order);
  CHECK(expected == 1'000'001);
  CHECK(largest < window);
  CHECK(next(worker, stream).value().empty());
}

TEST_CASE("the rows of a stream are in its time zone, and those behind it are not") {
  Worker worker(shared_server());
  const std::string sql =
      "SELECT '2024-07-01 12:00:00+00'::timestamptz::text, repeat('x', 100) FROM generate_series(1, 20000)";
  const auto zone_of = [&](std::optional<std::string> time_zone) {
    auto stream = std::move(
        worker.run(RowStream::start(worker.pool(), {sql, {}, std::move(time_zone)}, in(bound), 64 * 1024))
            .value());
    std::size_t count = 0;
    std::string text;
    while (true) {
      const auto rows = next(worker, stream).value();
      if (rows.empty()) break;
      for (const ResultSet& row : rows) {
        CHECK(row.rows() == 1);
        if (count++ == 0) text = row.bytes(0, 0);
        if (row.bytes(0, 0) != text) text = "several";
      }
    }
    CHECK(count == 20'000);
    return text;
  };
  const auto own = zone_of(std::nullopt);
  CHECK(zone_of("Asia/Tokyo") == "2024-07-01 21:00:00+09");
  CHECK(zone_of(std::nullopt) == own);
  auto refused = std::move(
      worker.run(RowStream::start(worker.pool(), {sql, {}, "Nowhere/At_All"}, in(bound), 64 * 1024)).value());
  CHECK(next(worker, refused).error().sqlstate == "22023");
  CHECK(zone_of("America/Lima") == "2024-07-01 07:00:00-05");

  Statement elsewhere{"SELECT current_setting('search_path') FROM generate_series(1, 2)", {}};
  elsewhere.search_path = "elsewhere, public";
  auto named =
      std::move(worker.run(RowStream::start(worker.pool(), elsewhere, in(bound), 64 * 1024)).value());
  std::size_t count = 0;
  for (auto rows = next(worker, named).value(); !rows.empty(); rows = next(worker, named).value())
    for (const ResultSet& row : rows) {
      CHECK(row.bytes(0, 0) == "elsewhere, public");
      ++count;
    }
  CHECK(count == 2);
}

TEST_CASE("a slow reader holds the server back") {
  Worker worker(shared_server());
  const std::string sql = "SELECT repeat('x', 10000) AS held_back FROM generate_series(1, 20000)";
  auto stream = start(worker, sql, 100'000);
  std::size_t rows = next(worker, stream).value().size();
  worker.wait_until([] { return server_shows("query LIKE '%held_back%' AND wait_event = 'ClientWrite'"); });
  CHECK(rows < 1'000);
  while (true) {
    const std::size_t more = next(worker, stream).value().size();
    if (more == 0) break;
    rows += more;
  }
  CHECK(rows == 20'000);
}

TEST_CASE("a row larger than the window is admitted alone") {
  Worker worker(shared_server());
  auto stream = start(worker, "SELECT repeat('x', 1000000) FROM generate_series(1, 3)", 1'000);
  for (int i = 0; i < 3; ++i) {
    const auto rows = next(worker, stream).value();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].bytes(0, 0).size() == 1'000'000);
  }
  CHECK(next(worker, stream).value().empty());
}

TEST_CASE("a connection whose stream ended while it was held back serves the next stream") {
  Worker worker(shared_server());
  auto stream = start(worker, "SELECT repeat('x', 100) FROM generate_series(1, 20)", 1);
  while (!next(worker, stream).value().empty()) {
  }
  stream.reset();
  auto another = start(worker, "SELECT 7 FROM pg_sleep(0.05)");  // its answer is not there when it is sent
  CHECK(next(worker, another).value().at(0).integer(0, 0) == 7);
}

TEST_CASE("a stream that is dropped early cancels its statement and makes room for another") {
  Worker worker(shared_server());
  auto stream = start(worker, "SELECT generate_series(1, 1000000000) AS dropped");
  const std::string running = "query LIKE '%AS dropped%' AND state = 'active'";
  worker.wait_until([&] { return server_shows(running); });
  stream.reset();
  worker.wait_until([&] { return !server_shows(running); });
  auto another = start(worker, "SELECT 7");
  CHECK(next(worker, another).value().at(0).integer(0, 0) == 7);
}

TEST_CASE("streams that end give their connection back; another waits for it meanwhile") {
  Worker worker(shared_server());
  Gate gate(shared_server().conninfo());
  auto first = start(worker, Gate::wait().sql);
  std::optional<std::int64_t> second_value;
  asio::co_spawn(
      worker.pool().context(),
      [&]() -> Awaitable<void> {
        Statement statement{"SELECT 2", {}};
        auto second = co_await RowStream::start(worker.pool(), std::move(statement), in(bound), 1'000);
        auto rows = co_await second.value()->next(in(bound));
        second_value = rows.value().at(0).integer(0, 0);
        rows = co_await second.value()->next(in(bound));
      },
      [](std::exception_ptr error) { CHECK_FALSE(error); });
  worker.wait_until([&] { return worker.pool().state(Lane::stream).queued == 1; });
  CHECK_FALSE(second_value);
  gate.open();
  worker.wait_until([&] { return second_value.has_value(); });
  CHECK(second_value == 2);
  CHECK(next(worker, first).value().size() == 1);  // it was not asked for before
  CHECK(next(worker, first).value().empty());
  CHECK(worker.pool().state(Lane::stream).connects == 1);
}

TEST_CASE("a stream that waits for a connection past its deadline fails with the deadline") {
  Worker worker(shared_server());
  auto holder = start(worker, "SELECT pg_sleep(25)");
  const auto late = worker.run(RowStream::start(worker.pool(), {"SELECT 2", {}}, in(100ms), 1'000));
  CHECK(late.error().kind == Failure::Kind::deadline);
}

TEST_CASE("a stream whose client leaves does not wait for a connection any more") {
  Worker worker(shared_server());
  auto holder = start(worker, "SELECT pg_sleep(25)");
  const auto client = std::make_shared<Caller>();
  client->gone = true;
  const auto left = worker.run(RowStream::start(worker.pool(), {"SELECT 2", {}}, in(bound), 1'000, client));
  CHECK(left.error().kind == Failure::Kind::abandoned);
}

TEST_CASE("an error in mid-stream comes after the rows before it, and the connection lives on") {
  Worker worker(shared_server());
  auto stream = start(worker, "SELECT 1000 / (500 - g) FROM generate_series(1, 1000) g");
  std::size_t rows = 0;
  auto batch = next(worker, stream);
  for (; batch.has_value() && !batch->empty(); batch = next(worker, stream)) rows += batch->size();
  CHECK(rows == 499);
  REQUIRE(batch.has_error());
  CHECK(batch.error().sqlstate == "22012");
  stream.reset();
  auto another = start(worker, "SELECT 7");
  CHECK(next(worker, another).value().size() == 1);
  CHECK(worker.pool().state(Lane::stream).connects == 1);
}

TEST_CASE("a stream that cannot be parsed or sent fails at its first row") {
  Worker worker(shared_server());
  auto unknown = start(worker, "SELECT absent");
  CHECK(next(worker, unknown).error().sqlstate == "42703");
  unknown.reset();
  auto nul = start(worker, std::string("SELECT '\0'", 10));
  CHECK(next(worker, nul).error().sqlstate == "22021");
}

TEST_CASE("waiting for a row ends at the deadline") {
  Worker worker(shared_server());
  auto stream = start(worker, "SELECT pg_sleep(25)");
  const auto late = worker.run(stream->next(in(100ms)));
  REQUIRE(late.has_error());
  CHECK(late.error().kind == Failure::Kind::deadline);
}

TEST_CASE("the server gives a stream's statement a time of its own") {
  auto settings = one_connection(shared_server().conninfo());
  settings.connection.statement_timeout = 1234ms;
  settings.stream_statement_timeout = 5678ms;
  Worker worker(settings);
  const std::string sql = "SELECT current_setting('statement_timeout')";
  CHECK(worker.execute(sql).value().front().copy(0, 0) == "1234ms");
  auto stream = start(worker, sql);
  CHECK(next(worker, stream).value().at(0).copy(0, 0) == "5678ms");
}

TEST_CASE("a terminated backend ends its stream as lost") {
  Worker worker(shared_server());
  auto stream = start(worker, "SELECT pg_backend_pid(), generate_series(1, 100000000)", 100'000);
  const auto backend = next(worker, stream).value().at(0).integer(0, 0).value();
  outside(shared_server(), "SELECT pg_terminate_backend(" + std::to_string(backend) + ")");
  auto batch = next(worker, stream);
  while (batch.has_value() && !batch->empty()) batch = next(worker, stream);
  REQUIRE(batch.has_error());
  CHECK(batch.error().kind == Failure::Kind::lost);
}

TEST_CASE("a stream may be dropped after its pool") {
  Stream stream;
  asio::io_context io(1);
  {
    Pool pool(io, one_connection(shared_server().conninfo()));
    asio::co_spawn(
        io,
        [&]() -> Awaitable<void> {
          Statement statement{"SELECT 1", {}};
          auto started = co_await RowStream::start(pool, std::move(statement), in(bound), 1'000);
          stream = std::move(started.value());
        },
        [](std::exception_ptr error) { CHECK_FALSE(error); });
    while (!stream) io.run_one();
  }
  stream.reset();
  io.run();
}

}  // namespace shardplex::test
