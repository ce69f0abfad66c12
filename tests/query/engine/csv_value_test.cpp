#include "query/engine/csv_value.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/engine/row_text.hpp"
#include "query/engine/type_oids.hpp"

using namespace shardplex;

namespace {

constexpr JsonType boolean{JsonKind::boolean, false}, integer{JsonKind::integer, false},
    number{JsonKind::numeric, false}, text{JsonKind::text, false}, uuid{JsonKind::uuid, false},
    date{JsonKind::date, false}, other{JsonKind::other, false}, texts{JsonKind::text, true};

/// The value as a field; nullopt where the bytes are none of the type.
std::optional<std::string> field(JsonType type, std::string_view bytes) {
  std::string out;
  if (!append_csv(out, type, bytes)) return std::nullopt;
  return out;
}

std::string bytes_of(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}

}  // namespace

TEST_CASE("a text is quoted where PostgreSQL quotes it in a row") {
  const std::pair<std::string, std::string> rows[] = {
      {"", "\"\""},
      {"plain", "plain"},
      {"ünïcode \xf0\x9f\x8e\xac", "\"ünïcode \xf0\x9f\x8e\xac\""},
      {"ü", "ü"},
      {"\xc2\xa0", "\xc2\xa0"},
      {"NULL", "NULL"},
      {"a,b", "\"a,b\""},
      {"a;b", "a;b"},
      {"a\"b", "\"a\"\"b\""},
      {"\"", "\"\"\"\""},
      {"\\", "\"\\\\\""},
      {"two\nlines\r\n", "\"two\nlines\r\n\""},
      {"tab\t", "\"tab\t\""},
      {"\v\f", "\"\v\f\""},
      {"(x)", "\"(x)\""},
      {"[x]{y}", "[x]{y}"},
      {"'", "'"},
      {"\x01\x7f", "\x01\x7f"},
  };
  for (const auto& [value, written] : rows) {
    CAPTURE(value);
    CHECK(field(text, value) == written);
  }
}

TEST_CASE("values that the router writes itself are as PostgreSQL prints them") {
  CHECK(field(boolean, bytes_of({1})) == "t");
  CHECK(field(boolean, bytes_of({0})) == "f");
  CHECK(field(integer, bytes_of({0xFF, 0xFE})) == "-2");
  CHECK(field(integer, bytes_of({0, 0, 1, 0})) == "256");
  CHECK(field(number, "NaN") == "NaN");
  CHECK(field(number, "-1.50") == "-1.50");
  CHECK(field({JsonKind::floating, false}, "1e+20") == "1e+20");
  CHECK(field(uuid, std::string(16, '\0')) == "00000000-0000-0000-0000-000000000000");
}

TEST_CASE("any other value comes as a row of its own, as text, and loses its parentheses") {
  CHECK(csv_sql(other, "v") == "ROW(v)::text");
  CHECK(csv_sql(date, "v") == "ROW(v)::text");
  CHECK(csv_sql(texts, "v") == "ROW(v)::text");
  CHECK(csv_sql(number, "v") == "v::text");
  CHECK(csv_sql({JsonKind::floating, false}, "v") == "v::text");
  for (const auto type : {JsonType{JsonKind::numeric, true}, JsonType{JsonKind::floating, true},
                          JsonType{JsonKind::json, false}, JsonType{JsonKind::jsonb, false}}) {
    CHECK(csv_sql(type, "v") == "ROW(v)::text");
    CHECK(holds_csv_of(type, text_oid));
    CHECK(field(type, "(1)") == "1");
  }
  for (const auto type : {boolean, integer, text, uuid}) {
    CHECK(csv_sql(type, "v") == "v");
    CHECK(sent_as_it_is_for_csv(type));
  }
  CHECK_FALSE(sent_as_it_is_for_csv(date));
  CHECK_FALSE(sent_as_it_is_for_csv(texts));
  CHECK(field(date, "(2000-01-01)") == "2000-01-01");
  CHECK(field(texts, "(\"{a,b}\")") == "\"{a,b}\"");
  CHECK(field(other, "()") == "");  // null
}

