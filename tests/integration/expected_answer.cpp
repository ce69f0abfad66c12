#include "tests/integration/expected_answer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tests/integration/representations.hpp"

namespace shardplex::integration {
namespace {

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

ExpectedAnswer refused(unsigned status, const std::string& code) {
  return {status, "", std::nullopt, {{code, status}}};
}

ExpectedAnswer expected_failure(Database& database, const ReadRequest& read, const std::string& code) {
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

}  // namespace

ExpectedAnswer expected_answer(Database& database, const ReadRequest& read, bool over_shards) {
  if (over_shards && read.refusal_over_shards) return refused(400, *read.refusal_over_shards);
  if (read.refusal) return refused(*read.refusal == "PGRST103" ? 416 : 400, *read.refusal);
  try {
    const auto rows =
        database.run("SELECT row_to_json(answer_row)::text FROM (" + read.rows_sql + ") answer_row");
    std::optional<std::int64_t> total;
    if (read.counts) total = database.number(read.count_sql);
    if (total && read.offset > static_cast<std::uint64_t>(*total)) return refused(416, "PGRST103");
    if (read.object && rows.size() != 1) return refused(read.row ? 404 : 406, "PGRST116");
    ExpectedAnswer expected;
    expected.body = *database.value(body_sql(read));
    if (!read.row) expected.content_range = content_range(read.offset, rows.size(), total);
    if (!read.row && total && static_cast<std::int64_t>(rows.size()) < *total) expected.status = 206;
    return expected;
  } catch (const pqxx::sql_error& error) {
    return expected_failure(database, read, error.sqlstate());
  }
}

std::string difference(const ReadRequest& read, const ExpectedAnswer& expected, const HttpResponse& answer) {
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

}  // namespace shardplex::integration
