#include "query/openapi/value_kind.hpp"

#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>
#include <initializer_list>

#include "query/openapi/openapi_3.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Column domain_of(Column c, std::string base) {
  c.type_schema = "public";
  c.base_type_name = std::move(base);
  c.base_type_schema = "pg_catalog";
  return c;
}

Column of_extension(std::string type, std::string type_name) {
  Column c = column("a", std::move(type), std::move(type_name));
  c.type_schema = "public";
  return c;
}

std::string schema_of(const Column& c) {
  return boost::json::serialize(openapi::schema_3(c));
}

}  // namespace

TEST_CASE("the JSON of each type is that which to_json() makes of it") {
  struct Row {
    Column column;
    ValueKind kind;
  };
  for (const auto& [column, kind] : std::initializer_list<Row>{
           {column("a", "boolean", "bool"), {"boolean", "", false, {}}},
           {column("a", "smallint", "int2"), {"integer", "int16", false, {}}},
           {column("a", "integer", "int4"), {"integer", "int32", false, {}}},
           {column("a", "bigint", "int8"), {"integer", "int64", false, {}}},
           {column("a", "numeric(3,1)", "numeric"), {"number", "", false, {}}},
           {column("a", "real", "float4"), {"number", "float", false, {}}},
           {column("a", "double precision", "float8"), {"number", "double", false, {}}},
           {column("a", "text", "text"), {"string", "", false, {}}},
           {column("a", "character varying", "varchar"), {"string", "", false, {}}},
           {column("a", "character varying(20)", "varchar"), {"string", "", false, 20}},
           {column("a", "character(3)", "bpchar"), {"string", "", false, 3}},
           {column("a", "uuid", "uuid"), {"string", "uuid", false, {}}},
           {column("a", "date", "date"), {"string", "date", false, {}}},
           {column("a", "timestamp with time zone", "timestamptz"), {"string", "date-time", false, {}}},
           {column("a", "timestamp without time zone", "timestamp"),
            {"string", "date-time-local", false, {}}},
           {column("a", "json", "json"), {"", "", false, {}}},
           {column("a", "jsonb", "jsonb"), {"", "", false, {}}},
           {column("a", "bytea", "bytea"), {"string", "", false, {}}},
           {column("a", "interval", "interval"), {"string", "", false, {}}},
           {column("a", "oid", "oid"), {"string", "", false, {}}},
           {column("a", "money", "money"), {"string", "", false, {}}},
           {column("a", "int4range", "int4range"), {"string", "", false, {}}},
           {column("a", "text[]", "_text"), {"string", "", true, {}}},
           {column("a", "character varying(5)[]", "_varchar"), {"string", "", true, 5}},
           {column("a", "bigint[]", "_int8"), {"integer", "int64", true, {}}},
           {rating_enum("a"), {"string", "", false, {}}},
           {domain_of(column("a", "score", "score"), "numeric"), {"number", "", false, {}}},
           {domain_of(column("a", "tags", "tags"), "_text"), {"string", "", true, {}}},
           {of_extension("citext", "citext"), {"string", "", false, {}}},
           {of_extension("citext[]", "_citext"), {"string", "", true, {}}},
           {of_extension("hstore", "hstore"), {"", "", false, {}}},
           {of_extension("mpaa[]", "_mpaa"), {"", "", true, {}}},
           {of_extension("text", "text"), {"", "", false, {}}},
       }) {
    CAPTURE(column.type);
    CHECK(value_kind(column) == kind);
  }
}

TEST_CASE("what a function makes of a domain's values is any JSON") {
  Column column;
  column.name = column.type = column.type_name = "colour";
  column.type_schema = "public";
  column.base_type_name = "int4";
  column.base_type_schema = "pg_catalog";
  CHECK(value_kind(column).type == "integer");
  column.representations.to_json = "public.shown";
  CHECK(value_kind(column) == ValueKind{"", "", false, std::nullopt});
}

TEST_CASE("what may be null has it among its types, and among the labels of an enum") {
  CHECK(schema_of(not_null(column("a", "bigint", "int8"))) ==
        R"({"type":"integer","format":"int64","x-postgresql-type":"bigint"})");
  CHECK(schema_of(column("a", "bigint", "int8")) ==
        R"({"type":["integer","null"],"format":"int64","x-postgresql-type":"bigint"})");
  CHECK(schema_of(not_null(rating_enum("a"))) ==
        R"({"type":"string","enum":["G","PG","R"],"x-postgresql-type":"mpaa"})");
  CHECK(schema_of(rating_enum("a")) ==
        R"({"type":["string","null"],"enum":["G","PG","R",null],"x-postgresql-type":"mpaa"})");
  CHECK(schema_of(column("a", "text[]", "_text")) ==
        R"({"type":["array","null"],"items":{"type":"string"},"x-postgresql-type":"text[]"})");
  CHECK(schema_of(column("a", "jsonb", "jsonb")) == R"({"x-postgresql-type":"jsonb"})");
}
