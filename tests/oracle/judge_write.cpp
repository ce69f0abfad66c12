#include "tests/oracle/judge_write.hpp"

#include <optional>
#include <string>
#include <utility>

namespace shardplex::oracle {
namespace {

using integration::Database;
using integration::HttpResponse;

/// What PostgreSQL makes of it.
struct Expected {
  std::string before;          // all rows
  std::string rows, contents;  // the rows that it returns, and all rows afterwards
  std::string sqlstate;        // it fails; "" it does not
  bool meets_rows = true;

  bool changes_rows() const { return sqlstate.empty() && rows != "[]"; }
};

/// PostgREST's reference, "Errors", for the SQLSTATEs that writes can raise.
unsigned status_of(const std::string& sqlstate) {
  return sqlstate == "23503" || sqlstate == "23505" ? 409 : 400;
}

/// Of a value that is not one of its column's type, also where that is a domain.
bool is_of_a_value(const std::string& sqlstate) {
  return sqlstate.starts_with("22") || sqlstate == "23502" || sqlstate == "23514";
}

Expected expected_write(Database& database, const Write& write) {
  Expected expected;
  expected.before = database.value(write.contents_sql).value();
  if (!write.met_sql.empty()) expected.meets_rows = database.value(write.met_sql) == "t";
  try {
    // It goes with its transaction, which nobody commits.
    pqxx::work transaction(database.connection());
    expected.rows = transaction.exec(write.sql)[0][0].c_str();
    expected.contents = transaction.exec(write.contents_sql)[0][0].c_str();
  } catch (const pqxx::sql_error& failure) {
    expected.sqlstate = failure.sqlstate();
    expected.contents = expected.before;
  }
  if (!expected.meets_rows && is_of_a_value(expected.sqlstate)) {
    expected.sqlstate.clear();
    expected.rows = "[]";
  }
  return expected;
}

/// "" where it is as expected.
std::string difference_of(const Write& write, const Expected& expected, const HttpResponse& answer) {
  constexpr unsigned created = 201, has_rows = 200, has_none = 204;
  // It is for PostgreSQL's planner to say whether values are read before it is known that no row gets them.
  if (!expected.meets_rows && answer.status == 400 && is_of_a_value(answer.error_code())) return "";
  if (!expected.sqlstate.empty()) {
    const auto status = status_of(expected.sqlstate);
    if (answer.status == status && answer.error_code() == expected.sqlstate) return "";
    return std::to_string(answer.status) + ' ' + answer.error_code() + " for " + std::to_string(status) +
           ' ' + expected.sqlstate + "\nanswered " + answer.body;
  }
  const auto status = write.method == "POST" ? created : write.returns_rows ? has_rows : has_none;
  if (answer.status != status)
    return "status " + std::to_string(answer.status) + " for " + std::to_string(status) + "\nanswered " +
           answer.body;
  const auto body = write.returns_rows ? expected.rows : "";
  if (answer.body != body) return "another body\nanswered " + answer.body + "\nexpected " + body;
  return "";
}

std::string difference_of_contents(const std::string& expected, const HttpResponse& answer) {
  if (answer.body == expected) return "";
  return "other rows afterwards\nthere are " + answer.body + "\nexpected  " + expected;
}

/// Why it is wrong; "" where it is not.
std::string compared(Site& site, const Write& write, const Expected& expected,
                     const HttpResponse& over_shards) {
  const auto over_one = site.ask_over_one(write.method, write.target, write.headers, write.body);
  if (is_refusal(over_one)) return "over one shard: refused, and done over several: " + reason_of(over_one);
  if (auto told = difference_of(write, expected, over_shards); !told.empty()) return "over shards: " + told;
  if (auto told = difference_of(write, expected, over_one); !told.empty()) return "over one shard: " + told;
  if (auto told = difference_of_heads(over_shards, over_one); !told.empty()) return told;
  if (over_shards.status == over_one.status &&
      over_shards.header("Content-Range") != over_one.header("Content-Range"))
    return "Content-Range " + over_shards.header("Content-Range").value_or("absent") + " over shards, " +
           over_one.header("Content-Range").value_or("absent") + " over one";
  const auto table = '/' + write.table;
  if (auto told = difference_of_contents(expected.contents, site.ask_over_shards("GET", table));
      !told.empty())
    return "over shards: " + told;
  if (auto told = difference_of_contents(expected.contents, site.ask_over_one("GET", table)); !told.empty())
    return "over one shard: " + told;
  return "";
}

}  // namespace

Judgement judge_write(Site& site, const Write& write, HttpResponse& over_shards) {
  Judgement judgement;
  site.copy_rows();
  const auto expected = expected_write(site.database(), write);
  over_shards = site.ask_over_shards(write.method, write.target, write.headers, write.body);
  const bool is_refused = is_refusal(over_shards);
  judgement.why =
      is_refused ? difference_of_contents(expected.before, site.ask_over_shards("GET", '/' + write.table))
                 : compared(site, write, expected, over_shards);
  if (!judgement.why.empty()) {
    judgement.verdict = Verdict::wrong;
  } else if (is_refused) {
    judgement.verdict = Verdict::refused;
    judgement.refusal = reason_of(over_shards);
  }
  // The others have changed nothing: all rows have been compared.
  if (judgement.verdict == Verdict::wrong || (!is_refused && expected.changes_rows()))
    site.restore(write.table);
  return judgement;
}

Judgement judge_request(Site& site, const AnyRequest& request, HttpResponse& over_shards) {
  if (request.write) return judge_write(site, *request.write, over_shards);
  auto answers = site.ask(request.read);
  auto judgement = judge(site.database(), request.read, answers.over_shards, answers.over_one);
  over_shards = std::move(answers.over_shards);
  return judgement;
}

}  // namespace shardplex::oracle
