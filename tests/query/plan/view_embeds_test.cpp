// Embeds of views, and in views: which of them shards make by themselves, and how the others are looked up.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "query/plan/locality.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/plan/scattered_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Table as_view(Table table, std::string name, TableKind kind = TableKind::view) {
  table.name = std::move(name);
  table.kind = kind;
  table.shown_primary_key = std::move(table.primary_key);
  table.primary_key.clear();
  table.foreign_keys.clear();
  table.computed.clear();
  return table;
}

/// A view of films beside them and one of genres everywhere, one of users, and one of lists that is kept.
Catalogue catalogue_with_views() {
  Catalogue catalogue = scattered_tables();
  auto& tables = catalogue.tables;
  tables["dramas"] = as_view(tables.at("movies"), "dramas");
  tables["kinds"] = as_view(tables.at("genres"), "kinds");
  tables["people"] = as_view(tables.at("users"), "people");
  tables["kept_lists"] = as_view(tables.at("lists"), "kept_lists", TableKind::materialized_view);
  tables["copies"] = as_view(tables.at("movies"), "copies");
  const auto show = [&](const std::string& table, ForeignKey key, bool leads_to_several = false) {
    tables.at(table).shown_keys.push_back({std::move(key), false, false, leads_to_several});
  };
  show("ratings", {"ratings_movie_id_fkey", {"movie_id"}, "dramas", {"id"}});
  show("ratings", {"ratings_movie_id_fkey", {"movie_id"}, "copies", {"id"}}, true);
  show("ratings", {"ratings_user_id_fkey", {"user_id"}, "people", {"id"}});
  show("dramas", {"movies_primary_genre_fkey", {"primary_genre"}, "genres", {"name"}});
  show("dramas", {"movies_primary_genre_fkey", {"primary_genre"}, "kinds", {"name"}});
  show("kept_lists", {"lists_user_fkey", {"user_id"}, "people", {"id"}});
  show("kept_lists", {"lists_movie_fkey", {"movie_id"}, "dramas", {"id"}});
  return catalogue;
}

ShardMap map_with_views() {
  const ShardMap map = scattered_map();
  return ShardMap(map.cluster(), map.shards(), map.groups(), map.tables(), map.relations(),
                  {{"dramas", false, GroupId{0}, "id"},
                   {"copies", false, GroupId{0}, "id"},
                   {"kinds", true, std::nullopt, ""},
                   {"people", false, GroupId{1}, "id"},
                   {"kept_lists", false, GroupId{1}, "user_id"}});
}

Result<RoutedPlan> plan_with_views(const std::string& table, std::string_view query_string) {
  static const Catalogue catalogue = catalogue_with_views();
  static const Relations relations(catalogue);
  static const ShardMap map = map_with_views();
  const auto query = std::make_unique<Query>(parse_query(table, query_string, {}).value());
  const auto tree = resolve(*query, *catalogue.find(table), catalogue, relations);
  if (!tree) return tree.error();
  return plan_routed_read(*tree, *query, in_map(*catalogue.find(table), map), CountKind::none,
                          {.bytewise_default_collation = true, .row_bound = 0});
}

RowsRead rows_read(const std::string& table, std::string_view query) {
  return std::get<RowsRead>(plan_with_views(table, query).value());
}

bool contains(const std::string& sql, std::string_view part) {
  return sql.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("shards embed views beside the rows of their slots, and rows beside those of views") {
  for (const auto& [table, select, from] : {std::tuple{"ratings", "select=score,dramas(name)", "dramas"},
                                            {"dramas", "select=id,ratings(score)", "ratings"},
                                            {"dramas", "select=id,genres(note)", "genres"},
                                            {"dramas", "select=id,kinds(note)", "kinds"}}) {
    CAPTURE(select);
    const auto read = rows_read(table, select);
    CHECK(read.lookups.empty());
    CHECK(contains(read.scan.values, "FROM \"public\".\"" + std::string(from) + "\" AS e1"));
  }
}

TEST_CASE("a view's rows on other shards are looked up by its key, each with a slot") {
  const auto read = rows_read("ratings", "select=score,people(name)");
  REQUIRE(read.lookups.size() == 1);
  const auto& lookup = read.lookups.front();
  REQUIRE(lookup.place);
  CHECK(lookup.place->slots({"5"}).size() == 1);
  CHECK(contains(lookup.rows.scan.where, "shardplex.refuse_row_without_slot('the view people')"));
  // By another column than the key it is on any shard.
  const auto all = rows_read("kinds", "select=name,dramas(id)");
  REQUIRE(all.lookups.size() == 1);
  CHECK(all.lookups.front().place->slots({"Drama"}) == SlotSet::all(1024));
}

TEST_CASE("a junction that keeps its rows shows those of slots that its shard owns") {
  const std::string owned = R"("shardplex_slot" IN (SELECT)";
  // The people are beside the junction's rows, and found with them.
  const auto beside = rows_read("dramas", "select=id,people!kept_lists(name)");
  REQUIRE(beside.lookups.size() == 1);
  CHECK_FALSE(beside.lookups.front().junction);
  CHECK(contains(beside.lookups.front().rows.scan.where, "j." + owned));
  // The films are elsewhere.
  const auto through = rows_read("people", "select=name,dramas!kept_lists(id)");
  REQUIRE(through.lookups.size() == 1);
  REQUIRE(through.lookups.front().junction);
  CHECK(contains(through.lookups.front().junction->rows.scan.where, R"("kept_lists".)" + owned));
}

TEST_CASE("a relation to one does not lead to a view that may have several rows for it") {
  const auto refused = plan_with_views("ratings", "select=score,copies(name)");
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == "SHARD400");
  CHECK(contains(refused.error().details.value_or(""), "'copies' is a view of"));
  CHECK(plan_with_views("ratings", "select=score,movies(ratings(copies(id)))").has_error());
  CHECK(plan_with_views("copies", "select=id,ratings(score)").has_value());
}
