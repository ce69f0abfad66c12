#include "shard_map/yaml_map.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

using namespace shardplex;

namespace {

std::vector<MapProblem> problems_of(std::string_view yaml) {
  auto result = read_shard_map(yaml);
  if (auto* problems = std::get_if<std::vector<MapProblem>>(&result)) return *problems;
  return {};
}

std::string all_of(const std::vector<MapProblem>& problems) {
  std::string text;
  for (const MapProblem& problem : problems) text += problem.to_string() + '\n';
  return text;
}

/// The map, which has to be valid.
ShardMap map_of(std::string_view yaml) {
  auto result = read_shard_map(yaml);
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&result)) FAIL(all_of(*problems));
  return std::get<ShardMap>(std::move(result));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

/// Line 1 is `version`; the tests below name lines of this text.
const std::string sample = R"(version: 1
cluster: movies
shards:
  alpha:
    primary: host=a dbname=movies
    replicas: [host=a2 dbname=movies]
  beta:
    primary: host=b dbname=movies
groups:
  catalog:
    slots: 1024
    strategy: { hash: {} }
    placement:
      alpha: [0-511]
      beta: [512-1023]
  by_genre:
    slots: 16
    strategy:
      list:
        column: primary_genre
        spread_by: id
        lists:
          Drama: [0-7]
          Thriller/Suspense: [8, 9]
        otherwise: [12-15]
    placement:
      alpha: [0-3, 8-15]
      beta: [4, "5", 6-7]
tables:
  movies: { group: catalog, key: id }
  films: { group: by_genre }
  genres: { reference: true }
)";

/// One change to the sample, and the one problem that it makes.
struct Row {
  std::string from, to;
  std::string path;
  int line;
  std::string message;  ///< a part of it
};

