#include "router/http/cors.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <utility>

using namespace shardplex::router;

namespace {

using Fields = std::initializer_list<std::pair<const char*, const char*>>;

Request request(http::verb method, Fields fields) {
  Request out(method, "/movies", 11);
  for (const auto& [name, value] : fields) out.insert(name, value);
  return out;
}

std::string field(const Answer& answer, const char* name) {
  return std::string(answer.fields[name]);
}

const AllowedOrigins any{}, shop{"https://shop.example", "http://localhost:3000"};

}  // namespace

TEST_CASE("a preflight request is answered with what may follow it") {
  const auto asked =
      request(http::verb::options, {{"Origin", "http://example.com"},
                                    {"Access-Control-Request-Method", "POST"},
                                    {"Access-Control-Request-Headers", "content-type, prefer"}});
  const auto answer = answer_preflight(asked, any);
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->body.empty());
  CHECK(field(*answer, "Access-Control-Allow-Origin") == "*");
  CHECK(field(*answer, "Access-Control-Allow-Credentials").empty());
  CHECK(field(*answer, "Access-Control-Allow-Methods") == "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD");
  CHECK(field(*answer, "Access-Control-Allow-Headers") ==
        "Authorization, content-type, prefer, Accept, Accept-Language, Content-Language");
  CHECK(field(*answer, "Access-Control-Max-Age") == "86400");
  CHECK(field(*answer, "Vary").empty());
}

TEST_CASE("only OPTIONS of an allowed origin that names a method is a preflight request") {
  const auto is_preflight = [](http::verb method, Fields fields, const AllowedOrigins& allowed) {
    return answer_preflight(request(method, fields), allowed).has_value();
  };
  const Fields whole{{"Origin", "https://shop.example"}, {"Access-Control-Request-Method", "GET"}};
  CHECK(is_preflight(http::verb::options, whole, any));
  CHECK(is_preflight(http::verb::options, whole, shop));
  CHECK_FALSE(is_preflight(http::verb::get, whole, any));
  CHECK_FALSE(is_preflight(http::verb::options, {{"Origin", "https://shop.example"}}, any));
  CHECK_FALSE(is_preflight(http::verb::options, {{"Access-Control-Request-Method", "GET"}}, any));
  CHECK_FALSE(is_preflight(http::verb::options,
                           {{"Origin", "https://evil.example"}, {"Access-Control-Request-Method", "GET"}},
                           shop));
}

TEST_CASE("a page may read an answer where its origin is allowed") {
  const auto read_by = [](Fields fields, const AllowedOrigins& allowed) {
    Answer answer;
    allow_reading(answer, request(http::verb::get, fields), allowed);
    return answer;
  };
  const auto open = read_by({{"Origin", "http://example.com"}}, any);
  CHECK(field(open, "Access-Control-Allow-Origin") == "*");
  for (const auto* readable : {"Content-Range", "Shardplex-Missing-Shards", "Warning"})
    CHECK(field(open, "Access-Control-Expose-Headers").find(readable) != std::string::npos);
  CHECK(field(open, "Vary").empty());
  const auto same_origin = read_by({}, any);
  CHECK(same_origin.fields.begin() == same_origin.fields.end());

  const auto named = read_by({{"Origin", "https://SHOP.example"}}, shop);
  CHECK(field(named, "Access-Control-Allow-Origin") == "https://SHOP.example");
  CHECK(field(named, "Access-Control-Allow-Credentials") == "true");
  CHECK(field(named, "Vary") == "Origin");
  const auto refused = read_by({{"Origin", "https://shop.example.evil"}}, shop);
  CHECK(field(refused, "Access-Control-Allow-Origin").empty());
  CHECK(field(refused, "Vary") == "Origin");  // a cache must not give this answer to the shop
}

TEST_CASE(
    "of a head that could not be read the Origin counts where it has come, and else all where all may") {
  const auto read_by = [](std::string_view head, const AllowedOrigins& allowed) {
    Answer answer;
    allow_reading_unread(answer, head, allowed);
    return field(answer, "Access-Control-Allow-Origin");
  };
  CHECK(read_by("", any) == "*");
  CHECK(read_by("X: y\r\noRIGIN: \t https://shop.example \r\nZ: ", shop) == "https://shop.example");
  for (const auto* head : {"", "Origin: https://shop.example", "Origin: https://evil.example\r\n",
                           "X: Origin: https://shop.example\r\n", "Origin:\r\n", "Origin\r\n"})
    CHECK(read_by(head, shop).empty());
}
