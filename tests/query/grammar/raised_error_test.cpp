#include "query/grammar/raised_error.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>

using namespace shardplex;

namespace {

const std::string plain_message = R"({"code":"123","message":"ABC"})";
const std::string plain_detail = R"({"status":404,"headers":{}})";

RaisedAnswer raised(std::string message, std::optional<std::string> detail) {
  return raised_answer({"PGRST", std::move(message), std::move(detail), std::nullopt, std::nullopt});
}

void check_unread(const RaisedAnswer& answer, const std::string& details) {
  CHECK(answer.error.code == "PGRST121");
  CHECK(http_status(answer.error) == 500);
  CHECK(answer.error.message == "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error");
  CHECK(answer.error.details == details);
  CHECK(answer.fields.empty());
  CHECK(answer.reason.empty());
}

}  // namespace

TEST_CASE("an error raised as PGRST says the whole answer") {
  const auto all =
      raised(R"({"code":"123","message":"ABC","details":"DEF","hint":"XYZ"})",
             R"({"status":332,"status_text":"My Custom Status","headers":{"X-Header":"str","X-Other":"a"}})");
  CHECK(all.error == Error{"123", "ABC", "DEF", "XYZ", 332});
  CHECK(all.reason == "My Custom Status");
  CHECK(all.fields == std::vector<ResponseField>{{"X-Header", "str"}, {"X-Other", "a"}});
  const auto least = raised(plain_message, plain_detail);
  CHECK(least.error == Error{"123", "ABC", std::nullopt, std::nullopt, 404});
  CHECK(least.reason.empty());
  CHECK(least.fields.empty());
  CHECK_FALSE(raised(R"({"code":"1","message":"A","hint":null})", plain_detail).error.hint.has_value());
}

TEST_CASE("one whose message is no JSON of an error is PGRST121") {
  for (const char* message : {"INVALID", "", "[]", R"({"code":"1"})", R"({"message":"A"})",
                              R"({"code":1,"message":"A"})", R"({"code":"1","message":"A","details":{}})"}) {
    CAPTURE(std::string(message));
    const auto answer = raised(message, plain_detail);
    check_unread(answer, "Invalid JSON value for MESSAGE: '" + std::string(message) + "'");
    CHECK(answer.error.hint->find("'code', 'message'") != std::string::npos);
  }
}

TEST_CASE("one whose details are missing, or no JSON of a head, is PGRST121") {
  check_unread(raised(plain_message, std::nullopt), "DETAIL is missing in the RAISE statement");
  for (const char* detail :
       {"INVALID", "[]", R"({"status":404})", R"({"headers":{}})", R"({"status":"404","headers":{}})",
        R"({"status":404,"headers":[]})", R"({"status":404,"headers":{"X":1}})",
        R"({"status":100,"headers":{}})", R"({"status":1000,"headers":{}})",
        R"({"status":404,"status_text":1,"headers":{}})"}) {
    CAPTURE(std::string(detail));
    const auto answer = raised(plain_message, detail);
    check_unread(answer, "Invalid JSON value for DETAIL: '" + std::string(detail) + "'");
    CHECK(answer.error.hint->find("'status', 'headers'") != std::string::npos);
  }
}

TEST_CASE("what is raised cannot add a line to a head, or frame the answer") {
  check_unread(raised(plain_message, R"({"status":404,"headers":{"Content-Length":"5"}})"),
               "The header Content-Length is the router's own.");
  check_unread(raised(plain_message, R"({"status":404,"headers":{"X":"a\r\nSet-Cookie: b=c"}})"),
               "The value of X has a control character.");
  check_unread(raised(plain_message, R"({"status":404,"status_text":"a\r\nX: b","headers":{}})"),
               "The status_text is no line of at most 200 bytes.");
}