void check_each_alone(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.from);
    CAPTURE(row.to);
    const auto problems = problems_of(replaced(sample, row.from, row.to));
    CAPTURE(all_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == row.path);
    CHECK(problems[0].line == row.line);
    CHECK(problems[0].message.find(row.message) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("a valid map is read whole") {
  const ShardMap map = map_of(sample);
  CHECK(map.cluster() == "movies");
  REQUIRE(map.shards().size() == 2);
  CHECK(map.shards()[0].name == "alpha");
  CHECK(map.shards()[0].primary == "host=a dbname=movies");
  CHECK(map.shards()[0].replicas == std::vector<std::string>{"host=a2 dbname=movies"});
  CHECK(map.shards()[1].replicas.empty());

  REQUIRE(map.groups().size() == 2);
  const Group& catalog = map.groups()[0];
  CHECK(catalog.slot_count == 1024);
  CHECK(catalog.strategy == Strategy(HashStrategy{}));
  CHECK(catalog.placement[511] == ShardId{0});
  CHECK(catalog.placement[512] == ShardId{1});

  const Group& by_genre = map.groups()[1];
  ListStrategy list;
  list.column = "primary_genre";
  list.spread_by = "id";
  for (std::uint32_t s = 0; s < 8; ++s) list.lists["Drama"].push_back(Slot{s});
  list.lists["Thriller/Suspense"] = {Slot{8}, Slot{9}};
  list.otherwise = {Slot{12}, Slot{13}, Slot{14}, Slot{15}};
  CHECK(by_genre.strategy == Strategy(list));
  CHECK(by_genre.placement[5] == ShardId{1});
  CHECK(by_genre.placement[10] == ShardId{0});

  REQUIRE(map.tables().size() == 3);
  CHECK(map.find_table("movies")->key == "id");
  CHECK(map.find_table("movies")->group == GroupId{0});
  CHECK(map.find_table("films")->key == "id");
  CHECK(map.find_table("films")->group == GroupId{1});
  CHECK(map.find_table("genres")->reference);
  CHECK(map.find_table("genres")->group == std::nullopt);
}

TEST_CASE("slots default to 1024, a list may be given in any order, and reference may be false") {
  const ShardMap map = map_of(
      replaced(replaced(replaced(sample, "    slots: 1024\n", ""), "Drama: [0-7]", "Drama: [4-7, 3, 0-2]"),
               "key: id }", "key: id, reference: false }"));
  CHECK(map.groups()[0].slot_count == 1024);
  CHECK(std::ranges::is_sorted(std::get<ListStrategy>(map.groups()[1].strategy).lists.at("Drama")));
  CHECK_FALSE(map.find_table("movies")->reference);
}

TEST_CASE("a map of reference tables alone needs no groups") {
  const ShardMap map = map_of(
      "version: 1\ncluster: c\nshards: { a: { primary: host=a } }\ntables: { genres: { reference: true } "
      "}\n");
  CHECK(map.groups().empty());
}

TEST_CASE("slot counts run from 1 to 32768") {
  for (const std::string count : {"1", "32768"}) {
    const std::string last = std::to_string(std::stoi(count) - 1);
    CHECK(map_of("version: 1\ncluster: c\nshards: { a: { primary: host=a } }\ngroups: { g: { slots: " +
                 count + ", strategy: { hash: {} }, placement: { a: [0-" + last + "] } } }\n" +
                 "tables: { t: { group: g, key: id } }\n")
              .groups()[0]
              .placement.size() == std::stoul(count));
  }
}

TEST_CASE("problems of the document's frame name their place") {
  check_each_alone({
      {"version: 1\n", "", "", 1, "version is missing"},
      {"version: 1", "version: 2", "version", 1, "version 2 is not known"},
      {"version: 1", "version: one", "version", 1, "must be a whole number"},
      {"version: 1", "version: \"1\"", "version", 1, "must be a whole number"},
      {"version: 1", "version: 1.0", "version", 1, "must be a whole number"},
      {"version: 1", "version: [1]", "version", 1, "must be a whole number"},
      {"cluster: movies\n", "", "", 1, "cluster is missing"},
      {"cluster: movies", "cluster:", "cluster", 2, "must be text"},
      {"cluster: movies", "cluster: 7", "cluster", 2, "must be text; quote it"},
      {"cluster: movies", "cluster: true", "cluster", 2, "must be text; quote it"},
      {"cluster: movies", "cluster: {}", "cluster", 2, "must be text"},
      {"cluster: movies", "cluster: \"\"", "cluster", 2, "1 to 63 bytes"},
      {"cluster: movies", "cluster: \"a\\nb\"", "cluster", 2, "no control characters"},
      {"cluster: movies", "cluster: movies\nclutser: x", "clutser", 3,
       "unknown key; did you mean \"cluster\"?"},
      {"cluster: movies", "cluster: movies\nzzzzzzzzzz: x", "zzzzzzzzzz", 3,
       "unknown key; known: version, cluster"},
      {"cluster: movies", "cluster: movies\ncluster: films", "cluster", 3,
       "given twice; the first is on line 2"},
  });
}

TEST_CASE("problems of shards name their place") {
  check_each_alone({
      {"  beta:\n    primary: host=b dbname=movies",
       "  beta:\n    primary: host=b dbname=movies\n  gamma: host=c", "shards.gamma", 9, "must be a mapping"},
      {"    primary: host=b dbname=movies", "    replicas: [host=b dbname=movies]", "shards.beta", 7,
       "primary is missing"},
      {"    primary: host=b dbname=movies", "    primary: host=b dbname=movies\n    replica: [host=c]",
       "shards.beta.replica", 9, "unknown key; did you mean \"replicas\"?"},
      {"    primary: host=b dbname=movies", "    primary: host=b dbname=movies\n    replicas: host=c",
       "shards.beta.replicas", 9, "must be a list"},
      {"    primary: host=b dbname=movies",
       "    primary: host=b dbname=movies\n    replicas:", "shards.beta.replicas", 9, "must be a list"},
      {"    primary: host=b dbname=movies",
       "    primary: host=b dbname=movies\n    replicas:\n      - host=c\n      - { host: d }",
       "shards.beta.replicas[1]", 11, "must be text"},
      {"    primary: host=b dbname=movies",
       "    primary: host=b dbname=movies\n    replicas:\n      -\n      - host=c", "shards.beta.replicas[0]",
       9, "must be text"},
      {"primary: host=b dbname=movies", "primary: [host=b]", "shards.beta.primary", 8, "must be text"},
      {"primary: host=b dbname=movies", "primary: \"\"", "shards.beta.primary", 8, "libpq connection string"},
      {"primary: host=b dbname=movies", "primary: movies", "shards.beta.primary", 8,
       "libpq connection string"},
      {"primary: host=b dbname=movies", "primary: host=b,c dbname=movies", "shards.beta.primary", 8,
       "several hosts"},
      {"host=b dbname=movies", "host=a port=5432 dbname=movies", "shards.beta.primary", 8,
       "the same server as shards.alpha.primary on line 5"},
      {"[host=a2 dbname=movies]", "[postgresql://u@a/movies]", "shards.alpha.replicas[0]", 6,
       "the same server as shards.alpha.primary on line 5"},
      {"groups:\n", "  Gamma: { primary: host=c }\ngroups:\n", "shards.Gamma", 9, "a shard's name"},
      {"groups:\n", "  9a: { primary: host=c }\ngroups:\n", "shards.9a", 9, "a shard's name"},
      {"groups:\n", "  a.b: { primary: host=c }\ngroups:\n", "shards.\"a.b\"", 9, "a shard's name"},
      {"groups:\n", "  \"\": { primary: host=c }\ngroups:\n", "shards.\"\"", 9, "a shard's name"},
      {"groups:\n", "  " + std::string(64, 'a') + ": { primary: host=c }\ngroups:\n", "shards.…", 9,
       "a shard's name"},
      {"groups:\n", "  alpha: { primary: host=c }\ngroups:\n", "shards.alpha", 9,
       "given twice; the first is on line 4"},
  });
}

TEST_CASE("a map without shards says so once") {
  const std::string rest = sample.substr(sample.find("groups:"));
  for (const std::string shards : {"shards: {}\n", "shards: []\n", "shards:\n", ""}) {
    const auto problems = problems_of("version: 1\ncluster: movies\n" + shards + rest);
    CAPTURE(all_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == (shards.empty() ? "" : "shards"));
  }
}

TEST_CASE("problems of groups and strategies name their place") {
  check_each_alone({
      {"slots: 1024", "slots: 1000", "groups.catalog.slots", 11, "power of two from 1 to 32768"},
      {"slots: 1024", "slots: 0", "groups.catalog.slots", 11, "power of two"},
      {"slots: 1024", "slots: -1024", "groups.catalog.slots", 11, "power of two"},
      {"slots: 1024", "slots: 65536", "groups.catalog.slots", 11, "power of two"},
      {"slots: 1024", "slots: 99999999999999999999", "groups.catalog.slots", 11, "whole number"},
      {"slots: 1024", "slots: many", "groups.catalog.slots", 11, "whole number"},
      {"slots: 1024", "slot: 1024", "groups.catalog.slot", 11, "unknown key; did you mean \"slots\"?"},
      {"    strategy: { hash: {} }\n", "", "groups.catalog", 10, "strategy is missing"},
      {"strategy: { hash: {} }", "strategy: hash", "groups.catalog.strategy", 12, "must be a mapping"},
      {"strategy: { hash: {} }", "strategy: {}", "groups.catalog.strategy", 12, "exactly one strategy"},
      {"strategy: { hash: {} }", "strategy: { hash: }", "groups.catalog.strategy.hash", 12, "such as {}"},
      {"strategy: { hash: {} }", "strategy: { hash: { seed: 1 } }", "groups.catalog.strategy.hash.seed", 12,
       "unknown key"},
      {"    strategy:\n      list:", "    strategy:\n      hash: {}\n      list:", "groups.by_genre.strategy",
       18, "exactly one strategy"},
      {"        column: primary_genre\n", "", "groups.by_genre.strategy.list", 19, "column is missing"},
      {"        spread_by: id\n", "", "groups.by_genre.strategy.list", 19, "spread_by is missing"},
      {"spread_by: id", "spread_by: primary_genre", "groups.by_genre.strategy.list.spread_by", 21,
       "the column of the lists themselves"},
      {"        otherwise: [12-15]\n", "", "groups.by_genre.strategy.list", 19, "otherwise is missing"},
      {"otherwise: [12-15]", "otherwise: []", "groups.by_genre.strategy.list.otherwise", 25, "has no slots"},
      {"otherwise: [12-15]", "otherwise: 12-15", "groups.by_genre.strategy.list.otherwise", 25,
       "must be a list"},
      {"otherwise: [12-15]", "otherwise: [12-16]", "groups.by_genre.strategy.list.otherwise[0]", 25,
       "\"12-16\" is out of range: slots run from 0 to 15"},
      {"otherwise: [12-15]", "otherwise: [9-15]", "groups.by_genre.strategy.list.otherwise", 25,
       "slot 9 is also on the list \"Thriller/Suspense\""},
      {"[8, 9]", "[6-9]", "groups.by_genre.strategy.list.lists.\"Thriller/Suspense\"", 24,
       "slots 6-7 are also on the list \"Drama\""},
      {"[8, 9]", "[8, 9, 8]", "groups.by_genre.strategy.list.lists.\"Thriller/Suspense\"", 24,
       "slot 8 is given twice"},
      {"[8, 9]", "[]", "groups.by_genre.strategy.list.lists.\"Thriller/Suspense\"", 24, "has no slots"},
      {"          Drama: [0-7]", "          Drama: [0-6]\n          Drama: [7]",
       "groups.by_genre.strategy.list.lists.Drama", 24, "given twice; the first is on line 23"},
      {"column: primary_genre", "column: [a]", "groups.by_genre.strategy.list.column", 20, "must be text"},
      {"column: primary_genre", "column: shardplex_slot", "groups.by_genre.strategy.list.column", 20,
       "fills this column"},
      {"column: primary_genre", "colunm: x\n        column: primary_genre",
       "groups.by_genre.strategy.list.colunm", 20, "did you mean \"column\"?"},
      {"groups:\n", "groups:\n  \"\": { strategy: { hash: {} }, placement: { alpha: [0-1023] } }\n",
       "groups.\"\"", 10, "1 to 63 bytes"},
      {"tables:\n", "  catalog: { strategy: { hash: {} }, placement: { alpha: [0-1023] } }\ntables:\n",
       "groups.catalog", 29, "given twice; the first is on line 10"},
  });
}

TEST_CASE("problems of placement name their place") {
  check_each_alone({
      {"beta: [512-1023]", "beta: [511-1023]", "groups.catalog.placement.beta", 15,
       "slot 511 is also placed on alpha"},
      {"beta: [512-1023]", "beta: [500-600, 601-1023]", "groups.catalog.placement.beta", 15,
       "slots 500-511 are also placed on alpha"},
      {"beta: [512-1023]", "beta:\n        - 512-1023\n        - 3\n        - 5-6\n        - 5",
       "groups.catalog.placement.beta", 17, "slots 3, 5-6 are also placed on alpha"},
      {"beta: [512-1023]", "beta: [512-1023, 1023]", "groups.catalog.placement.beta", 15,
       "slot 1023 is given twice"},
      {"beta: [512-1023]", "beta: [513-1023]", "groups.catalog.placement", 13, "slot 512 is placed nowhere"},
      {"[512-1023]", "[512-600, 602-700, 710-1023]", "groups.catalog.placement", 13,
       "slots 601, 701-709 are placed nowhere"},
      {"beta: [512-1023]", "beta: []", "groups.catalog.placement", 13, "slots 512-1023 are placed nowhere"},
      {"[512-1023]", "[512-1024]", "groups.catalog.placement.beta[0]", 15,
       "\"512-1024\" is out of range: slots run from 0 to 1023"},
      {"[512-1023]", "[512-1023, 99999999999999]", "groups.catalog.placement.beta[1]", 15, "out of range"},
      {"[512-1023]", "[1023-512]", "groups.catalog.placement.beta[0]", 15, "runs backwards"},
      {"[512-1023]", "[512-]", "groups.catalog.placement.beta[0]", 15, "a slot or a range of slots"},
      {"[512-1023]", "[-512]", "groups.catalog.placement.beta[0]", 15, "a slot or a range of slots"},
      {"[512-1023]", "[512..1023]", "groups.catalog.placement.beta[0]", 15, "a slot or a range of slots"},
      {"[512-1023]", "[512 - 1023]", "groups.catalog.placement.beta[0]", 15, "a slot or a range of slots"},
      {"[512-1023]", "[512-700-1023]", "groups.catalog.placement.beta[0]", 15, "a slot or a range of slots"},
      {"[512-1023]", "[[512, 1023]]", "groups.catalog.placement.beta[0]", 15, "a slot or a range of slots"},
      {"[512-1023]", "[1.5e3]", "groups.catalog.placement.beta[0]", 15, "a slot or a range of slots"},
      {"beta: [512-1023]", "beta: 512-1023", "groups.catalog.placement.beta", 15, "must be a list"},
      {"beta: [512-1023]", "betta: [512-1023]", "groups.catalog.placement.betta", 15,
       "no shard of this name; did you mean \"beta\"?"},
      {"beta: [512-1023]", "elsewhere: [512-1023]", "groups.catalog.placement.elsewhere", 15,
       "known: alpha, beta"},
      {"beta: [512-1023]", "alpha: [512-1023]\n      beta: [512-1023]", "groups.catalog.placement.alpha", 15,
       "given twice; the first is on line 14"},
      {"    placement:\n      alpha: [0-511]\n      beta: [512-1023]\n", "", "groups.catalog", 10,
       "placement is missing"},
      {"    placement:\n      alpha: [0-511]\n      beta: [512-1023]\n", "    placement: alpha\n",
       "groups.catalog.placement", 13, "must be a mapping"},
  });
}

TEST_CASE("problems of tables name their place") {
  check_each_alone({
      {"{ group: catalog, key: id }", "{ group: catalogue, key: id }", "tables.movies.group", 30,
       "no group \"catalogue\"; did you mean \"catalog\"?"},
      {"{ group: catalog, key: id }", "{ group: zzz, key: id }", "tables.movies.group", 30,
       "known: catalog, by_genre"},
      {"{ group: catalog, key: id }", "{ group: [catalog], key: id }", "tables.movies.group", 30,
       "must be text"},
      {"{ group: catalog, key: id }", "{ group: catalog }", "tables.movies", 30, "key is missing"},
      {"{ group: catalog, key: id }", "{ key: id }", "tables.movies", 30, "group is missing"},
      {"{ group: catalog, key: id }", "{}", "tables.movies", 30, "group is missing"},
      {"{ group: catalog, key: id }", "catalog", "tables.movies", 30, "must be a mapping"},
      {"{ group: catalog, key: id }", "{ group: catalog, key: \"\" }", "tables.movies.key", 30,
       "1 to 63 bytes"},
      {"{ group: catalog, key: id }", "{ group: catalog, key: {} }", "tables.movies.key", 30, "must be text"},
      {"{ group: catalog, key: id }", "{ group: catalog, key: shardplex_slot }", "tables.movies.key", 30,
       "fills this column"},
      {"{ group: catalog, key: id }", "{ group: catalog, keys: id, key: id }", "tables.movies.keys", 30,
       "did you mean \"key\"?"},
      {"{ group: by_genre }", "{ group: by_genre, key: title }", "tables.films.key", 31,
       "is its spread_by, \"id\""},
      {"{ reference: true }", "{ reference: yes }", "tables.genres.reference", 32, "must be true or false"},
      {"{ reference: true }", "{ reference: \"true\" }", "tables.genres.reference", 32,
       "must be true or false"},
      {"{ reference: true }", "{ reference: [true] }", "tables.genres.reference", 32,
       "must be true or false"},
      {"{ reference: true }", "{ reference: false }", "tables.genres", 32, "group is missing"},
      {"{ reference: true }", "{ reference: true, group: catalog }", "tables.genres.group", 32,
       "a reference table has no group"},
      {"{ reference: true }", "{ reference: true, key: id }", "tables.genres.key", 32,
       "a reference table has no key"},
      {"  films: { group: by_genre }", "  movies: { group: by_genre }", "tables.movies", 31,
       "given twice; the first is on line 30"},
      {"  genres:", "  " + std::string(63, 'g') + "x:", "tables.…", 32, "1 to 63 bytes"},
  });
}

TEST_CASE("relations are foreign keys of the map, wherever they stand") {
  CHECK(map_of(sample).relations().empty());
  CHECK(map_of(sample + "relations: {}\n").relations().empty());
  const std::string relations =
      "relations:\n"
      "  of_film: { table: films, columns: [a, b], foreign_table: movies, foreign_columns: [id, c] }\n"
      "  of_self: { table: movies, columns: [id], foreign_table: movies, foreign_columns: [id] }\n";
  for (const auto& yaml : {sample + relations, relations + sample})
    CHECK(map_of(yaml).relations() ==
          std::vector<MapRelation>{{"of_film", "films", {"a", "b"}, "movies", {"id", "c"}},
                                   {"of_self", "movies", {"id"}, "movies", {"id"}}});
}

TEST_CASE("problems of relations name their place") {
  const std::string relation = "{ table: films, columns: [a], foreign_table: movies, foreign_columns: [id] }";
  const auto check = [&](const std::string& from, const std::string& to, const std::string& path,
                         const std::string& message) {
    CAPTURE(to);
    const auto problems = problems_of(sample + "relations:\n  r: " + replaced(relation, from, to) + '\n');
    CAPTURE(all_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == path);
    CHECK(problems[0].line == 34);
    CHECK(problems[0].message.find(message) != std::string::npos);
  };
  check("table: films, ", "", "relations.r", "table is missing");
  check("columns: [a], ", "", "relations.r", "columns is missing");
  check("foreign_table: movies, ", "", "relations.r", "foreign_table is missing");
  check(", foreign_columns: [id]", "", "relations.r", "foreign_columns is missing");
  check("table: films", "table: film", "relations.r.table",
        "no table \"film\" in the map; did you mean \"films\"?");
  check("foreign_table: movies", "foreign_table: zzzzzz", "relations.r.foreign_table",
        "known: movies, films");
  check("table: films", "table: [films]", "relations.r.table", "must be text");
  check("columns: [a]", "columns: a", "relations.r.columns", "must be a list");
  check("columns: [a]", "columns: []", "relations.r.columns", "names no column");
  check("columns: [a]", "columns: [[a]]", "relations.r.columns[0]", "must be text");
  check("columns: [a]", "columns: [\"\"]", "relations.r.columns[0]", "1 to 63 bytes");
  check("columns: [a]", "columns: [shardplex_slot]", "relations.r.columns[0]", "fills this column");
  check("columns: [a]", "columns: [a, b]", "relations.r.foreign_columns", "has 1 columns for 2 in columns");
  check("[id]", "[id, b]", "relations.r.foreign_columns", "has 2 columns for 1 in columns");
  check("columns: [a]", "columns: [a], on_delete: cascade", "relations.r.on_delete", "unknown key");
  check(relation, "movies", "relations.r", "must be a mapping");
  const auto twice = problems_of(
      sample + "relations:\n  r: " + replaced(replaced(relation, "[a]", "[a, a]"), "[id]", "[id, c]") + '\n');
  REQUIRE(twice.size() == 1);
  CHECK(twice[0].to_string() == "relations.r.columns[1]: column \"a\" is given twice (line 34)");
  for (const std::string not_a_mapping : {"relations:\n", "relations: [r]\n", "relations: r\n"}) {
    const auto problems = problems_of(sample + not_a_mapping);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == "relations");
  }
  CHECK(problems_of(sample + "relations:\n  \"\": " + relation + '\n').size() == 1);
  CHECK(problems_of(sample + "relations:\n  r: " + relation + "\n  r: " + relation + '\n').size() == 1);
}

