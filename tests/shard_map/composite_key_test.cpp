// Shard keys of several columns: their bytes, and what a map says of them.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shard_map/definitions.hpp"
#include "shard_map/key.hpp"
#include "shard_map/map_text.hpp"
#include "shard_map/yaml_map.hpp"

using namespace shardplex;
using namespace std::string_literals;

namespace {

using Names = std::vector<std::string>;

/// With these tables, and what comes after them.
std::string yaml_with(const std::string& tables, const std::string& more = "") {
  return "version: 1\ncluster: c\nshards:\n  alpha: { primary: host=a dbname=d }\ngroups:\n"
         "  tenants: { slots: 16, strategy: { hash: {} }, placement: { alpha: [0-15] } }\n"
         "  listed:\n    slots: 16\n    strategy: { list: { column: genre, spread_by: id, lists: {}, "
         "otherwise: [0-15] } }\n    placement: { alpha: [0-15] }\n"
         "tables:\n" +
         tables + more;
}

ShardMap read(const std::string& yaml) {
  auto map = read_shard_map(yaml);
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&map)) FAIL(problems->front().to_string());
  return std::get<ShardMap>(std::move(map));
}

/// What the only problem says; "" where there are none, or several.
std::string only_problem(const std::string& yaml) {
  const auto map = read_shard_map(yaml);
  const auto* problems = std::get_if<std::vector<MapProblem>>(&map);
  return problems && problems->size() == 1 ? problems->front().to_string() : "";
}

const std::string notes = "  notes: { group: tenants, key: [tenant, id] }\n";

}  // namespace

TEST_CASE("the bytes of a key of one column are that column's, as they were before there were others") {
  CHECK(joined_bytes({"abc"}) == "abc");
  CHECK(joined_bytes({""}) == "");
  CHECK(canonical_bytes(std::vector{KeyType::integer}, {"42"}) == canonical_bytes(std::int64_t{42}));
}

TEST_CASE("the bytes of several columns are those of each behind their length") {
  CHECK(joined_bytes({"a", "bc"}) == "\x01\0\0\0a\x02\0\0\0bc"s);
  CHECK(joined_bytes({"", ""}) == "\0\0\0\0\0\0\0\0"s);
  CHECK(joined_bytes({std::string(300, 'x'), "y"}).substr(0, 4) == "\x2c\x01\0\0"s);
  CHECK(canonical_bytes(std::vector{KeyType::integer, KeyType::text}, {" 007", "x"}) ==
        "\x08\0\0\0\x07\0\0\0\0\0\0\0\x01\0\0\0x"s);
  CHECK_FALSE(canonical_bytes(std::vector{KeyType::integer, KeyType::text}, {"x", "x"}).has_value());
  CHECK_FALSE(canonical_bytes(std::vector{KeyType::text, KeyType::uuid}, {"x", "x"}).has_value());
}

TEST_CASE("keys that differ in a column have other bytes, wherever columns end") {
  std::mt19937 random(20261);
  const std::string choice =
      "\0\x01"
      "ab"s;
  std::map<std::string, Names> seen;
  for (int i = 0; i < 20'000; ++i) {
    Names columns(2 + random() % 2);
    for (auto& column : columns)
      for (auto length = random() % 7; length > 0; --length) column += choice[random() % choice.size()];
    const auto [found, is_new] = seen.emplace(joined_bytes(columns), columns);
    if (!is_new && found->second.size() == columns.size()) CHECK(found->second == columns);
  }
}

TEST_CASE("a map names the columns of a key in a list, or the only one by itself") {
  const ShardMap map = read(yaml_with(notes + "  lines: { group: tenants, key: [t, \"order, id\"] }\n",
                                      "views:\n  v: { group: tenants, key: [t, i] }\n"
                                      "functions:\n  f: { by: [t, i], group: tenants }\n"));
  CHECK(map.find_table("notes")->key.names() == Names{"tenant", "id"});
  CHECK(map.find_table("lines")->key.names() == Names{"t", "order, id"});
  CHECK(map.find_view("v")->key.names() == Names{"t", "i"});
  CHECK(map.find_function("f")->arguments.names() == Names{"t", "i"});
  CHECK(map.key_columns_of(*map.find_group("tenants")) == 2);
  CHECK(map.key_columns_of(*map.find_group("listed")) == 0);
  CHECK(definitions_of(map).at("table notes") == R"(group="tenants" key="tenant","id")");
  CHECK(definitions_of(map).at("table lines") == R"(group="tenants" key="t","order, id")");

  const ShardMap one = read(yaml_with("  notes: { group: tenants, key: [id] }\n"));
  CHECK(one.find_table("notes")->key == "id");
  CHECK(definitions_of(one).at("table notes") == R"(group="tenants" key="id")");
}

