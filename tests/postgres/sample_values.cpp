#include "tests/postgres/sample_values.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "query/plan/sql.hpp"

namespace shardplex::test {
namespace {

const std::vector<TypeName> types = {
    {"boolean", "bool"},
    {"smallint", "int2"},
    {"integer", "int4"},
    {"bigint", "int8"},
    {"numeric", "numeric"},
    {"real", "float4"},
    {"float8", "float8"},
    {"text", "text"},
    {"varchar", "varchar"},
    {"char(7)", "bpchar"},
    {"uuid", "uuid"},
    {"date", "date"},
    {"timestamp", "timestamp"},
    {"timestamptz", "timestamptz"},
    {"time", "time"},
    {"interval", "interval"},
    {"bytea", "bytea"},
    {"json", "json"},
    {"jsonb", "jsonb"},
    {"boolean[]", "_bool"},
    {"smallint[]", "_int2"},
    {"integer[]", "_int4"},
    {"bigint[]", "_int8"},
    {"text[]", "_text"},
    {"varchar[]", "_varchar"},
    {"uuid[]", "_uuid"},
    {"numeric[]", "_numeric"},
    {"date[]", "_date"},
    {"real[]", "_float4"},
    {"float8[]", "_float8"},
    {"char(7)[]", "_bpchar"},
    {"timestamp[]", "_timestamp"},
    {"json[]", "_json"},
    {"jsonb[]", "_jsonb"},
    {"timestamptz[]", "_timestamptz"},
    {"int4range", "int4range"},
    {"point", "point"},
};

const std::vector<std::string> odd_integers = {"0", "1", "-1", "9", "10", "-32768", "32767"};
const std::vector<std::string> odd_texts = {"",
                                            "NULL",
                                            "null",
                                            "{}",
                                            "a\"b",
                                            "back\\slash",
                                            "/",
                                            "\x7f",
                                            "ü",
                                            "\xe2\x80\xa8",
                                            "\xf0\x9f\x8e\xac",
                                            "\xef\xbf\xbd",
                                            "tab\t",
                                            "line\n\r",
                                            "\b\f\v",
                                            "  spaces ",
                                            "\x01\x1f",
                                            "</script>"};

/// Values of the type as text, odd ones first.
std::vector<std::string> odd_values(const std::string& type) {
  if (type == "bool") return {"t", "f"};
  if (type == "int2") return odd_integers;
  if (type == "int4") return {"-2147483648", "2147483647", "0", "-1", "100"};
  if (type == "int8") return {"-9223372036854775808", "9223372036854775807", "0", "-1", "10000000000"};
  if (type == "numeric")
    return {"NaN", "Infinity", "-Infinity", "0",        "-0",
            "0.0", "1.10",     "-1e-20",    "1e131071", "123456789.000001000",
            "0.5", "-0.0001",  "0.00010",   "1e-16383", "9999.9999",
            "1e4", "10000.0",  "99999999",  "-1e20"};
  if (type == "float4")
    return {"NaN",   "Infinity", "-Infinity", "0",     "-0",           "1e38",   "1.17549435e-38",
            "0.1",   "16777216", "3e10",      "1e-45", "3.4028235e38", "999999", "1000000",
            "1e-04", "1e-05",    "-1.5"};
  if (type == "float8")
    return {"NaN",
            "Infinity",
            "-Infinity",
            "0",
            "-0",
            "1e308",
            "5e-324",
            "0.1",
            "1e15",
            "1e16",
            "123456.789",
            "1e23",
            "1e-4",
            "1e-5",
            "1e14",
            "999999999999999",
            "9007199254740993",
            "2.2250738585072014e-308",
            "-1.5"};
  if (type == "text" || type == "varchar" || type == "bpchar") {
    auto texts = odd_texts;
    if (type == "bpchar") std::erase_if(texts, [](const auto& text) { return text.size() > 7; });
    return texts;
  }
  if (type == "uuid") return {"00000000-0000-0000-0000-000000000000", "{ABCDEF0123456789abcdef0123456789}"};
  if (type == "date")
    return {"infinity",   "-infinity",  "4713-11-24 BC", "0001-12-31 BC", "0001-01-01", "1900-02-28",
            "1900-03-01", "2000-02-29", "1999-12-31",    "5874897-12-31", "9999-12-31", "10000-01-01"};
  if (type == "timestamp" || type == "timestamptz")
    return {"infinity",
            "-infinity",
            "4713-11-25 00:00:00 BC",
            "0001-12-31 23:59:59.999999 BC",
            "1999-12-31 23:59:59.999999",
            "2000-01-01",
            "2000-02-29 12:00:00.5",
            "294276-12-31 23:59:59.999999",
            "1969-07-20 20:17:40.000001"};
  if (type == "time") return {"00:00", "24:00", "23:59:59.999999"};
  if (type == "interval") return {"0", "-1 year", "1 mon 2 days 03:04:05.06"};
  if (type == "bytea") return {"", "\\x00ff"};
  if (type == "json" || type == "jsonb") return {"null", " { \"a\" : [1, 2.50] } ", "\"\\u00e9\"", "[]"};
  if (type == "_bool") return {"{}", "{t,NULL,f}", "{{t},{f}}"};
  if (type == "_int2" || type == "_int4" || type == "_int8")
    return {"{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "{{{1},{2}},{{NULL},{4}}}", "[0:1]={5,6}"};
  if (type == "_text" || type == "_varchar")
    return {"{}", "{NULL,\"NULL\",\"\"}", "{{a,\"b\\\"c\"},{\"\\\\\",ü}}", "[5:5]={x}"};
  if (type == "_uuid") return {"{}", "{00000000-0000-0000-0000-000000000001,NULL}"};
  if (type == "_numeric") return {"{}", "{1.10,NaN,NULL}"};
  if (type == "_date") return {"{}", "{2000-01-01,infinity}", "{{0044-03-15 BC},{NULL}}"};
  if (type == "_float4" || type == "_float8") return {"{}", "{1.5,NaN,NULL,-0,-Infinity}", "{{0.1},{1e-07}}"};
  if (type == "_bpchar") return {"{}", "{a,\" b\",\"\",NULL}"};
  if (type == "_timestamp" || type == "_timestamptz")
    return {"{}", "{2000-01-01,infinity,NULL,\"0044-03-15 12:00:00.5 BC\"}"};
  if (type == "_json" || type == "_jsonb")
    return {"{}", R"({"null",NULL," {\"a\" : [1, 2.50]} ","\"\\u00e9\""})", R"({{1},{"[]"}})"};
  if (type == "int4range") return {"empty", "[1,5)"};
  return {"(1,2)"};
}

std::string quoted(const std::string& text) {
  return quote_literal(text);
}

/// The text of a float, which is read as it and as no other.
template <class Float>
std::string float_text(Float value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::array<char, 40> text;
  std::snprintf(text.data(), text.size(), "%.*g", std::numeric_limits<Float>::max_digits10,
                static_cast<double>(value));
  return text.data();
}

/// Any bits at all.
template <class Float, class Bits>
std::string any_float(std::mt19937_64& random) {
  return float_text(std::bit_cast<Float>(static_cast<Bits>(random())));
}

/// A float between which and one of its neighbours the middle is a decimal of few digits: an odd multiple of
/// a power of ten.
template <class Float>
std::string beside_a_short_middle(std::mt19937_64& random) {
  constexpr int digits = std::numeric_limits<Float>::digits;
  const auto most_fives = static_cast<std::uint64_t>(digits * 0.43);  // log(2) / log(5)
  const auto fives = static_cast<int>(1 + random() % most_fives);
  const auto power = static_cast<std::uint64_t>(std::llround(std::pow(5.0, fives)));
  const std::uint64_t least = std::uint64_t{1} << digits;  // one bit more than the float has
  const std::uint64_t odd = ((least + random() % least) / power) | 1;
  const auto middle = odd * power;
  const auto beside = random() % 2 == 0 ? middle - 1 : middle + 1;
  const auto further = static_cast<int>(random() % 4);
  return float_text(static_cast<Float>(std::ldexp(static_cast<double>(beside), fives + further)));
}

template <class Float, class Bits>
std::string random_float(std::mt19937_64& random) {
  return random() % 2 == 0 ? any_float<Float, Bits>(random) : beside_a_short_middle<Float>(random);
}

/// SQL for a random value of the type.
std::string random_value(const std::string& type, std::mt19937_64& random) {
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  const auto scaled = [&] { return std::to_string(static_cast<std::int64_t>(random()) >> below(63)); };
  if (type == "bool") return below(2) == 0 ? "true" : "false";
  if (type == "int2") return "(" + std::to_string(static_cast<std::int16_t>(random())) + ")::int2";
  if (type == "int4")
    return "(" + std::to_string(static_cast<std::int32_t>(random()) >> below(31)) + ")::int4";
  if (type == "int8") return quoted(scaled()) + "::int8";
  if (type == "numeric") return "(" + scaled() + "::numeric / 10^" + std::to_string(below(20)) + ")::numeric";
  if (type == "float4" && below(2) == 0)
    return quoted(random_float<float, std::uint32_t>(random)) + "::float4";
  if (type == "float8" && below(2) == 0)
    return quoted(random_float<double, std::uint64_t>(random)) + "::float8";
  if (type == "float4" || type == "float8")
    return "(" + scaled() + "::float8 * 10::float8 ^ " + std::to_string(below(type == "float4" ? 40 : 70)) +
           " / 1e35)::" + type;
  if (type == "date") return "('2000-01-01'::date + (" + std::to_string(below(4'000'000)) + " - 2400000))";
  if (type == "timestamp")
    return "('2000-01-01'::timestamp + (" + std::to_string(below(1ULL << 62)) +
           " - 2e17) * '1 microsecond'::interval)";
  if (type == "timestamptz")
    return "('2000-01-01 00:00:00+00'::timestamptz + (" + std::to_string(below(1ULL << 62)) +
           " - 2e17) * '1 microsecond'::interval)";
  if (type == "text" || type == "varchar") {
    std::string text;
    for (auto length = below(12); length > 0; --length) text += odd_texts[below(odd_texts.size())];
    return quoted(text) + "::" + type;
  }
  if (type == "uuid") return "gen_random_uuid()";
  return "NULL";
}

}  // namespace

const std::vector<TypeName>& sample_types() {
  return types;
}

SampleValues sample_values(const TypeName& type, std::mt19937_64& random) {
  SampleValues sample;
  for (const auto& value : odd_values(type.catalogue))
    sample.values.push_back(quoted(value) + "::" + type.sql);
  constexpr int random_values = 200;
  for (int i = 0; i < random_values; ++i) sample.values.push_back(random_value(type.catalogue, random));
  std::string rows;
  for (const auto& value : sample.values) rows += (rows.empty() ? "(" : ", (") + value + ")";
  sample.rows_sql = "(SELECT v::" + type.sql + " FROM (VALUES " + rows + ") r (v)) r (v)";
  return sample;
}

std::uint64_t sample_seed() {
  const char* given = std::getenv("SHARDPLEX_TEST_SEED");
  return given ? std::stoull(given) : std::random_device()();
}

}  // namespace shardplex::test