TEST_CASE("tables, views and functions of other schemas are called by schema and name") {
  const std::string more =
      "  catalog.movies: { group: catalog, key: id }\n  catalog.links: { group: catalog, key: movie_id }\n"
      "relations:\n  r: { table: catalog.links, columns: [movie_id], foreign_table: catalog.movies, "
      "foreign_columns: [id] }\n"
      "views:\n  catalog.best: { group: catalog, key: id }\nfunctions:\n  catalog.now: any\n";
  const ShardMap map = map_of(sample + more);
  CHECK(map.find_table("catalog.movies")->key == "id");
  CHECK(map.find_table("catalog.movies") != map.find_table("movies"));
  CHECK(map.find_view("catalog.best") != nullptr);
  CHECK(map.find_function("catalog.now") != nullptr);
  CHECK(map.relations().front().foreign_table == "catalog.movies");

  const auto check = [&](std::string_view from, std::string_view to, const std::string& message) {
    CAPTURE(std::string(to));
    const auto problems = problems_of(sample + replaced(more, from, to));
    CAPTURE(all_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].message.find(message) != std::string::npos);
  };
  check("  catalog.movies: ", "  public.films: { group: catalog, key: id }\n  catalog.movies: ",
        "leave \"public.\" out");
  check("  catalog.movies: ", "  a.b.c: { group: catalog, key: id }\n  catalog.movies: ", "at most one dot");
  check("catalog.best:", "pg_catalog.best:", "nothing of the schema pg_catalog is served");
  check("catalog.now:", "shardplex.now:", "nothing of the schema shardplex is served");
  check("foreign_table: catalog.movies", "foreign_table: movies", "between tables of the schemas");
  check("views:",
        "  catalog.r: { table: catalog.links, columns: [id], foreign_table: catalog.movies, "
        "foreign_columns: [id] }\nviews:",
        "as another relation of its table is");
}

