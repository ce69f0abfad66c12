#include "tests/oracle/judge.hpp"

#include <array>
#include <boost/json/parse.hpp>
#include <utility>

#include "tests/integration/expected_answer.hpp"

namespace shardplex::oracle {
namespace {

using integration::HttpResponse;

const std::string refusal_code = "SHARD400";

}  // namespace

/// An answer to HEAD has its code in the head alone. A key in another form than places rows has the code that
/// PostgreSQL has for text that is no value.
bool is_refusal(const HttpResponse& answer) {
  if (answer.status != 400) return false;
  if (answer.body.find("has to be in its plain form") != std::string::npos) return true;
  const auto proxy_status = answer.header("Proxy-Status").value_or("");
  return answer.error_code() == refusal_code || proxy_status.find(refusal_code) != std::string::npos;
}

std::string reason_of(const HttpResponse& refusal) {
  boost::system::error_code failure;
  const auto json = boost::json::parse(refusal.body, failure);
  if (failure || !json.is_object()) return "(a refusal without a body)";
  for (const auto* name : {"details", "message"}) {
    const auto* said = json.as_object().if_contains(name);
    if (said != nullptr && said->is_string()) return std::string(said->as_string());
  }
  return "(a refusal without a reason)";
}

std::string difference_of_heads(const HttpResponse& over_shards, const HttpResponse& over_one) {
  constexpr unsigned first_error = 400;
  // Not what is about the connection, the time, the length, or the servers that were asked.
  static constexpr std::array<const char*, 10> names{
      "Content-Type", "Content-Profile",    "Content-Encoding", "Link",          "Location",
      "Vary",         "Preference-Applied", "Warning",          "Cache-Control", "Allow"};
  if (over_shards.status >= first_error || over_one.status >= first_error) return "";
  for (const auto* name : names) {
    const auto many = over_shards.header(name), one = over_one.header(name);
    if (many != one)
      return std::string(name) + ' ' + many.value_or("absent") + " over shards, " + one.value_or("absent") +
             " over one";
  }
  return "";
}

Judgement judge(integration::Database& database, integration::ReadRequest read,
                const HttpResponse& over_shards, const HttpResponse& over_one) {
  const bool many_refused = is_refusal(over_shards), one_refused = is_refusal(over_one);
  // Whether the router could answer is its own to say, so what it has to answer is asked of PostgreSQL.
  if (read.refusal == refusal_code) read.refusal.reset();
  read.refusal_over_shards.reset();
  Judgement judgement;
  if (many_refused && one_refused) {
    judgement.verdict = Verdict::refused;
    judgement.refusal = reason_of(over_one);
    return judgement;
  }
  const auto expected = expected_answer(database, read, false);
  if (!many_refused)
    if (const auto told = difference(read, expected, over_shards); !told.empty())
      judgement.why = "over shards: " + told;
  if (!one_refused)
    if (const auto told = difference(read, expected, over_one); !told.empty())
      judgement.why += (judgement.why.empty() ? "" : "\n") + ("over one shard: " + told);
  if (judgement.why.empty() && !many_refused && !one_refused)
    judgement.why = difference_of_heads(over_shards, over_one);
  if (!judgement.why.empty()) {
    judgement.verdict = Verdict::wrong;
  } else if (many_refused || one_refused) {
    judgement.verdict = Verdict::refused;
    judgement.refusal = reason_of(many_refused ? over_shards : over_one);
  }
  return judgement;
}

}  // namespace shardplex::oracle
