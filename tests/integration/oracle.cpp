#include "tests/integration/oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <random>

#include "tests/integration/related_tables.hpp"
#include "tests/integration/representations.hpp"
#include "tests/integration/sample_rows.hpp"
#include "tests/sanitized.hpp"

namespace shardplex::integration {
namespace {

constexpr std::uint64_t rows_seed = 20240607;
constexpr int most_failures = 10;  // told of before giving up

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

/// `over_shards`: as opposed to over one.
Expected expected_answer(Database& database, const ReadRequest& read, bool over_shards) {
  if (over_shards && read.refusal_over_shards) return refused(400, *read.refusal_over_shards);
  if (read.refusal) return refused(*read.refusal == "PGRST103" ? 416 : 400, *read.refusal);
  try {
    const auto rows =
        database.run("SELECT row_to_json(answer_row)::text FROM (" + read.rows_sql + ") answer_row");
    std::optional<std::int64_t> total;
    if (read.counts) total = database.number(read.count_sql);
    if (total && read.offset > static_cast<std::uint64_t>(*total)) return refused(416, "PGRST103");
    if (read.object && rows.size() != 1) return refused(read.row ? 404 : 406, "PGRST116");
    Expected expected;
    expected.body = *database.value(body_sql(read));
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
    // A streamed answer begins before its number of rows is known, unless they were counted. Groups are not.
    const bool is_of_any_length = answer.chunked && (read.groups || !read.counts);
    const unsigned status = is_of_any_length ? 200 : expected.status;
    if (answer.status != status)
      told += "status " + std::to_string(answer.status) + " for " + std::to_string(status) + "; ";
    if (!head && answer.body != expected.body) told += "another body; ";
    const auto range = answer.header("Content-Range");
    if (range != expected.content_range && (range || !is_of_any_length))
      told += "Content-Range " + range.value_or("absent") + " for " +
              expected.content_range.value_or("absent") + "; ";
  }
  if (told.empty()) return "";
  return told + "\nanswered " + answer.body + "\nexpected " + expected.body;
}

}  // namespace

LoadedCluster::LoadedCluster(const ClusterOptions& options) : Cluster(options) {
  // A type's number in pg_type and the order of a table's columns may differ from shard to shard.
  const auto& last = shards().back();
  Database(conninfo(last)).run("CREATE TYPE unrelated AS ENUM ('x')");
  initialise();
  run_everywhere(create_sample_types());
  for (const auto& shard : shards())
    Database(conninfo(shard)).run(add_sample_columns(shard == last && shards().size() > 1));
  run_everywhere(create_computed_columns());
  const bool by_genre = options.map == "genre";
  run_everywhere(create_related_tables(by_genre));
  std::ofstream(map_file(), std::ios::app) << related_tables_in_map(by_genre);
  initialise();
  for (const auto* table : {&sample_movies(), &sample_ratings(), &sample_genres()})
    load(table->name, make_rows(*table, rows_seed));
  const auto related = make_related_rows(rows_seed);
  for (const auto* table : related_tables(by_genre)) load(table->name, related.at(table->name));
  wait_for_replicas();
}

Oracle& Oracle::instance() {
  static Oracle oracle;
  return oracle;
}

Oracle::Oracle()
    : hash({.shards = 3, .replicas = 1, .map = "hash"}),
      genre({.shards = 3, .replicas = 1, .map = "genre"}),
      single({.shards = 1, .replicas = 0, .map = "hash"}) {}

std::uint64_t case_count(std::uint64_t usual) {
  const char* given = std::getenv("SHARDPLEX_ORACLE_CASES");
  return given == nullptr ? tests::fewer_if_sanitized(usual) : std::strtoull(given, nullptr, 10);
}

std::uint64_t fresh_seed() {
  const char* given = std::getenv("SHARDPLEX_ORACLE_SEED");
  const std::uint64_t seed = given == nullptr ? std::random_device()() : std::strtoull(given, nullptr, 10);
  std::cout << "SHARDPLEX_ORACLE_SEED=" << seed << '\n';
  return seed;
}

ReadCounts compare_reads(const Router& router, const GeneratedReads& reads) {
  auto& oracle = Oracle::instance();
  HttpClient sharded(router.port()), single(oracle.single_router.port());
  int failures = 0;
  ReadCounts counts;
  for (std::uint64_t seed = reads.first_seed; seed < reads.first_seed + reads.count; ++seed) {
    auto read = reads.make(seed);
    ask_for_a_format(read, seed);
    INFO("seed ", seed, ": ", read.describe());
    const auto expected = expected_answer(oracle.database, read, false);
    const auto answer = sharded.request(read.method, read.target, read.headers);
    const auto over_shards = difference(
        read, read.refusal_over_shards ? expected_answer(oracle.database, read, true) : expected, answer);
    CHECK_MESSAGE(over_shards.empty(), "over shards: ", over_shards);
    const auto over_one = difference(read, expected, single.request(read.method, read.target, read.headers));
    CHECK_MESSAGE(over_one.empty(), "over one shard: ", over_one);
    failures += !over_shards.empty() || !over_one.empty();
    REQUIRE_MESSAGE(failures < most_failures, "too many reads are answered wrongly");
    counts.errors += answer.status >= 400;
    counts.streams += answer.chunked;
    counts.empty += answer.body == "[]" || answer.body == "\n";
  }
  std::cout << reads.count << " reads: " << counts.errors << " errors, " << counts.streams << " streamed, "
            << counts.empty << " empty\n";
  return counts;
}

}  // namespace shardplex::integration