TEST_CASE("what is no value of its type is refused") {
  CHECK_FALSE(field(boolean, ""));
  CHECK_FALSE(field(integer, "123"));
  CHECK_FALSE(field(uuid, "short"));
  for (const auto* wrong : {"", "(", ")", "x", "(x", "x)"}) {
    CAPTURE(wrong);
    CHECK_FALSE(field(other, wrong));
    CHECK_FALSE(field(date, wrong));
  }
  CHECK(holds_csv_of(integer, int8_oid));
  CHECK_FALSE(holds_csv_of(integer, text_oid));
  CHECK(holds_csv_of(date, text_oid));
  CHECK_FALSE(holds_csv_of(date, date_oid));
  CHECK(holds_csv_of(other, text_oid));
  CHECK_FALSE(holds_csv_of(other, json_oid));
  CHECK(holds_csv_of(texts, text_oid));
}

TEST_CASE("a row of CSV has a field for each value, empty for null, under names that are not quoted") {
  RowText row(RowFormat::csv);
  row.add("id", integer);
  row.add("a,\"b\"", text);
  row.add("data", other);
  CHECK(row.header() == "id,a,\"b\",data");
  const std::vector<std::optional<std::string>> values{bytes_of({0, 7}), std::nullopt, "(\"{\"\"a\"\":1}\")"};
  std::string out;
  const auto value = [&](std::size_t column) -> std::optional<std::string_view> { return values[column]; };
  CHECK(row.append(out, value));
  CHECK(out == "7,,\"{\"\"a\"\":1}\"");
  CHECK_FALSE(row.append(out, [](std::size_t) { return std::optional<std::string_view>("123"); }));

  std::string none;
  CHECK(RowText(RowFormat::csv).append(none, value));
  CHECK(none == "");
  CHECK(RowText(RowFormat::csv).header() == "");
}

TEST_CASE("members that are looked up have their room in a row of CSV, and their names in its header") {
  RowText row(RowFormat::csv);
  CHECK(row.leave_room({"first"}) == std::vector<std::string>{""});
  row.add("id", integer);
  CHECK(row.leave_room({"middle"}) == std::vector<std::string>{","});
  CHECK(row.leave_room({}).empty());
  row.add("n", text);
  CHECK(row.leave_room({"last"}) == std::vector<std::string>{","});
  CHECK(row.header() == "first,id,middle,n,last");
  std::string out;
  std::vector<std::size_t> rooms;
  const auto value = [](std::size_t column) -> std::optional<std::string_view> {
    if (column == 1) return "x y";
    return std::nullopt;
  };
  CHECK(row.append(out, value, &rooms));
  CHECK(out == ",,\"x y\"");
  CHECK(rooms == std::vector<std::size_t>{0, 1, 7});

  RowText alone(RowFormat::csv);
  CHECK(alone.leave_room({"only"}) == std::vector<std::string>{""});
  CHECK(alone.header() == "only");
}

TEST_CASE("a row is asked for, held to its types and written by its format") {
  RowText csv(RowFormat::csv), json(RowFormat::json), stripped(RowFormat::stripped_json);
  for (auto* row : {&csv, &json, &stripped}) row->add("day", date);
  CHECK(csv.sql(date, "v") == "ROW(v)::text");
  CHECK(json.sql(date, "v") == "v");
  CHECK(stripped.sql(other, "v") == "to_json(v)");
  CHECK((csv.holds(0, text_oid) && !csv.holds(0, date_oid)));
  CHECK((json.holds(0, date_oid) && !json.holds(0, text_oid)));
  CHECK_FALSE(csv.is_sent_as_it_is(0));
  CHECK(json.is_sent_as_it_is(0));
  CHECK(json.header() == "");
  CHECK_FALSE(csv == json);
  CHECK_FALSE(stripped == json);
}
