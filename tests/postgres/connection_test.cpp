#include "postgres/connection.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

constexpr auto statement_failed = Failure::Kind::statement;

std::string prepared_count(const std::string& sql) {
  return "SELECT count(*) FROM pg_prepared_statements WHERE statement = '" + sql + "'";
}

/// They may come by several connections, and in any order.
bool are_there(const std::vector<std::shared_ptr<std::optional<Results>>>& answers) {
  return std::ranges::all_of(answers, [](const auto& answer) { return answer->has_value(); });
}

}  // namespace

TEST_CASE("many jobs in flight on one connection are answered in order, each with its own values") {
  Worker worker(shared_server());
  constexpr int jobs = 1'000;
  std::vector<std::int64_t> answers;
  for (int i = 0; i < jobs; ++i)
    worker.pool().submit(Lane::read,
                         Job{{{"SELECT $1::int", {std::to_string(i)}}},
                             in(bound),
                             {[&](Results r) { answers.push_back(r.value().at(0).integer(0, 0).value()); },
                              worker.pool().context().get_executor()}});
  worker.wait_until([&] { return answers.size() == jobs; });
  for (int i = 0; i < jobs; ++i) CHECK(answers[static_cast<std::size_t>(i)] == i);
  CHECK(worker.pool().state(Lane::read).connects == 1);
}

TEST_CASE("an error fails only its own job, with PostgreSQL's code and text") {
  Worker worker(shared_server());
  std::vector<std::shared_ptr<std::optional<Results>>> answers;
  for (const char* divisor : {"1", "0", "2", "x", "3"})
    answers.push_back(worker.submit(Lane::read, {{"SELECT 6 / $1::int", {divisor}}}));
  worker.wait_until([&] { return are_there(answers); });

  CHECK((*answers[0])->value().at(0).integer(0, 0) == 6);
  CHECK((*answers[2])->value().at(0).integer(0, 0) == 3);
  CHECK((*answers[4])->value().at(0).integer(0, 0) == 2);
  const Failure division = (*answers[1])->error();
  CHECK(division.kind == statement_failed);
  CHECK(division.sqlstate == "22012");
  CHECK(division.message == "division by zero");
  CHECK((*answers[3])->error().sqlstate == "22P02");
}

TEST_CASE("what is no SQL is the router's own fault, other syntax errors are the client's or its schema's") {
  Worker worker(shared_server());
  const auto error_of = [&](const Statement& statement) {
    return to_error(worker.execute(std::vector{statement}).error(), "alpha");
  };
  for (const char* sql : {"SELEC 1", "SELECT * FROM pg_class WHERE", "SELECT 'never closed", "SELECT 1 AS",
                          "VALUES (1), (2, 3)", "SELECT 1 UNION SELECT 1, 2"}) {
    CAPTURE(sql);
    const Error error = error_of({sql, {}});
    CHECK(error.code == "XX000");
    CHECK(http_status(error) == 500);
    CHECK(error.details.value_or("").starts_with("shard alpha: "));
  }
  const Statement theirs[] = {
      {"SELECT CAST(1 AS \"int4\"(5))", {}},             // a modifier that the type does not take
      {"SELECT to_tsquery($1::text)", {"no operator"}},  // a value
      {"DO $$ BEGIN EXECUTE 'SELEC 1'; END $$", {}},     // what a trigger runs
      {"DO $$ BEGIN RAISE syntax_error; END $$", {}},    // and what it says
  };
  for (const auto& statement : theirs) {
    CAPTURE(statement.sql);
    const Error error = error_of(statement);
    CHECK(error.code == "42601");
    CHECK(http_status(error) == 400);
  }
}

TEST_CASE("the statements of one job are one transaction") {
  Worker worker(shared_server());
  worker.execute("CREATE TABLE atomic (id int PRIMARY KEY)").value();
  auto results = worker
                     .execute({{"INSERT INTO atomic VALUES ($1), ($2)", {"1", "2"}},
                               {"SELECT count(*) FROM atomic", {}}})
                     .value();
  REQUIRE(results.size() == 2);
  CHECK(results[0].affected_rows() == 2);
  CHECK(results[1].integer(0, 0) == 2);

  const auto failed = worker.execute(
      {{"INSERT INTO atomic VALUES (3)", {}}, {"INSERT INTO atomic VALUES (1)", {}}, {"SELECT 1", {}}});
  CHECK(failed.error().sqlstate == "23505");
  CHECK(worker.integer("SELECT count(*) FROM atomic") == 2);
  worker.execute("DROP TABLE atomic").value();
}