TEST_CASE("functions are declared with the shards that answer them") {
  CHECK(map_of(sample).functions().empty());
  CHECK(map_of(sample + "functions: {}\n").functions().empty());
  const std::string functions =
      "functions:\n  now_utc: any\n  films: all\n  of_film: { by: film_id, group: catalog }\n";
  using Runs = MapFunction::Runs;
  for (const auto& yaml : {sample + functions, functions + sample})
    CHECK(map_of(yaml).functions() == std::vector<MapFunction>{{"now_utc", Runs::any},
                                                               {"films", Runs::all},
                                                               {"of_film", Runs::by, "film_id", GroupId{0}}});
  const ShardMap map = map_of(sample + functions);
  CHECK(map.find_function("films")->runs == Runs::all);
  CHECK(map.find_function("film") == nullptr);
}

TEST_CASE("problems of functions name their place") {
  const auto check = [&](const std::string& value, const std::string& path, const std::string& message) {
    CAPTURE(value);
    const auto problems = problems_of(sample + "functions:\n  f: " + value + '\n');
    CAPTURE(all_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == path);
    CHECK(problems[0].line == 34);
    CHECK(problems[0].message.find(message) != std::string::npos);
  };
  check("some", "functions.f", "any, all or { by: movie_id, group: catalog }");
  check("[any]", "functions.f", "any, all or { by: movie_id, group: catalog }");
  check("", "functions.f", "any, all or { by: movie_id, group: catalog }");
  check("{ group: catalog }", "functions.f", "by is missing");
  check("{ by: id }", "functions.f", "group is missing");
  check("{ by: { id: 1 }, group: catalog }", "functions.f.by", "must be text");
  check("{ by: \"\", group: catalog }", "functions.f.by", "1 to 63 bytes");
  check("{ by: id, group: catalogue }", "functions.f.group", "did you mean \"catalog\"?");
  check("{ by: id, group: by_genre }", "functions.f.group", "is placed by lists");
  check("{ by: id, group: catalog, key: id }", "functions.f.key", "unknown key");
  CHECK(problems_of(sample + "functions:\n  \"\": any\n").size() == 1);
  CHECK(problems_of(sample + "functions:\n  f: any\n  f: all\n").size() == 1);
  for (const std::string not_a_mapping : {"functions:\n", "functions: [f]\n", "functions: any\n"}) {
    const auto problems = problems_of(sample + not_a_mapping);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == "functions");
  }
}

