#include "tests/oracle/columns.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace shardplex::oracle {
namespace {

using integration::Kind;
using integration::Random;
using integration::SampleColumn;

/// Beside those of the sample tables.
std::vector<SampleColumn> more_columns() {
  std::vector<SampleColumn> columns{
      {"shade", "shade", Kind::enumeration, {"dark", "light", "Darker still"}},
      {"brief", "brief", Kind::text, {"a", "B", "", "é", "O'Neil", "100%"}},
      {"positive", "positive", Kind::number, {"1", "5", "5", "2147483647"}},
      {"amount", "amount", Kind::number, {"0.00", "1.10", "1.10", "-5.25", "99999.99"}},
      {"wanted", "wanted", Kind::text, {"x", "X", "xy"}, 0},
      {"address", "inet", Kind::other, {"10.0.0.1", "10.0.0.0/8", "::1", "192.168.0.1/24"}},
      {"network", "cidr", Kind::other, {"10.0.0.0/8", "192.168.0.0/24", "::/0"}},
      {"card", "macaddr", Kind::other, {"08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"}},
      {"bits", "bit varying(8)", Kind::other, {"", "0", "101", "11111111"}},
      {"far", "int8range", Kind::range, {"empty", "[1,5)", "(,9223372036854775807)", "[3,3]"}},
      {"span", "numrange", Kind::range, {"empty", "[1.0,2.50)", "(,)", "[0,0]"}},
      {"stay", "daterange", Kind::range, {"empty", "[2024-02-29,2024-03-01]", "(,infinity)"}},
      {"shift",
       "tstzrange",
       Kind::range,
       {"empty", "[2024-02-29 12:00:00+02,2024-02-29 12:00:00+00]", "(,)"}},
      {"holes", "int4multirange", Kind::range, {"{}", "{[1,3),[5,7)}", "{(,0)}"}},
      {"moods", "mood[]", Kind::array, {"{}", "{alpha,zero}", "{\"odd, \\\"quoted\\\"\",NULL}"}},
      {"briefs", "brief[]", Kind::array, {"{}", "{a,\"\",NULL}", "{é}"}},
      {"instants", "timestamptz[]", Kind::array, {"{}", "{\"2024-02-29 12:34:56.789+00\",infinity,NULL}"}},
      {"amounts", "numeric[]", Kind::array, {"{}", "{1.0,1.00,NULL}", "{NaN,Infinity}"}},
  };
  for (auto& column : columns)
    if (column.kind == Kind::array) column.groups_one_way = false;
  return columns;
}

using Values = std::vector<std::string>;

Values numbers_and(std::size_t count, const Values& odd) {
  Values values;
  for (std::size_t number = 1; values.size() < count; ++number) {
    values.push_back(std::to_string(number));
    if (number - 1 < odd.size() && values.size() < count) values.push_back(odd[number - 1]);
  }
  return values;
}

/// Odd texts and others, at most `longest` bytes each.
Values texts_and(std::size_t count, std::size_t longest) {
  Values odd;
  for (const auto& text : integration::sample_texts())
    if (text.size() <= longest) odd.push_back(text);
  Values values;
  for (std::size_t number = 1; values.size() < count; ++number) {
    values.push_back("k" + std::to_string(number));
    if (number - 1 < odd.size() && values.size() < count) values.push_back(odd[number - 1]);
  }
  return values;
}

template <class Write>
Values made(std::size_t count, const Write& write) {
  Values values;
  for (unsigned number = 0; values.size() < count; ++number) values.push_back(write(number));
  return values;
}

std::string uuid_of(unsigned number) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%08x-0000-4000-8000-%012x", number * 2654435761U, number);
  return text.data();
}

/// Of the 28 first days of a month.
std::string date_of(unsigned number) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04u-%02u-%02u", 1900 + number / 336, 1 + number / 28 % 12,
                1 + number % 28);
  return text.data();
}

std::string code_of(unsigned number) {
  return "k" + std::to_string(number);
}

}  // namespace

std::string create_types() {
  return integration::create_sample_types() +
         ";\n"
         "CREATE TYPE public.shade AS ENUM ('light', 'dark', 'Darker still', 'never');\n"
         "CREATE DOMAIN public.brief AS text CHECK (length(VALUE) < 10);\n"
         "CREATE DOMAIN public.wanted AS varchar(5) NOT NULL;\n"
         "CREATE DOMAIN public.positive AS integer CHECK (VALUE > 0);\n"
         "CREATE DOMAIN public.amount AS numeric(12,2);\n"
         "CREATE DOMAIN public.big_key AS bigint;\n"
         "CREATE DOMAIN public.text_key AS text CHECK (VALUE <> 'nobody has it');\n";
}

const std::vector<SampleColumn>& all_columns() {
  static const std::vector<SampleColumn> columns = [] {
    std::vector<SampleColumn> all;
    for (const auto& column : integration::sample_movies().columns)
      if (!column.distinct) all.push_back(column);
    for (auto& column : more_columns()) all.push_back(std::move(column));
    return all;
  }();
  return columns;
}

SampleColumn any_key(const std::string& name, std::size_t count, Random& random) {
  constexpr std::size_t all_texts = 1'000, short_texts = 20;
  const Values greatest{"0", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808"};
  const std::vector<SampleColumn> kinds{
      {name, "bigint", Kind::number, numbers_and(count, greatest)},
      {name, "integer", Kind::number, numbers_and(count, {"0", "-1", "2147483647", "-2147483648"})},
      {name, "text", Kind::text, texts_and(count, all_texts)},
      {name, "uuid", Kind::uuid, made(count, uuid_of)},
      {name, "smallint", Kind::number, numbers_and(count, {"0", "-1", "32767", "-32768"})},
      {name, "character varying(20)", Kind::text, texts_and(count, short_texts)},
      {name, "character(6)", Kind::text, made(count, code_of)},
      {name, "date", Kind::moment, made(count, date_of)},
      {name, "big_key", Kind::number, numbers_and(count, greatest)},
      {name, "text_key", Kind::text, texts_and(count, all_texts)},
      {name, "numeric", Kind::number, numbers_and(count, {"0.5", "-1.25", "12345678901234567890.5"})},
      {name, "numeric(12,2)", Kind::number, numbers_and(count, {"0.50", "-1.25", "9999999999.99"})},
      {name, "boolean", Kind::boolean, {"true", "false"}},
  };
  auto key = integration::pick(random, kinds);
  key.nulls = 0;
  return key;
}

}  // namespace shardplex::oracle