TEST_CASE("a read-only statement cannot write, even while it is planned, and binds nobody after its job") {
  Worker worker(shared_server());
  worker.execute("CREATE TABLE kept (id int)").value();
  worker
      .execute(
          "CREATE FUNCTION keep() RETURNS int LANGUAGE plpgsql AS "
          "'BEGIN INSERT INTO kept VALUES (1); RETURN 1; END'")
      .value();
  worker
      .execute(
          "CREATE FUNCTION keep_early() RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
          "'BEGIN RETURN keep(); END'")
      .value();
  const auto run = [&](std::vector<Statement> statements) { return worker.execute(std::move(statements)); };
  const auto reading = [](const std::string& sql) {
    Statement statement{sql, {}};
    statement.read_only = true;
    return statement;
  };
  for (int i = 0; i < 7; ++i) {  // also by a plan that is kept
    CHECK(run({reading("SELECT keep()")}).error().sqlstate == "25006");
    CHECK(run({reading("SELECT keep_early()")}).error().sqlstate == "25006");
  }
  CHECK(run({reading("SELECT count(*) FROM kept")}).value().at(0).integer(0, 0) == 0);
  CHECK(run({{"SELECT keep()", {}}}).value().at(0).integer(0, 0) == 1);
  // What comes before it in its transaction may still write.
  const auto both = run({{"SELECT keep()", {}}, reading("SELECT count(*) FROM kept")}).value();
  REQUIRE(both.size() == 2);
  CHECK(both[1].integer(0, 0) == 2);
  // In a time zone as well.
  auto zoned = reading("SELECT keep()");
  zoned.time_zone = "Asia/Kathmandu";
  CHECK(run({zoned}).error().sqlstate == "25006");
  zoned.sql = "SELECT length(current_setting('TimeZone'))";
  CHECK(run({zoned}).value().at(0).integer(0, 0) == 14);
  // And where names are looked for elsewhere, for as long as that.
  zoned.search_path = "\"pg_toast\", public";
  zoned.sql += ", length(current_setting('search_path'))";
  const auto named = run({zoned}).value();
  CHECK(named.at(0).integer(0, 0) == 14);
  CHECK(named.at(0).integer(0, 1) == 18);
  zoned.time_zone.reset();
  CHECK(run({zoned}).value().at(0).integer(0, 1) == 18);
  CHECK(run({{"SELECT length(current_setting('search_path'))", {}}}).value().at(0).integer(0, 0) == 6);
  CHECK(run({{"SELECT keep()", {}}}).value().at(0).integer(0, 0) == 1);
}