TEST_CASE("a map without tables is refused") {
  const std::string head = sample.substr(0, sample.find("tables:"));
  for (const std::string tables : {"", "tables:\n", "tables: {}\n", "tables: [movies]\n"}) {
    const auto problems = problems_of(head + tables);
    CAPTURE(all_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == (tables.empty() ? "" : "tables"));
    CHECK(problems[0].line == (tables.empty() ? 1 : 29));
  }
}

TEST_CASE("tables of a map without groups belong nowhere") {
  const auto problems = problems_of(
      "version: 1\ncluster: c\nshards: { a: { primary: host=a } }\ntables:\n  t: { group: g, key: id }\n");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].to_string() == "tables.t.group: there is no group \"g\" (line 5)");
}

TEST_CASE("key may be given under list when it is the spread_by") {
  CHECK(map_of(replaced(sample, "{ group: by_genre }", "{ group: by_genre, key: id }"))
            .find_table("films")
            ->key == "id");
}

TEST_CASE("a problem reads as a sentence with its place") {
  const auto problems = problems_of(replaced(sample, "beta: [512-1023]", "beta: [511-1023]"));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].to_string() ==
        "groups.catalog.placement.beta: slot 511 is also placed on alpha (line 15)");
  CHECK(MapProblem{"", 0, "the shard map is empty"}.to_string() == "the shard map is empty");
  CHECK(MapProblem{"", 1, "version is missing"}.to_string() == "version is missing (line 1)");
}

