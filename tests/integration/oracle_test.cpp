// Random reads over shards, compared byte for byte with one PostgreSQL that holds all rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "tests/integration/cluster.hpp"
#include "tests/integration/request_generator.hpp"
#include "tests/integration/sample_rows.hpp"

namespace shardplex::integration {
namespace {

constexpr std::uint64_t rows_seed = 20240607;
constexpr std::uint64_t cases_of_each_map = 1200;
constexpr int most_failures = 10;  // told of before giving up

/// How many reads to make of each map: SHARDPLEX_ORACLE_CASES, or the default.
std::uint64_t case_count() {
  const char* given = std::getenv("SHARDPLEX_ORACLE_CASES");
  return given == nullptr ? cases_of_each_map : std::strtoull(given, nullptr, 10);
}

/// A cluster with the sample rows.
struct LoadedCluster : Cluster {
  explicit LoadedCluster(const ClusterOptions& options) : Cluster(options) {
    // A type's number in pg_type and the order of a table's columns may differ from shard to shard.
    const auto& last = shards().back();
    Database(conninfo(last)).run("CREATE TYPE unrelated AS ENUM ('x')");
    initialise();
    run_everywhere(create_sample_types());
    for (const auto& shard : shards())
      Database(conninfo(shard)).run(add_sample_columns(shard == last && shards().size() > 1));
    for (const auto* table : {&sample_movies(), &sample_ratings(), &sample_genres()})
      load(table->name, make_rows(*table, rows_seed));
    wait_for_replicas();
  }
};

/// All that the tests of this program share, made once.
struct Oracle {
  LoadedCluster hash, genre, single;
  Router hash_router{hash.map_file()}, genre_router{genre.map_file()}, single_router{single.map_file()};
  Database database{single.conninfo("alpha")};

  static Oracle& instance() {
    static Oracle oracle;
    return oracle;
  }