TEST_CASE("a call's transaction is told of its request, and no other") {
  Worker worker(shared_server());
  const auto value = [&](const Statement& statement, int column) {
    const auto sets = worker.execute(std::vector{statement}).value();
    return sets.at(0).copy(0, column);
  };
  const std::string sql =
      "SELECT current_setting('request.method', true) || current_setting('request.path', true), "
      "current_setting('request.headers', true)::json ->> 'x', "
      "current_setting('request.cookies', true), current_setting('response.headers', true), "
      "current_setting('response.status', true), current_setting('TimeZone')";
  Statement asking{sql, {}};
  asking.time_zone = "Asia/Kathmandu";
  asking.request =
      std::make_shared<const RequestSettings>(RequestSettings{"POST", "/rpc/f", R"({"x":"it's"})", "{}"});
  CHECK(value(asking, 0) == "POST/rpc/f");
  CHECK(value(asking, 1) == "it's");
  CHECK(value(asking, 2) == "{}");
  CHECK(value(asking, 3) == "");
  CHECK(value(asking, 5) == "Asia/Kathmandu");
  // What one has set for its session is not the next one's.
  Statement setting{"SELECT set_config('response.headers', '[]', false)", {}};
  setting.request = asking.request;
  CHECK(value(setting, 0) == "[]");
  CHECK(value(asking, 3) == "");
  // It ends with its transaction.
  CHECK(value({"SELECT current_setting('request.method', true)", {}}, 0).value_or("") == "");
}

TEST_CASE("an error at commit fails the job") {
  Worker worker(shared_server());
  worker.execute("CREATE TABLE deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)").value();
  const auto failed = worker.execute("INSERT INTO deferred VALUES (1), (1)");
  REQUIRE(failed.has_error());
  CHECK(failed.error().sqlstate == "23505");
  CHECK(worker.integer("SELECT count(*) FROM deferred") == 0);
  worker.execute("DROP TABLE deferred").value();
}

TEST_CASE("values are nulls, texts of any size and any character but NUL") {
  Worker worker(shared_server());
  const std::string odd = "ü'\"\\ \n$1";
  auto results = worker.execute({{"SELECT $1::text, $2::text", {std::nullopt, odd}}}).value();
  CHECK(results[0].is_null(0, 0));
  CHECK(results[0].copy(0, 0) == std::nullopt);
  CHECK(results[0].bytes(0, 1) == odd);

  const auto nul = worker.execute({{"SELECT $1::text", {std::string("a\0b", 3)}}});
  CHECK(nul.error().sqlstate == "22021");
  CHECK_FALSE(nul.error().sent);
  const auto many = worker.execute({{"SELECT 1", std::vector<std::optional<std::string>>(70'000, "1")}});
  CHECK(many.error().sqlstate == "54023");
}

TEST_CASE("integers of all widths, booleans and empty statements are read") {
  Worker worker(shared_server());
  auto results = worker.execute({{"SELECT -2::int2, -3::int4, -4::int8, true, false", {}}, {"", {}}}).value();
  REQUIRE(results.size() == 2);
  CHECK(results[0].integer(0, 0) == -2);
  CHECK(results[0].integer(0, 1) == -3);
  CHECK(results[0].integer(0, 2) == -4);
  CHECK(results[0].boolean(0, 3));
  CHECK_FALSE(results[0].boolean(0, 4));
  CHECK_FALSE(results[0].integer(0, 3));
  CHECK_FALSE(results[0].integer(0, 5));
  CHECK_FALSE(results[0].integer(1, 0));
  CHECK(results[1].rows() == 0);
}

TEST_CASE("big values going both ways at once do not jam the connection") {
  Worker worker(shared_server());
  const std::string big(4'000'000, 'x');
  std::vector<std::shared_ptr<std::optional<Results>>> answers;
  for (int i = 0; i < 20; ++i)
    answers.push_back(worker.submit(Lane::read, {{"SELECT $1::text || $2::text", {big, std::to_string(i)}}}));
  worker.wait_until(
      [&] { return std::ranges::all_of(answers, [](const auto& answer) { return answer->has_value(); }); });
  for (std::size_t i = 0; i < answers.size(); ++i)
    CHECK((*answers[i])->value().at(0).bytes(0, 0) == big + std::to_string(i));
}

TEST_CASE("a statement is prepared once per connection") {
  Worker worker(shared_server());
  for (int i = 0; i < 10; ++i) worker.execute("SELECT 42").value();
  CHECK(worker.integer(prepared_count("SELECT 42")) == 1);
}

TEST_CASE("the least recently used prepared statement is deallocated") {
  auto settings = one_connection(shared_server().conninfo());
  settings.connection.prepared_statements = 3;
  Worker worker(settings);
  for (int i = 0; i < 10; ++i) worker.execute("SELECT " + std::to_string(i)).value();
  const std::string remaining =
      "SELECT string_agg(statement, ';' ORDER BY prepare_time) FROM pg_prepared_statements";
  worker.execute(remaining).value();
  CHECK(worker.execute(remaining).value()[0].bytes(0, 0) == "SELECT 8;SELECT 9;" + remaining);
}

TEST_CASE("a job may have more statements than may stay prepared") {
  auto settings = one_connection(shared_server().conninfo());
  settings.connection.prepared_statements = 1;
  Worker worker(settings);
  for (int round = 0; round < 3; ++round) {
    auto results = worker.execute({{"SELECT 1", {}}, {"SELECT 2", {}}, {"SELECT 3", {}}}).value();
    CHECK(results.at(2).integer(0, 0) == 3);
  }
  const std::string count = "SELECT count(*) FROM pg_prepared_statements";
  worker.integer(count);
  CHECK(worker.integer(count) == 1);
}

TEST_CASE("a statement that cannot be prepared fails each time it is asked, and disturbs nobody") {
  Worker worker(shared_server());
  auto first = worker.submit(Lane::read, {{"SELECT absent", {}}});
  auto second = worker.submit(Lane::read, {{"SELECT absent", {}}});
  auto third = worker.submit(Lane::read, {{"SELECT 1/0", {}}, {"SELECT never_reached", {}}});
  auto fourth = worker.submit(Lane::read, {{"SELECT 5", {}}});
  worker.wait_until([&] { return first->has_value() && second->has_value() && fourth->has_value(); });
  CHECK((*first)->error().sqlstate == "42703");
  CHECK((*second)->error().sqlstate == "42703");
  CHECK((*third)->error().sqlstate == "22012");
  CHECK((*fourth)->value().at(0).integer(0, 0) == 5);
  CHECK(worker.execute("SELECT never_reached").error().sqlstate == "42703");
  CHECK(worker.integer(prepared_count("SELECT 5")) == 1);
}

TEST_CASE("a statement whose result type has changed is prepared again, unseen") {
  Worker worker(shared_server());
  worker.execute("CREATE TABLE changing (a int)").value();
  worker.execute("INSERT INTO changing VALUES (1)").value();
  CHECK(worker.execute("SELECT * FROM changing").value()[0].columns() == 1);
  outside(shared_server(), "ALTER TABLE changing ADD COLUMN b int");
  std::vector<std::shared_ptr<std::optional<Results>>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(worker.submit(Lane::read, {{"SELECT * FROM changing", {}}}));
  worker.wait_until(
      [&] { return std::ranges::all_of(answers, [](auto& answer) { return answer->has_value(); }); });
  for (auto& answer : answers) CHECK((*answer)->value().at(0).columns() == 2);
  CHECK(worker.integer(prepared_count("SELECT * FROM changing")) == 1);
  worker.execute("DROP TABLE changing").value();
}

TEST_CASE("prepared statements that the server has dropped are prepared again, unseen") {
  Worker worker(shared_server());
  worker.execute("SELECT 42").value();
  worker.execute("DEALLOCATE ALL").value();
  CHECK(worker.integer("SELECT 42") == 42);
}

TEST_CASE("a refusal to deallocate what is absent is reported, not retried for ever") {
  Worker worker(shared_server());
  CHECK(worker.execute("DEALLOCATE absent").error().sqlstate == "26000");
}

TEST_CASE("a job that leaves its transaction open loses its connection, not the next job") {
  Worker worker(shared_server());
  const auto backend = worker.integer("SELECT pg_backend_pid()");
  worker.execute("BEGIN").value();
  worker.wait_until([&] { return worker.pool().state(Lane::read).ready == 0; });
  CHECK(worker.integer("SELECT pg_backend_pid()") != backend);
}

TEST_CASE("COPY has no place in a job: it loses its connection") {
  Worker worker(shared_server());
  const auto copy = worker.execute("COPY pg_class TO STDOUT");
  REQUIRE(copy.has_error());
  CHECK(copy.error().sent);
  CHECK(worker.integer("SELECT 1") == 1);
}

TEST_CASE("the session's settings fix how values look, but leave the time zone to the server") {
  auto settings =
      one_connection(shared_server().conninfo() + " options='-c work_mem=5MB -c DateStyle=German'");
  settings.connection.statement_timeout = 1234ms;
  Worker worker(settings);
  const auto setting = [&](const std::string& name) {
    return worker.execute("SELECT current_setting('" + name + "')").value()[0].copy(0, 0);
  };
  CHECK(setting("client_encoding") == "UTF8");
  CHECK(setting("DateStyle")->starts_with("ISO"));
  CHECK(setting("IntervalStyle") == "postgres");
  CHECK(setting("extra_float_digits") == "1");
  CHECK(setting("bytea_output") == "hex");
  CHECK(setting("statement_timeout") == "1234ms");
  CHECK(setting("application_name") == "shardplexd");
  CHECK(setting("work_mem") == "5MB");
  CHECK(setting("TimeZone") == outside(shared_server(), "SHOW TimeZone")[0][0].as<std::string>());
}

TEST_CASE("a statement's time zone is that of its transaction, and of nothing behind it") {
  Worker worker(shared_server());
  const Statement show{"SELECT current_setting('TimeZone')", {}};
  const auto in_zone = [](const char* zone) {
    return Statement{"SELECT $1::timestamptz::text", {"2024-07-01 12:00:00+00"}, zone};
  };
  const auto own = std::string(worker.execute({show}).value().at(0).bytes(0, 0));
  // In one pipeline, so that nothing but the server keeps them apart.
  std::vector<std::shared_ptr<std::optional<Results>>> answers;
  for (int i = 0; i < 20; ++i) {
    answers.push_back(worker.submit(Lane::point, {in_zone("Asia/Tokyo")}));
    answers.push_back(worker.submit(Lane::point, {show}));
    answers.push_back(worker.submit(Lane::point, {in_zone("America/Lima")}));
    answers.push_back(worker.submit(Lane::point, {in_zone("Nowhere/At_All")}));
    answers.push_back(worker.submit(Lane::point, {show}));
  }
  worker.wait_until([&] { return answers.back()->has_value(); });
  const auto text = [&](std::size_t at) { return std::string((*answers[at])->value().at(0).bytes(0, 0)); };
  for (std::size_t i = 0; i < answers.size(); i += 5) {
    CHECK(text(i) == "2024-07-01 21:00:00+09");
    CHECK(text(i + 1) == own);
    CHECK(text(i + 2) == "2024-07-01 07:00:00-05");
    CHECK((*answers[i + 3])->error().sqlstate == "22023");
    CHECK(text(i + 4) == own);
  }
  const auto both = worker.execute({in_zone("Asia/Tokyo"), in_zone("America/Lima")}).value();
  REQUIRE(both.size() == 2);
  CHECK(both[0].bytes(0, 0) == "2024-07-01 21:00:00+09");
  CHECK(both[1].bytes(0, 0) == "2024-07-01 07:00:00-05");
}

TEST_CASE("a deadline completes its job and does not disturb its neighbours") {
  Worker worker(shared_server());
  worker.integer("SELECT 1");
  Gate gate(shared_server().conninfo());
  auto before = worker.submit(Lane::read, {{"SELECT 1", {}}});
  auto late = worker.submit(Lane::read, {Gate::wait()}, in(100ms));
  auto after = worker.submit(Lane::read, {{"SELECT 2", {}}});
  worker.wait_until([&] { return late->has_value(); });
  CHECK((*late)->error().kind == Failure::Kind::deadline);
  CHECK((*late)->error().sent);
  CHECK_FALSE(after->has_value());
  gate.open();
  worker.wait_until([&] { return after->has_value(); });
  CHECK((*before)->value().at(0).integer(0, 0) == 1);
  CHECK((*after)->value().at(0).integer(0, 0) == 2);
  CHECK(worker.pool().state(Lane::read).connects == 1);
}

TEST_CASE("a connection whose answer is long overdue is given up, and its statement cancelled") {
  Worker worker(shared_server());
  auto late = worker.submit(Lane::write, {{"SELECT pg_sleep(25) AS overdue", {}}}, in(100ms));
  auto behind = worker.submit(Lane::write, {{"SELECT 2", {}}});
  worker.wait_until([&] { return behind->has_value(); });
  CHECK((*late)->error().kind == Failure::Kind::deadline);
  CHECK((*behind)->error().kind == Failure::Kind::lost);
  worker.wait_until([&] {
    return outside(shared_server(),
                   "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%AS overdue' AND state = 'active'")
        .empty();
  });
  CHECK(worker.integer("SELECT 3") == 3);
}

TEST_CASE("a terminated backend loses the jobs in flight, and the next job finds a new connection") {
  Worker worker(shared_server());
  const auto backend_of_writes = [&] {
    const auto answer = worker.submit(Lane::write, {{"SELECT pg_backend_pid()", {}}});
    worker.wait_until([&] { return answer->has_value(); });
    return (*answer)->value().at(0).integer(0, 0).value();
  };
  const auto backend = backend_of_writes();
  auto running = worker.submit(Lane::write, {{"SELECT pg_sleep(25)", {}}});
  auto behind = worker.submit(Lane::write, {{"SELECT 1", {}}});
  worker.wait_until([&] {
    return !outside(shared_server(), "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid = " +
                                         std::to_string(backend))
                .empty();
  });
  outside(shared_server(), "SELECT pg_terminate_backend(" + std::to_string(backend) + ")");
  worker.wait_until([&] { return running->has_value() && behind->has_value(); });
  CHECK((*running)->error().kind == Failure::Kind::lost);
  CHECK((*running)->error().sqlstate == "57P01");
  CHECK((*behind)->error().kind == Failure::Kind::lost);
  CHECK((*behind)->error().sent);
  CHECK(backend_of_writes() != backend);
}

TEST_CASE("closing a pool fails its jobs") {
  std::shared_ptr<std::optional<Results>> running, queued;
  auto settings = one_connection(shared_server().conninfo());
  settings.lanes.fill({1, 1});
  asio::io_context io(1);
  const auto submit = [&](Pool& pool, const char* sql) {
    auto answer = std::make_shared<std::optional<Results>>();
    pool.submit(Lane::read, Job{{{sql, {}}},
                                in(bound),
                                {[answer](Results r) { answer->emplace(std::move(r)); }, io.get_executor()}});
    return answer;
  };
  {
    Pool pool(io, settings);
    auto first = submit(pool, "SELECT 1");
    while (!first->has_value()) io.run_one();
    running = submit(pool, "SELECT pg_sleep(25)");
    queued = submit(pool, "SELECT 1");
    io.poll();
  }
  io.run();
  CHECK((*running)->error().kind == Failure::Kind::lost);
  CHECK((*queued)->error().kind == Failure::Kind::connect);
  CHECK_FALSE((*queued)->error().sent);
}

}  // namespace shardplex::test