TEST_CASE("all problems come at once, ordered by line") {
  const auto problems = problems_of(R"(tables:
  movies: { group: catalog }
  films: { group: nowhere, key: id }
groups:
  catalog:
    slots: 8
    strategy: { hash: {} }
    placement:
      alpha: [0-3, 9]
      delta: [3-4]
shards:
  alpha: { primary: host=a password=hunter2 }
colour: red
version: 3
)");
  std::vector<std::string> places;
  for (const MapProblem& problem : problems)
    places.push_back(problem.path + ':' + std::to_string(problem.line));
  CAPTURE(all_of(problems));
  CHECK(places == std::vector<std::string>{
                      ":1", "tables.movies:2", "tables.films.group:3", "groups.catalog.placement.alpha[1]:9",
                      "groups.catalog.placement.delta:10", "groups.catalog.placement.delta:10",
                      "shards.alpha.primary:12", "colour:13", "version:14"});
}

TEST_CASE("slots left out are reported beside problems that cannot explain them, and only beside those") {
  // Slot 5 is out of reach of every mistake here, so it is missing whatever was meant.
  auto problems = problems_of(replaced(sample, "[4, \"5\", 6-7]", "[4, 6-7, 3]"));
  CAPTURE(all_of(problems));
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].message == "slot 5 is placed nowhere");
  CHECK(problems[1].message == "slot 3 is also placed on alpha");
  // A range that cannot be read may have meant slot 5.
  problems = problems_of(replaced(sample, "[4, \"5\", 6-7]", "[4, five, 6-7]"));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].path == "groups.by_genre.placement.beta[1]");
}