TEST_CASE("a map with keys of several columns is written as it is read") {
  const ShardMap map = read(yaml_with(notes,
                                      "views:\n  v: { group: tenants, key: [t, \"a, b\"] }\n"
                                      "functions:\n  f: { by: [t, i], group: tenants }\n"));
  const std::string text = to_yaml(map);
  CAPTURE(text);
  CHECK(text.find("key: [tenant, id]") != std::string::npos);
  CHECK(text.find("by: [t, i]") != std::string::npos);
  const ShardMap again = read(text);
  CHECK(again.tables() == map.tables());
  CHECK(again.views() == map.views());
  CHECK(again.functions() == map.functions());
}

TEST_CASE("keys that cannot be are refused by name") {
  const auto problem = [](const std::string& tables, const std::string& more = "") {
    return only_problem(yaml_with(tables, more));
  };
  const auto key = [&](const std::string& columns) {
    return problem("  notes: { group: tenants, key: " + columns + " }\n");
  };
  CHECK(key("[]").starts_with("tables.notes.key: names no column"));
  CHECK(key("[a, b, a]").starts_with("tables.notes.key[2]: column \"a\" is given twice"));
  CHECK(key("[a, shardplex_slot]").starts_with("tables.notes.key[1]: the router fills this column itself"));
  CHECK(key("[a, \"\"]").starts_with("tables.notes.key[1]: a name has 1 to 63 bytes"));
  CHECK(key("[a, [b]]").starts_with("tables.notes.key[1]: "));
  CHECK(key("[a, b, c, d, e, f, g, h, i]").starts_with("tables.notes.key: has more than 8 columns"));
  CHECK(key("[a, b, c, d, e, f, g, h]").empty());

  const std::string apart = "; rows of a group's tables are placed by keys of as many columns";
  CHECK(problem(notes + "  lines: { group: tenants, key: id }\n")
            .starts_with("tables.lines.key: has 1 column, and the key of notes in the same group has 2 "
                         "columns" +
                         apart));
  CHECK(problem(notes, "views:\n  v: { group: tenants, key: [a, b, c] }\n")
            .starts_with("views.v.key: has 3 columns, and the key of notes in the same group has 2 columns" +
                         apart));
  CHECK(problem("  films: { group: listed, key: [id, genre] }\n")
            .starts_with("tables.films.key: the key of a table in the list group"));
  CHECK(problem("  films: { group: listed, key: [id] }\n").empty());
  CHECK(problem("  kinds: { reference: true, key: [a, b] }\n").starts_with("tables.kinds.key: a reference"));
}

TEST_CASE("a function is declared by an argument for each column of the keys") {
  const auto by = [](const std::string& arguments, const std::string& tables = notes) {
    return only_problem(yaml_with(tables, "functions:\n  f: { by: " + arguments + ", group: tenants }\n"));
  };
  CHECK(by("[t, i]").empty());
  CHECK(by("t").starts_with("functions.f.by: names 1 argument, and the keys of tenants have 2 columns"));
  CHECK(by("[t, i, j]").starts_with("functions.f.by: names 3 arguments, and the keys of tenants have 2"));
  CHECK(by("[t, t]").starts_with("functions.f.by[1]: argument \"t\" is given twice"));
  CHECK(by("[]").starts_with("functions.f.by: names no argument"));
  CHECK(by("[t, i]", "  notes: { group: tenants, key: id }\n")
            .starts_with("functions.f.by: names 2 arguments, and the keys of tenants have 1 column"));
  // No table says how many there are.
  CHECK(by("[t, i]", "  kinds: { reference: true }\n").empty());
}
