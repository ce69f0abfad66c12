#include "query/error.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <stdexcept>
#include <utility>

using namespace shardplex;

TEST_CASE("every code of the HTTP contract has its status") {
  const std::pair<const char*, int> rows[] = {
      {"PGRST000", 503}, {"PGRST001", 503}, {"PGRST002", 503}, {"PGRST003", 504}, {"PGRST100", 400},
      {"PGRST101", 405}, {"PGRST102", 400}, {"PGRST103", 416}, {"PGRST105", 405}, {"PGRST106", 406},
      {"PGRST107", 406}, {"PGRST108", 400}, {"PGRST114", 400}, {"PGRST115", 400}, {"PGRST116", 406},
      {"PGRST117", 405}, {"PGRST118", 400}, {"PGRST120", 400}, {"PGRST121", 500}, {"PGRST122", 400},
      {"PGRST124", 400}, {"PGRST125", 404}, {"PGRST127", 400}, {"PGRST128", 400}, {"PGRST200", 400},
      {"PGRST201", 300}, {"PGRST202", 404}, {"PGRST203", 300}, {"PGRST204", 400}, {"PGRST205", 404},
      {"PGRST300", 500}, {"PGRST301", 401}, {"PGRST302", 401}, {"PGRST303", 401}, {"PGRSTX00", 500},
      {"SHARD400", 400}, {"SHARD413", 413}, {"SHARD429", 429}, {"SHARD503", 503}, {"SHARD504", 504},
  };
  for (const auto& [code, status] : rows) {
    CAPTURE(code);
    CHECK(http_status(code) == status);
  }
}

TEST_CASE("a SQLSTATE's status is its own where it has one, else its class's, else 400") {
  const std::pair<const char*, int> rows[] = {
      {"08006", 503}, {"09000", 500}, {"0L000", 403}, {"0P000", 403}, {"22P02", 400}, {"23502", 400},
      {"23503", 409}, {"23505", 409}, {"23514", 400}, {"25006", 405}, {"25P02", 500}, {"28000", 403},
      {"2D000", 500}, {"38000", 500}, {"39000", 500}, {"3B000", 500}, {"40001", 500}, {"40P01", 500},
      {"42703", 400}, {"42601", 400}, {"42883", 404}, {"42P01", 404}, {"42P17", 500}, {"53300", 503},
      {"53400", 503}, {"54001", 500}, {"55P03", 500}, {"57014", 500}, {"57P01", 503}, {"57P03", 500},
      {"58030", 500}, {"F0000", 500}, {"HV000", 500}, {"P0001", 400}, {"P0002", 500}, {"XX000", 500},
      {"PT402", 402}, {"PT200", 200}, {"PTabc", 500}, {"PT40A", 500}, {"PT999", 500}, {"PT100", 500},
  };
  for (const auto& [code, status] : rows) {
    CAPTURE(code);
    CHECK(http_status(code) == status);
  }
}

TEST_CASE("lacking a privilege is 401 for an anonymous caller and 403 for one who is known") {
  CHECK(http_status("42501") == 401);
  CHECK(http_status("42501", true) == 403);
}

TEST_CASE("an error's own status overrides that of its code") {
  CHECK(http_status(Error{"PGRST100", "m", {}, {}, {}}) == 400);
  CHECK(http_status(Error{"PGRST100", "m", {}, {}, 422}) == 422);
}

TEST_CASE("an error is four JSON members in a fixed order, absent ones null") {
  CHECK(to_json(Error{"PGRST116", "message", "details", "hint", {}}) ==
        R"({"code":"PGRST116","details":"details","hint":"hint","message":"message"})");
  CHECK(to_json(Error{"42P01", "message", {}, {}, 404}) ==
        R"({"code":"42P01","details":null,"hint":null,"message":"message"})");
  CHECK(to_json(Error{"42P01", "", "", "", {}}) == R"({"code":"42P01","details":"","hint":"","message":""})");
}

TEST_CASE("details that are JSON stand in an error as they are") {
  Error error{"PGRST201", "message", R"([{"a":1}])", {}, {}};
  CHECK(to_json(error) == R"({"code":"PGRST201","details":"[{\"a\":1}]","hint":null,"message":"message"})");
  error.details_are_json = true;
  CHECK(to_json(error) == R"({"code":"PGRST201","details":[{"a":1}],"hint":null,"message":"message"})");
  error.details.reset();
  CHECK(to_json(error) == R"({"code":"PGRST201","details":null,"hint":null,"message":"message"})");
}

TEST_CASE("texts of an error are escaped as JSON demands and no more") {
  CHECK(to_json(Error{"X", "quote \" backslash \\ slash / newline \n tab \t bell \x07 é 🎬", {}, {}, {}}) ==
        "{\"code\":\"X\",\"details\":null,\"hint\":null,\"message\":\"quote \\\" backslash \\\\ slash / "
        "newline "
        "\\n tab \\t bell \\u0007 é 🎬\"}");
  std::string controls;
  for (char c = 0; c < ' '; ++c) controls.push_back(c);
  const auto parsed = boost::json::parse(to_json(Error{"X", controls, {}, {}, {}}));
  CHECK(parsed.at("message").as_string() == controls);
}

TEST_CASE("an error is UTF-8, whatever bytes it quotes") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(to_json(Error{"X", "\xFF/\xC3(\xC3\xA9", "a\xC3", {}, {}}) ==
        "{\"code\":\"X\",\"details\":\"a" + bad + "\",\"hint\":null,\"message\":\"" + bad + "/" + bad +
            "(\xC3\xA9\"}");
}

TEST_CASE("a refusal says why and what would work") {
  const Error error = cannot_merge("why", "works");
  CHECK(error.code == "SHARD400");
  CHECK(error.details == "why");
  CHECK(error.hint == "works");
  CHECK_FALSE(error.message.empty());
  CHECK(http_status(error) == 400);
}

TEST_CASE("taking the value of an error throws its code and message") {
  const Result<int> failed = Error{"42703", "column x does not exist", {}, {}, {}};
  CHECK_THROWS_WITH_AS(static_cast<void>(failed.value()), "42703: column x does not exist",
                       std::runtime_error);
}
