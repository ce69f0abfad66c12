#include "query/grammar/call_arguments.hpp"

#include <doctest/doctest.h>

using namespace shardplex;

namespace {

using Names = std::vector<std::string>;

Result<CallArguments> read(std::string_view type, std::string_view body, const Names& watched = {}) {
  return read_call_body(type, body, std::nullopt, watched);
}

std::string value_in(const Result<CallArguments>& call, const std::string& name, const Names& watched = {}) {
  const std::string* value = call.value().value(name, watched);
  return value ? *value : "none";
}

}  // namespace

TEST_CASE("a JSON body names its arguments, and tells the value that is watched") {
  const auto call = read("application/json; charset=utf-8", R"({"a":1,"b":[2],"c":null,"a":"3"})", {"a"});
  CHECK(call.value().names == Names{"a", "b", "c"});
  CHECK(value_in(call, "a", {"a"}) == "3");
  CHECK(value_in(read("", R"({"b":[2]})", {"b"}), "b", {"b"}) == "none");
  CHECK(value_in(read("", R"({"b":null})", {"b"}), "b", {"b"}) == "none");
  CHECK(value_in(read("", "{}", {"b"}), "b", {"b"}) == "none");
  CHECK(read("application/json", "").value().names.empty());
  CHECK(read("application/json", "[]").value().names.empty());
  const auto array = read("application/json", R"([{"a":1},{"a":2}])", {"a"});
  CHECK(array.value().is_array);
  CHECK(value_in(array, "a", {"a"}) == "1");
  for (const char* bad : {"{", "1", "[1]", R"([{"a":1},{"b":2}])"}) {
    CAPTURE(bad);
    CHECK(read("application/json", bad).error().code == "PGRST102");
  }
  const auto chosen = read_call_body("", R"({"a":1,"b":2})", Names{"b"}, {});
  CHECK(chosen.value().names == Names{"b"});
}

TEST_CASE("a form gives texts, as the URL does") {
  const auto call = read("application/x-www-form-urlencoded", "v=1&v=2&t=a%20b+c&e=");
  CHECK(call.value().names == Names{"v", "t", "e"});
  CHECK(call.value().given.size() == 4);
  CHECK(value_in(call, "v") == "2");
  CHECK(value_in(call, "t") == "a b c");
  CHECK(value_in(call, "e").empty());
  CHECK(read("application/x-www-form-urlencoded", "v=%zz").error().code == "PGRST102");
  const auto url = arguments_of({{"v", "1"}, {"v", "2"}, {"w", "x"}});
  CHECK(url.names == Names{"v", "w"});
  CHECK(*url.value("v", {}) == "2");
  CHECK(url.value("z", {}) == nullptr);
}

TEST_CASE("a form has so many parameters and no more, whatever they are called") {
  constexpr std::string_view type = "application/x-www-form-urlencoded";
  std::string body;
  for (int i = 0; i < 10'000; ++i) body += 'n' + std::to_string(i) + "=&";
  CHECK(read(type, body).value().names.size() == 10'000);
  const auto refused = read(type, body + "v=1").error();
  CHECK(refused.code == "SHARD400");
  CHECK(http_status(refused) == 413);
  // As many as a body has room for are refused as soon as they are too many.
  std::string longest;
  while (longest.size() < 1'000'000) longest += std::to_string(longest.size()) + '&';
  CHECK(read(type, longest).error().code == "SHARD400");
}

TEST_CASE("any other body is one value, of the types that functions take") {
  CHECK(read("text/plain", "{").value().body == "{");
  CHECK(read("text/xml", "<a/>").value().content == MediaKind::xml);
  CHECK(read("application/octet-stream", std::string_view("\0\xff", 2)).value().body == "\\x00ff");
  CHECK(read("text/plain", "x").value().names.empty());
  const auto refused = read("image/png", "x").error();
  CHECK(refused.code == "PGRST102");
  CHECK(refused.message == "Content-Type not acceptable: image/png");
}
