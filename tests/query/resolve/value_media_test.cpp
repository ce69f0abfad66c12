#include "query/resolve/value_media.hpp"

#include <doctest/doctest.h>

#include <string>

#include "query/grammar/parse.hpp"
#include "tests/query/functions.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Function of_domain(const std::string& name, const std::string& base) {
  Function f = function("f");
  Column& value = f.columns.front();
  value.type = '"' + name + '"';
  value.type_name = name;
  value.type_schema = "public";
  value.base_type_name = base;
  value.base_type_schema = "pg_catalog";
  return f;
}

std::string media(const Function& f, const std::string& query = "") {
  return value_media(f, parse_query("f", query, {}).value());
}

}  // namespace

TEST_CASE("a value is of the media type that its domain is called") {
  CHECK(media(of_domain("text/plain", "text")) == "text/plain");
  CHECK(media(of_domain("Image/PNG", "bytea")) == "image/png");
  CHECK(media(of_domain("*/*", "bytea")) == "*/*");
  CHECK(media(of_domain("color", "integer")) == "");
  CHECK(media(of_domain("text/plain; x", "text")) == "");
  CHECK(media(function("f")) == "");
}

TEST_CASE("a type that is no domain is of no media type, whatever it is called") {
  CHECK(media(of_domain("text/plain", "")) == "");
}

TEST_CASE("sets, rows and nothing are of no media type") {
  auto set = of_domain("text/plain", "text");
  set.returns_set = true;
  CHECK(media(set) == "");
  CHECK(media(returning(function("f"), genres())) == "");
  Function nothing = function("f");
  nothing.returns = Function::Returns::nothing;
  nothing.columns.clear();
  CHECK(media(nothing) == "");
}

TEST_CASE("a value that is selected in another way than whole is of no media type") {
  const auto f = of_domain("text/plain", "text");
  CHECK(media(f, "select=*") == "text/plain");
  CHECK(media(f, "pgrst_scalar=eq.x&limit=1") == "text/plain");
  CHECK(media(f, "select=pgrst_scalar") == "");
  CHECK(media(f, "select=pgrst_scalar::text") == "");
  CHECK(media(f, "select=*,pgrst_scalar") == "");
  CHECK(media(f, "select=other(*)") == "");
}

TEST_CASE("bytes are those of bytea and of domains of it") {
  CHECK(is_of_bytes(column("c", "bytea", "bytea")));
  CHECK_FALSE(is_of_bytes(column("c", "text", "text")));
  CHECK(is_of_bytes(of_domain("image/png", "bytea").columns.front()));
  CHECK_FALSE(is_of_bytes(of_domain("bytea", "text").columns.front()));
  auto others = column("c", "other.bytea", "bytea");
  others.type_schema = "other";
  CHECK_FALSE(is_of_bytes(others));
}
