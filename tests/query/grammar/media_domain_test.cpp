#include "query/grammar/media_domain.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "query/grammar/accept.hpp"

using namespace shardplex;

TEST_CASE("a domain that is called like a media type stands for it, and any other for none") {
  const std::pair<const char*, std::optional<std::string>> rows[] = {
      {"text/plain", "text/plain"},
      {"Image/PNG", "image/png"},
      {"application/vnd.ms-excel+xml", "application/vnd.ms-excel+xml"},
      {"a/x!#$&^_-.", "a/x!#$&^_-."},
      {"*/*", "*/*"},
      {"text", std::nullopt},
      {"", std::nullopt},
      {"/", std::nullopt},
      {"text/", std::nullopt},
      {"/plain", std::nullopt},
      {"text/*", std::nullopt},
      {"*/plain", std::nullopt},
      {"text/plain/more", std::nullopt},
      {"text/plain; charset=utf-8", std::nullopt},
      {"text/plain\r\nX: y", std::nullopt},
      {"text/plain ", std::nullopt},
      {"text/.x", std::nullopt},
      {"+a/b", std::nullopt},
      {"text/ünicode", std::nullopt},
      {"application/vnd.pgrst.object", std::nullopt},
      {"application/vnd.pgrst.object+json", std::nullopt},
      {"Application/vnd.pgrst.plan", std::nullopt},
  };
  for (const auto& [name, type] : rows) {
    CAPTURE(std::string(name));
    CHECK(media_type_of_domain(name) == type);
  }
  CHECK(media_type_of_domain("a/" + std::string(127, 'b')).has_value());
  CHECK_FALSE(media_type_of_domain("a/" + std::string(128, 'b')).has_value());
}

TEST_CASE("a value is answered where its own type is asked for, before anything else of that type") {
  const auto shape = [](const char* accept, const char* value_type) {
    return parse_accept(accept, true, false, value_type).value();
  };
  const AcceptedAnswer value{Shape::value};
  CHECK(shape("image/png", "image/png") == value);
  CHECK(shape("IMAGE/PNG;x=y", "image/png") == value);
  CHECK(shape("image/png, */*", "image/png") == value);
  CHECK(shape("text/html,application/xhtml+xml,application/xml;q=0.9,image/png,*/*;q=0.8", "image/png") ==
        value);
  CHECK(shape("application/json;q=0.5, text/xml", "text/xml") == value);
  CHECK(shape("text/csv", "text/csv") == value);
  CHECK(shape("application/json", "application/json") == value);
  CHECK(shape("application/vnd.pgrst.array+json", "application/json") == value);
  CHECK(shape("application/geo+json", "application/geo+json") == value);
  // By PostgREST, JSON is what stands for anything.
  CHECK(shape("*/*", "image/png") == AcceptedAnswer{});
  CHECK(shape("", "image/png") == AcceptedAnswer{});
  CHECK(shape("", "application/json") == AcceptedAnswer{});
  CHECK(shape("image/png;q=0.5, application/json", "image/png") == AcceptedAnswer{});
  CHECK(shape("image/png;q=0, application/json", "image/png") == AcceptedAnswer{});
  CHECK(shape("application/vnd.pgrst.object+json, application/json", "application/json") ==
        AcceptedAnswer{Shape::object});
  CHECK(shape("application/vnd.pgrst.array+json;nulls=stripped", "application/json") ==
        AcceptedAnswer{Shape::stripped_array});
  for (const auto* refused : {"image/*", "image/gif", "text/plain, image/png;q=0"}) {
    const auto answer = parse_accept(refused, false, false, "image/png");
    CAPTURE(std::string(refused));
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == "PGRST107");
    CHECK(answer.error().hint.value_or("").starts_with("image/png, application/json, "));
  }
}

TEST_CASE("a value of any type answers whatever is asked for, but PostgREST's own types") {
  const auto shape = [](std::optional<std::string_view> accept) {
    return parse_accept(accept, true, false, any_media_type).value();
  };
  const AcceptedAnswer value{Shape::value};
  for (const auto* accept : {"", "*/*", "app/bingo", "application/json", "text/csv", "application/x-ndjson",
                             "application/json;q=0, */*", "application/vnd.pgrst.array+json"})
    CHECK_MESSAGE(shape(accept) == value, accept);
  CHECK(shape(std::nullopt) == value);
  CHECK(shape("application/vnd.pgrst.object+json") == AcceptedAnswer{Shape::object});
  CHECK(shape("application/vnd.pgrst.array+json;nulls=stripped") == AcceptedAnswer{Shape::stripped_array});
  CHECK(shape("application/vnd.pgrst.plan") == AcceptedAnswer{Shape::array, PlanAsked{}});
  CHECK(parse_accept("a/b;q=0", false, false, any_media_type).has_error());
}

TEST_CASE("a value's Content-Type has a charset where PostgREST gives it one") {
  CHECK(content_type_of_value("text/plain") == "text/plain; charset=utf-8");
  CHECK(content_type_of_value("text/xml") == "text/xml; charset=utf-8");
  CHECK(content_type_of_value("application/json") == "application/json; charset=utf-8");
  CHECK(content_type_of_value("text/html") == "text/html");
  CHECK(content_type_of_value("application/x-ndjson") == "application/x-ndjson");
  CHECK(content_type_of_value("image/png") == "image/png");
  CHECK(content_type_of_value("application/octet-stream") == "application/octet-stream");
  CHECK(content_type_of_value(any_media_type) == "application/octet-stream");
}
