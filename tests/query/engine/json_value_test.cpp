#include "query/engine/json_value.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "query/engine/row_json.hpp"
#include "query/engine/type_oids.hpp"

using namespace shardplex;

namespace {

/// The value as JSON; nullopt where the bytes are none of the type.
std::optional<std::string> json(JsonType type, std::string_view bytes) {
  std::string out;
  if (!append_json(out, type, bytes)) return std::nullopt;
  return out;
}

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)));
  return out;
}

constexpr JsonType integers{JsonKind::integer, true};

/// An array of int4 in one dimension, as array_send() writes it; nullopt is null.
std::string array_of(const std::vector<std::optional<std::int32_t>>& elements,
                     std::uint32_t type = int4_oid) {
  std::string out = big_endian(1, 4) + big_endian(1, 4) + big_endian(type, 4) +
                    big_endian(elements.size(), 4) + big_endian(1, 4);
  for (const auto& element : elements)
    out += element ? big_endian(4, 4) + big_endian(static_cast<std::uint32_t>(*element), 4)
                   : big_endian(0xFFFFFFFF, 4);
  return out;
}

}  // namespace

TEST_CASE("values of every length that an integer has, and of no other") {
  const JsonType integer{JsonKind::integer, false};
  CHECK(json(integer, big_endian(0x8000, 2)) == "-32768");
  CHECK(json(integer, big_endian(0x7FFFFFFF, 4)) == "2147483647");
  CHECK(json(integer, big_endian(1ULL << 63, 8)) == "-9223372036854775808");
  CHECK_FALSE(json(integer, ""));
  CHECK_FALSE(json(integer, "123"));
  CHECK_FALSE(json(integer, "123456789"));
}

TEST_CASE("what is too short, too long or no value is refused, and reads no byte that is not there") {
  CHECK_FALSE(json({JsonKind::boolean, false}, ""));
  CHECK_FALSE(json({JsonKind::boolean, false}, "tt"));
  CHECK_FALSE(json({JsonKind::uuid, false}, "123456789012345"));
  CHECK_FALSE(json({JsonKind::date, false}, "123"));
  CHECK_FALSE(json({JsonKind::timestamp, false}, "1234"));
  const std::string whole = array_of({1, std::nullopt, -3});
  CHECK(json(integers, whole) == "[1,null,-3]");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(json(integers, std::string_view(whole).substr(0, size)));
  }
  CHECK_FALSE(json(integers, whole + '\0'));
  CHECK_FALSE(json(integers, array_of({1}, text_oid)));
  CHECK_FALSE(json({JsonKind::floating, true}, whole));
}

TEST_CASE("a float is of four bytes or of eight") {
  const JsonType floating{JsonKind::floating, false};
  CHECK(json(floating, big_endian(0x3DCCCCCD, 4)) == "0.1");
  CHECK(json(floating, big_endian(0x3FB999999999999A, 8)) == "0.1");
  CHECK(json(floating, big_endian(0xFFF0000000000000, 8)) == "\"-Infinity\"");
  CHECK_FALSE(json(floating, ""));
  CHECK_FALSE(json(floating, "12"));
  CHECK_FALSE(json(floating, "123456789"));
}

TEST_CASE("JSON is its own text, and jsonb has the number of its format in front of it") {
  CHECK(json({JsonKind::json, false}, R"( {"a" :1} )") == R"( {"a" :1} )");
  const JsonType jsonb{JsonKind::jsonb, false};
  CHECK(json(jsonb, "\x01{\"a\": 1}") == R"({"a": 1})");
  CHECK_FALSE(json(jsonb, ""));
  CHECK_FALSE(json(jsonb, "\x01"));
  CHECK_FALSE(json(jsonb, "\x02{}"));
  CHECK_FALSE(json(jsonb, "{}"));
}

TEST_CASE("what the router does not write is asked for as JSON, and all else as it is") {
  CHECK(json_sql({}, "v") == "to_json(v)");
  for (const auto* name :
       {"bool", "int2", "numeric", "float4", "_float8", "bpchar", "_date", "json", "_jsonb"}) {
    CAPTURE(name);
    CHECK(json_sql(json_type("pg_catalog", name), "v") == "v");
  }
  for (const auto* name :
       {"timestamptz", "_timestamptz", "time", "interval", "bytea", "hstore", "char", "name"})
    CHECK(json_type("pg_catalog", name) == JsonType{});
}

TEST_CASE("an array that claims more elements or dimensions than it has is refused at once") {
  const std::string head = big_endian(0, 4) + big_endian(int4_oid, 4);
  const std::string many = big_endian(0x7FFFFFFF, 4) + big_endian(1, 4);
  CHECK_FALSE(json(integers, big_endian(1, 4) + head + many));
  CHECK_FALSE(json(integers, big_endian(6, 4) + head + many + many + many + many + many + many));
  CHECK_FALSE(json(integers, big_endian(7, 4) + head + many + many + many + many + many + many + many));
  CHECK_FALSE(json(integers, big_endian(0xFFFFFFFF, 4) + head));
  const std::string none = big_endian(0, 4) + big_endian(1, 4);
  CHECK_FALSE(json(integers, big_endian(2, 4) + head + many + none));
}