 private:
  Oracle()
      : hash({.shards = 3, .replicas = 1, .map = "hash"}),
        genre({.shards = 3, .replicas = 1, .map = "genre"}),
        single({.shards = 1, .replicas = 0, .map = "hash"}) {}
};

/// What an answer has to be.
struct Expected {
  unsigned status = 200;  // of an answer with rows
  std::string body;
  std::optional<std::string> content_range;
  std::map<std::string, unsigned> errors;  // in its place: any of these codes, each with its status
};

/// PostgREST's reference, "Errors", for the SQLSTATEs that reads can raise.
unsigned status_of(const std::string& sqlstate) {
  if (sqlstate == "42883" || sqlstate == "42P01") return 404;
  const auto of_class = sqlstate.substr(0, 2);
  return of_class == "54" || of_class == "XX" ? 500 : 400;
}

/// The SQLSTATE that a statement fails with; "" where it does not.
std::string failure_of(Database& database, const std::string& sql) {
  try {
    database.run(sql);
    return "";
  } catch (const pqxx::sql_error& error) {
    return error.sqlstate();
  }
}

Expected refused(unsigned status, const std::string& code) {
  return {status, "", std::nullopt, {{code, status}}};
}

Expected expected_failure(Database& database, const ReadRequest& read, const std::string& code) {
  auto expected = refused(status_of(code), code);
  for (const auto& part : read.parts_sql)
    if (auto other = failure_of(database, part); !other.empty()) expected.errors[other] = status_of(other);
  if (read.may_fail)
    for (const auto* other : {"22P02", "22003", "22007", "22008", "0A000"}) expected.errors[other] = 400;
  return expected;
}

std::string content_range(std::uint64_t offset, std::size_t rows, std::optional<std::int64_t> total) {
  const std::string range =
      rows == 0 ? "*" : std::to_string(offset) + '-' + std::to_string(offset + rows - 1);
  return range + '/' + (total ? std::to_string(*total) : "*");
}

Expected expected_answer(Database& database, const ReadRequest& read) {
  if (read.refusal) return refused(*read.refusal == "PGRST103" ? 416 : 400, *read.refusal);
  try {
    const auto rows =
        database.run("SELECT row_to_json(answer_row)::text FROM (" + read.rows_sql + ") answer_row");
    std::optional<std::int64_t> total;
    if (read.counts) total = database.number(read.count_sql);
    if (total && read.offset > static_cast<std::uint64_t>(*total)) return refused(416, "PGRST103");
    if (read.object && rows.size() != 1) return refused(read.row ? 404 : 406, "PGRST116");
    Expected expected;
    if (read.object)
      expected.body = rows[0][0].as<std::string>();
    else
      expected.body = *database.value("SELECT coalesce(json_agg(answer_row), '[]')::text FROM (" +
                                      read.rows_sql + ") answer_row");
    if (!read.row) expected.content_range = content_range(read.offset, rows.size(), total);
    if (!read.row && total && static_cast<std::int64_t>(rows.size()) < *total) expected.status = 206;
    return expected;
  } catch (const pqxx::sql_error& error) {
    return expected_failure(database, read, error.sqlstate());
  }
}

/// Why `answer` is not what was expected; "" where it is.
std::string difference(const ReadRequest& read, const Expected& expected, const HttpResponse& answer) {
  std::string told;
  const bool head = read.method == "HEAD";
  if (head && !answer.body.empty()) told += "HEAD has a body; ";
  if (!expected.errors.empty()) {
    const auto agrees = [&](const auto& error) {
      return answer.status == error.second && (head || answer.error_code() == error.first);
    };
    if (std::none_of(expected.errors.begin(), expected.errors.end(), agrees))
      told += std::to_string(answer.status) + ' ' + answer.error_code() + " for " +
              std::to_string(expected.status) + ' ' + expected.errors.begin()->first + "; ";
  } else {
    if (answer.status != expected.status)
      told += "status " + std::to_string(answer.status) + " for " + std::to_string(expected.status) + "; ";
    if (!head && answer.body != expected.body) told += "another body; ";
    const auto range = answer.header("Content-Range");
    // A streamed answer that was not counted begins before its number of rows is known.
    const bool may_lack_range = answer.chunked && !read.counts && !range;
    if (range != expected.content_range && !may_lack_range)
      told += "Content-Range " + range.value_or("absent") + " for " +
              expected.content_range.value_or("absent") + "; ";
  }
  if (told.empty()) return "";
  return told + "\nanswered " + answer.body + "\nexpected " + expected.body;
}

/// Makes the reads and holds both routers to one PostgreSQL's answers.
void compare_reads(const Router& router, std::uint64_t first_seed) {
  auto& oracle = Oracle::instance();
  HttpClient sharded(router.port()), single(oracle.single_router.port());
  int failures = 0;
  std::size_t errors = 0, streams = 0, empty = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + case_count(); ++seed) {
    const auto read = make_read(seed);
    INFO("seed ", seed, ": ", read.describe());
    const auto expected = expected_answer(oracle.database, read);
    const auto answer = sharded.request(read.method, read.target, read.headers);
    const auto over_shards = difference(read, expected, answer);
    CHECK_MESSAGE(over_shards.empty(), "over shards: ", over_shards);
    const auto over_one = difference(read, expected, single.request(read.method, read.target, read.headers));
    CHECK_MESSAGE(over_one.empty(), "over one shard: ", over_one);
    failures += !over_shards.empty() || !over_one.empty();
    REQUIRE_MESSAGE(failures < most_failures, "too many reads are answered wrongly");
    errors += answer.status >= 400;
    streams += answer.chunked;
    empty += answer.body == "[]";
  }
  std::cout << case_count() << " reads: " << errors << " errors, " << streams << " streamed, " << empty
            << " empty\n";
  // The generator has to go on asking for rows, not for errors and nothing.
  CHECK(errors + empty < case_count() / 2);
  CHECK(streams > 0);
}

}  // namespace

TEST_CASE("every read over shards by hash is answered as one PostgreSQL with all rows answers it") {
  compare_reads(Oracle::instance().hash_router, 1);
}

TEST_CASE("every read over shards by genre is answered as one PostgreSQL with all rows answers it") {
  compare_reads(Oracle::instance().genre_router, 1'000'000);
}

}  // namespace shardplex::integration
