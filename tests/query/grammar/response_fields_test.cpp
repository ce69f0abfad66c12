#include "query/grammar/response_fields.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace shardplex;

namespace {

Error headers_error(const std::string& text) {
  const auto fields = read_response_headers(text);
  REQUIRE_FALSE(fields.has_value());
  return fields.error();
}

}  // namespace

TEST_CASE("response.headers is an array of objects with one name and its text each, in their order") {
  const auto fields =
      read_response_headers(R"([{"Set-Cookie": "a=1; Path=/"}, {"X-Test": ""}, {"Set-Cookie": "b=é"}])");
  REQUIRE(fields.has_value());
  CHECK(*fields ==
        std::vector<ResponseField>{{"Set-Cookie", "a=1; Path=/"}, {"X-Test", ""}, {"Set-Cookie", "b=é"}});
  CHECK(read_response_headers("")->empty());
  CHECK(read_response_headers("[]")->empty());
}

TEST_CASE("any other JSON, or none, in response.headers is PGRST111") {
  for (const char* text : {"bad", "{}", R"({"X-Test": "a"})", R"([{"X": 1}])", R"([{}])", R"(["X"])",
                           R"([{"X": "a", "Y": "b"}])", R"([{"X": null}])", R"([{"X": "a"}] b)"}) {
    CAPTURE(std::string(text));
    const auto error = headers_error(text);
    CHECK(error.code == "PGRST111");
    CHECK(error.message ==
          "response.headers guc must be a JSON array composed of objects with a single key and a string "
          "value");
    CHECK(http_status(error) == 500);
  }
}

TEST_CASE("SQL cannot set what frames an answer, breaks a line, or is the router's own") {
  for (const char* name : {"Content-Length",
                           "TRANSFER-ENCODING",
                           "connection",
                           "Keep-Alive",
                           "Upgrade",
                           "Trailer",
                           "TE",
                           "Proxy-Connection",
                           "Content-Encoding",
                           "Date",
                           "Server",
                           "Access-Control-Allow-Origin",
                           "Shardplex-Shards",
                           "Server-Timing",
                           "Proxy-Status",
                           "",
                           "X Test",
                           "X:",
                           "X\r\nY",
                           "é"}) {
    CAPTURE(std::string(name));
    CHECK(fields_refusal({{name, "a"}}).has_value());
  }
  for (const char* value : {"a\r\nSet-Cookie: b=c", "a\n", "\r", "a\x01", "a\x7F"}) {
    CAPTURE(std::string(value));
    CHECK(fields_refusal({{"X-Test", value}}).has_value());
  }
  CHECK(fields_refusal({{"X-Test", std::string("a\0b", 3)}}).has_value());
  CHECK(fields_refusal({{"X-Test", std::string(20'000, 'a')}}).has_value());
  CHECK_FALSE(fields_refusal({{"X-Test", "a\tb \xC3\xA9"}, {"Content-Type", "text/html"}, {"Vary", "*"}}));
  const auto error = headers_error(R"([{"X-Test": "a\r\nSet-Cookie: b=c"}])");
  CHECK(error.code == "PGRST111");
  CHECK(error.details == "The value of X-Test has a control character.");
  CHECK(headers_error(R"([{"Content-Length": "0"}])").details ==
        "The header Content-Length is the router's own.");
}

TEST_CASE("response.status is a status that ends a request, or PGRST112") {
  CHECK(*read_response_status("") == std::nullopt);
  CHECK(*read_response_status("201") == 201);
  CHECK(*read_response_status("418") == 418);
  for (const char* text :
       {"bad", "100", "199", "600", "-1", "0", "4 0 3", "403 ", "403.0", "99999999999999"}) {
    CAPTURE(std::string(text));
    const auto status = read_response_status(text);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == "PGRST112");
    CHECK(status.error().message == "response.status guc must be a valid status code");
    CHECK(http_status(status.error()) == 500);
  }
}

TEST_CASE("the text of a status is one line") {
  CHECK(is_reason("Page Expired"));
  CHECK_FALSE(is_reason(""));
  CHECK_FALSE(is_reason("a\r\nb"));
  CHECK_FALSE(is_reason("\xFF"));
  CHECK_FALSE(is_reason(std::string(201, 'a')));
}