TEST_CASE("a text that gets longer than it may is given up, however few bytes it is made of") {
  // 10^131068 as numeric_send() writes it: one digit, and its weight.
  const std::string numeric = big_endian(1, 2) + big_endian(0x7FFF, 2) + big_endian(0, 4) + big_endian(1, 2);
  constexpr std::size_t digits = 131'069, many = 1'000;
  std::string array = big_endian(1, 4) + big_endian(0, 4) + big_endian(numeric_oid, 4) + big_endian(many, 4) +
                      big_endian(1, 4);
  for (std::size_t i = 0; i < many; ++i) array += big_endian(numeric.size(), 4) + numeric;
  std::string out;
  CHECK_FALSE(append_json(out, {JsonKind::numeric, true}, array, 5 * digits));
  CHECK(out.size() < 7 * digits);

  RowJson row;
  for (std::size_t i = 0; i < 20; ++i) row.add("n", {JsonKind::numeric, false});
  const auto value = [&](std::size_t) -> std::optional<std::string_view> { return numeric; };
  std::string part, whole;
  CHECK_FALSE(row.append(part, value, nullptr, 5 * digits));
  CHECK(part.size() < 7 * digits);
  CHECK(row.append(whole, value, nullptr, 21 * digits));
  CHECK(whole.size() == 20 * (digits + 5) + 1);
}

TEST_CASE("the type of a result's column decides whether it can be read") {
  CHECK(holds_json_of({JsonKind::integer, false}, int2_oid));
  CHECK_FALSE(holds_json_of({JsonKind::integer, false}, int4_array_oid));
  CHECK_FALSE(holds_json_of({JsonKind::integer, true}, int4_oid));
  CHECK_FALSE(holds_json_of({JsonKind::text, false}, json_oid));
  CHECK_FALSE(holds_json_of({JsonKind::timestamp, false}, timestamptz_oid));
  CHECK_FALSE(holds_json_of({JsonKind::numeric, false}, float8_oid));
  CHECK_FALSE(holds_json_of({JsonKind::floating, false}, numeric_oid));
  CHECK_FALSE(holds_json_of({JsonKind::json, false}, jsonb_oid));
  CHECK_FALSE(holds_json_of({JsonKind::jsonb, false}, json_oid));
  CHECK(holds_json_of({}, json_oid));
  CHECK_FALSE(holds_json_of({}, text_oid));
  CHECK(json_type("pg_catalog", "int8") == JsonType{JsonKind::integer, false});
  CHECK(json_type("public", "int8") == JsonType{});
  CHECK(json_type("pg_catalog", "timestamptz") == JsonType{});
}

TEST_CASE("an instant is written where it is shown in UTC, and is PostgreSQL's to write in any other zone") {
  CHECK(json_type("pg_catalog", "timestamptz") == JsonType{});
  CHECK(json_type("pg_catalog", "_timestamptz", false) == JsonType{});
  const auto instant = json_type("pg_catalog", "timestamptz", true);
  CHECK(instant == JsonType{JsonKind::instant, false});
  CHECK(json_type("pg_catalog", "_timestamptz", true) == JsonType{JsonKind::instant, true});
  CHECK(json_type("pg_catalog", "time", true) == JsonType{});
  CHECK(json_sql(instant, "v") == "v");
  CHECK(holds_json_of(instant, timestamptz_oid));
  CHECK_FALSE(holds_json_of(instant, timestamp_oid));
  CHECK(json(instant, big_endian(0, 8)) == "\"2000-01-01T00:00:00+00:00\"");
  CHECK(json(instant, big_endian(1'500'000, 8)) == "\"2000-01-01T00:00:01.5+00:00\"");
  CHECK(json(instant, big_endian(0x7FFFFFFFFFFFFFFF, 8)) == "\"infinity\"");
  CHECK(json({JsonKind::timestamp, false}, big_endian(0, 8)) == "\"2000-01-01T00:00:00\"");
  CHECK_FALSE(json(instant, "1234"));
}

TEST_CASE("a row is one object, its names cut and escaped as PostgreSQL does") {
  RowJson row;
  row.add("a\"b", {JsonKind::text, false});
  row.add(std::string(62, 'x') + "ü", {JsonKind::json, false});  // its last character would be cut in half
  std::string out;
  const auto value = [](std::size_t column) -> std::optional<std::string_view> {
    if (column == 0) return "\x01\n";
    return std::nullopt;
  };
  CHECK(row.append(out, value));
  CHECK(out == R"({"a\"b":"\u0001\n",")" + std::string(62, 'x') + R"(":null})");
  std::string empty;
  CHECK(RowJson().append(empty, value));
  CHECK(empty == "{}");
}
