#include "router/services/movies/request_settings.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <utility>

using namespace shardplex;
using namespace shardplex::router;

namespace {

RequestSettings settings_of(http::verb method, const std::string& target,
                            std::initializer_list<std::pair<const char*, const char*>> fields) {
  Request request(method, target, 11);
  for (const auto& [name, value] : fields) request.insert(name, value);
  return *request_settings(Call(std::move(request)));
}

}  // namespace

TEST_CASE("a function can ask for its request's method, path, headers and cookies") {
  const auto settings = settings_of(
      http::verb::post, "/rpc/f%20g?a=1",
      {{"Custom-Header", "te\"st"}, {"Authorization", "Bearer x"}, {"Cookie", "a=1; b=x=y;c; ;a=2"}});
  CHECK(settings.method == "POST");
  CHECK(settings.path == "/rpc/f%20g");
  CHECK(settings.headers == R"({"custom-header":"te\"st","authorization":"Bearer x"})");
  CHECK(settings.cookies == R"({"a":"2","b":"x=y","c":""})");
  CHECK(settings_of(http::verb::get, "http://x/rpc/f", {}) == RequestSettings{"GET", "/rpc/f", "{}", "{}"});
}

TEST_CASE("of several headers of one name the last counts, and what is no UTF-8 is replaced") {
  const auto settings = settings_of(http::verb::get, "/rpc/f", {{"X", "a"}, {"x", "b\xFF"}});
  CHECK(settings.headers == "{\"x\":\"b\xEF\xBF\xBD\"}");
}