TEST_CASE("a password is refused with a hint and never repeated") {
  for (const std::string server : {"host=b password=hunter2", "host=b password = 'hunter2 x'",
                                   "postgresql://u:hunter2@b/movies", "postgres://b/movies?password=hunter2",
                                   "host=b sslpassword=hunter2", "\"host=b p\\x61ssword=hunter2\""}) {
    CAPTURE(server);
    const auto problems = problems_of(replaced(sample, "host=b dbname=movies", server));
    CAPTURE(all_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == "shards.beta.primary");
    CHECK(problems[0].line == 8);
    for (const std::string hint : {"PGPASSWORD", "passfile", "service"})
      CHECK(problems[0].message.find(hint) != std::string::npos);
    CHECK(all_of(problems).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("a password in a broken map is not repeated either") {
  const std::string server = "host=b dbname=movies";
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {server, "host=b password='hunter2"},                    // no connection string
           {server, "postgresql://u:hunter2%zz@b"},                 // nor this
           {server, "*hunter2"},                                    // an alias to YAML
           {server, "!hunter2 x"},                                  // a tag to YAML
           {server, "&hunter2 x"},                                  // an anchor to YAML
           {server, "\"host=b password=hunter2"},                   // not YAML
           {"primary: host=b", "primary:host=b password=hunter2"},  // no space after the colon
           {"  beta:\n    primary: host=b dbname=movies", "  beta: {primary:host=b password=hunter2}"},
           {"  beta:\n    primary: host=b dbname=movies", "  \"postgresql://u:hunter2@b\": {}\n  beta: {}"},
           {"replicas: [host=a2 dbname=movies]", "replicas: host=a2 password=hunter2"},
           {"[512-1023]", "[host=b password=hunter2]"},
           {"    slots: 1024", "    slots: host=b password=hunter2"}}) {
    CAPTURE(to);
    const auto problems = problems_of(replaced(sample, from, to));
    CHECK_FALSE(problems.empty());
    CHECK(all_of(problems).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("two databases on one server may be two shards") {
  CHECK(map_of(replaced(sample, "host=b dbname=movies", "host=a dbname=films")).shards().size() == 2);
}

TEST_CASE("the shipped maps are valid and serve the same tables") {
  for (const std::string name : {"movies-hash.yaml", "movies-genre.yaml"}) {
    CAPTURE(name);
    auto result = read_shard_map_file(std::string(SHARDPLEX_CONFIG_DIR) + '/' + name);
    if (const auto* problems = std::get_if<std::vector<MapProblem>>(&result)) FAIL(all_of(*problems));
    const auto& map = std::get<ShardMap>(result);
    CHECK(map.cluster() == "movies");
    REQUIRE(map.shards().size() == 3);
    for (const Shard& shard : map.shards()) CHECK(shard.replicas.size() == 1);
    REQUIRE(map.find_table("movies") != nullptr);
    CHECK(map.find_table("movies")->key == "id");
    REQUIRE(map.find_table("ratings") != nullptr);
    CHECK(map.find_table("ratings")->key == "movie_id");
    REQUIRE(map.find_table("genres") != nullptr);
    CHECK(map.find_table("genres")->reference);
    for (const Group& group : map.groups()) {
      std::array<int, 3> slots{};
      for (const ShardId shard : group.placement) ++slots[shard.value];
      for (const int owned : slots) CHECK(std::abs(owned - 341) <= 10);
    }
  }
}

TEST_CASE("the shipped genre map spreads the films about evenly, and its big genres over two shards") {
  // Films by genre in data/movies.json of the npm package vega-datasets 3.2.1; the empty name: none given.
  const std::vector<std::pair<std::string, int>> films = {{"Drama", 789},
                                                          {"Comedy", 675},
                                                          {"Action", 420},
                                                          {"Adventure", 274},
                                                          {"Thriller/Suspense", 239},
                                                          {"Horror", 219},
                                                          {"Romantic Comedy", 137},
                                                          {"Musical", 53},
                                                          {"Documentary", 43},
                                                          {"Western", 36},
                                                          {"Black Comedy", 36},
                                                          {"Concert/Performance", 5},
                                                          {"", 275}};
  auto result = read_shard_map_file(std::string(SHARDPLEX_CONFIG_DIR) + "/movies-genre.yaml");
  const auto& map = std::get<ShardMap>(result);
  const Group& group = map.group(map.find_table("movies")->group.value());
  const auto& list = std::get<ListStrategy>(group.strategy);
  std::array<double, 3> load{};
  for (const auto& [genre, count] : films) {
    CAPTURE(genre);
    CHECK(list.lists.contains(genre) == !genre.empty());
    const auto& slots = list.slots_of(genre);
    std::set<ShardId> shards;
    for (const Slot slot : slots) {
      const ShardId shard = group.placement[slot.value];
      shards.insert(shard);
      load[shard.value] += double(count) / double(slots.size());
    }
    CHECK(shards.size() == (genre == "Drama" || genre == "Comedy" ? 2 : 1));
  }
  for (const double films_of_shard : load) CHECK(std::abs(films_of_shard - 3201.0 / 3) < 3201.0 / 3 * 0.05);
}

TEST_CASE("a file that cannot be read is one problem without a line") {
  const auto folder = std::filesystem::temp_directory_path().string();
  for (const std::string& path : {folder + "/shardplex-no-such-map.yaml", folder}) {
    CAPTURE(path);
    const auto result = read_shard_map_file(path);
    const auto* problems = std::get_if<std::vector<MapProblem>>(&result);
    REQUIRE(problems != nullptr);
    REQUIRE(problems->size() == 1);
    CHECK(problems->front().line == 0);
    CHECK(problems->front().to_string().starts_with("cannot read " + path + ": "));
    CHECK(problems->front().to_string().find("Success") == std::string::npos);
  }
}

TEST_CASE("views are placed as tables are, and are none of them") {
  CHECK(map_of(sample).views().empty());
  CHECK(map_of(sample + "views: {}\n").views().empty());
  const std::string views =
      "views:\n"
      "  dramas: { group: catalog, key: film }\n"
      "  by_list: { group: by_genre }\n"
      "  top: { reference: true }\n";
  for (const auto& yaml : {sample + views, views + sample}) {
    const ShardMap map = map_of(yaml);
    REQUIRE(map.views().size() == 3);
    CHECK(map.find_view("dramas")->group == GroupId{0});
    CHECK(map.find_view("dramas")->key == "film");
    CHECK(map.find_view("by_list")->key == "id");
    CHECK(map.find_view("top")->reference);
    CHECK(map.find_view("movies") == nullptr);
    CHECK(map.find_table("dramas") == nullptr);
    CHECK(map.tables().size() == 3);
  }
}

TEST_CASE("problems of views name their place") {
  const auto check = [](const std::string& view, const std::string& path, const std::string& message) {
    CAPTURE(view);
    const auto problems = problems_of(sample + "views:\n  " + view + '\n');
    CAPTURE(all_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == path);
    CHECK(problems[0].line == 34);
    CHECK(problems[0].message.find(message) != std::string::npos);
  };
  check("movies: { group: catalog, key: id }", "views.movies", "among the tables as well");
  check("v: { group: catalog }", "views.v", "key is missing");
  check("v: { key: id }", "views.v", "group is missing");
  check("v: { group: catalogue, key: id }", "views.v.group", "did you mean \"catalog\"?");
  check("v: { group: catalog, key: shardplex_slot }", "views.v.key", "fills this column itself");
  check("v: { group: by_genre, key: number }", "views.v.key", "the key of a view in the list group by_genre");
  check("v: { reference: true, key: id }", "views.v.key", "a reference view has no key");
  check("v: { reference: perhaps }", "views.v.reference", "must be true or false");
  check("v: { group: catalog, key: id, writable: true }", "views.v.writable", "unknown key");
  check("v: dramas", "views.v", "must be a mapping");
  check("\"\": { reference: true }", "views.\"\"", "1 to 63 bytes");
  for (const std::string not_a_mapping : {"views:\n", "views: [v]\n", "views: v\n"}) {
    const auto problems = problems_of(sample + not_a_mapping);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].path == "views");
  }
  CHECK(problems_of(sample + "views:\n  v: { reference: true }\n  v: { reference: true }\n").size() == 1);
}

TEST_CASE("tables and views declare computed columns that their rows' shards can work out") {
  CHECK(map_of(sample).find_table("movies")->computed.empty());
  const ShardMap map =
      map_of(replaced(replaced(sample, "key: id }", "key: id, computed: [rank, \"full name\"] }"),
                      "{ reference: true }", "{ reference: true, computed: [label] }") +
             "views:\n  dramas: { group: catalog, key: id, computed: [rank] }\n");
  CHECK(map.find_table("movies")->computed == std::vector<std::string>{"rank", "full name"});
  CHECK(map.find_table("genres")->computed == std::vector<std::string>{"label"});
  CHECK(map.find_view("dramas")->computed == std::vector<std::string>{"rank"});
  const auto row = [](const std::string& value, const std::string& place, const std::string& message) {
    return Row{"key: id }", "key: id, computed: " + value + " }", "tables.movies.computed" + place, 30,
               message};
  };
  check_each_alone({row("rank", "", "must be a list, such as [full_name]"),
                    row("[[rank]]", "[0]", "must be text"), row("[\"\"]", "[0]", "1 to 63 bytes"),
                    row("[shardplex_slot]", "[0]", "fills this column itself"),
                    row("[a, b, a]", "[2]", "computed column \"a\" is given twice")});
}
