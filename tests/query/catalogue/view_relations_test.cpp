#include "query/catalogue/view_relations.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue_of_schema.hpp"
#include "query/catalogue/find_relation.hpp"
#include "query/catalogue/relations.hpp"
#include "tests/query/simple_views.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

using Texts = std::vector<std::string>;

const TablePlacement of_films{"good_films", false, GroupId{0}, "film"};
const TablePlacement of_scores{"scores", false, GroupId{0}, "movie_id"};
const TablePlacement of_kinds{"kinds", true, std::nullopt, ""};

StoredView good_films() {
  return view_of_table("good_films", movies(), {{"film", "id"}, {"kind", "primary_genre"}});
}

StoredView scores() {
  return view_of_table("scores", ratings(),
                       {{"movie_id", "movie_id"}, {"user_id", "user_id"}, {"score", "score"}});
}

StoredView kinds() {
  return view_of_table("kinds", genres(), {{"kind", "name"}});
}

Catalogue catalogue_with(const std::vector<StoredView>& views) {
  const auto shard = shard_with_views(views);
  auto catalogue = combine(hash_map_with_views({of_films, of_scores, of_kinds}),
                           {{"alpha", shard}, {"beta", shard}, {"gamma", shard}});
  for (const auto& view : views) CHECK(catalogue.find(view.table.name));
  return catalogue;
}

/// The relations from a table or view to another, as text.
Texts between(const Catalogue& catalogue, std::string_view table, std::string_view foreign) {
  Texts found;
  const Relations relations(catalogue);
  for (const auto& relation : relations.from(table)) {
    if (relation.foreign_table != foreign) continue;
    std::string text = std::string(to_string(relation.cardinality)) + ' ' + relation.constraint;
    for (const auto& pair : relation.columns) text += ' ' + pair.column + '=' + pair.foreign_column;
    if (relation.junction) text += "by " + relation.junction->table;
    if (relation.foreign_end.has_several) text += " or several";
    CHECK(relation.foreign_end.is_view == catalogue.find(foreign)->is_view());
    found.push_back(text);
  }
  return found;
}

}  // namespace

TEST_CASE("a view has the keys of its table, those that lead to it, and those between it and other views") {
  const auto all = catalogue_with({good_films(), scores(), kinds()});
  CHECK(between(all, "ratings", "movies") == Texts{"many-to-one ratings_movie_fkey movie_id=id"});
  CHECK(between(all, "ratings", "good_films") == Texts{"many-to-one ratings_movie_fkey movie_id=film"});
  CHECK(between(all, "good_films", "ratings") == Texts{"one-to-many ratings_movie_fkey film=movie_id"});
  CHECK(between(all, "scores", "movies") == Texts{"many-to-one ratings_movie_fkey movie_id=id"});
  CHECK(between(all, "scores", "good_films") == Texts{"many-to-one ratings_movie_fkey movie_id=film"});
  CHECK(between(all, "good_films", "scores") == Texts{"one-to-many ratings_movie_fkey film=movie_id"});
  CHECK(between(all, "good_films", "genres") == Texts{"many-to-one movies_genre_fkey kind=name"});
  CHECK(between(all, "kinds", "good_films") == Texts{"one-to-many movies_genre_fkey kind=kind"});
  CHECK(between(all, "movies", "good_films").empty());
}

TEST_CASE("a view without all columns of a key does not have it") {
  auto no_genre = view_of_table("good_films", movies(), {{"film", "id"}});
  CHECK(between(catalogue_with({no_genre}), "good_films", "genres").empty());
  // Nor one whose column is worked out.
  auto films = good_films();
  films.origins[1].reset();
  films.query->columns[1].reset();
  CHECK(between(catalogue_with({films}), "good_films", "genres").empty());
  CHECK(between(catalogue_with({films}), "good_films", "ratings").size() == 1);
}

TEST_CASE("a column that is shown twice gives the key twice") {
  const auto films = view_of_table("good_films", movies(), {{"film", "id"}, {"again", "id"}});
  const auto all = catalogue_with({films});
  CHECK(between(all, "good_films", "ratings") == Texts{"one-to-many ratings_movie_fkey again=movie_id",
                                                       "one-to-many ratings_movie_fkey film=movie_id"});
  const Relations relations(all);
  CHECK(find_relation(relations, *all.find("good_films"), "ratings", std::nullopt).error().code ==
        "PGRST201");
  CHECK((*find_relation(relations, *all.find("good_films"), "ratings", "again"))->columns.front().column ==
        "again");
}

TEST_CASE("constraints and columns mean tables, and with a hint views as well") {
  const auto all = catalogue_with({good_films(), scores(), kinds()});
  const Relations relations(all);
  const auto find = [&](const char* table, const char* target, std::optional<std::string> hint = {}) {
    const auto found = find_relation(relations, *all.find(table), target, hint);
    return found ? (*found)->foreign_table : found.error().code;
  };
  for (const auto* target : {"movie_id", "ratings_movie_fkey"}) {
    CHECK(find("ratings", target) == "movies");
    CHECK(find("scores", target) == "movies");
  }
  CHECK(find("good_films", "kind") == "genres");
  CHECK(find("scores", "good_films", "ratings_movie_fkey") == "good_films");
  CHECK(find("scores", "good_films", "movie_id") == "good_films");
  CHECK(find("scores", "good_films", "film") == "good_films");
  CHECK(find("good_films", "scores", "movie_id") == "scores");
  CHECK(find("scores", "good_films", "id") == "PGRST200");
}

TEST_CASE("a view that may have several rows for one of its table's is no one row") {
  auto films = good_films();
  films.query->repeats_rows = true;
  const auto all = catalogue_with({films, scores()});
  CHECK(between(all, "ratings", "good_films") ==
        Texts{"many-to-one ratings_movie_fkey movie_id=film or several"});
  CHECK(between(all, "good_films", "ratings") == Texts{"one-to-many ratings_movie_fkey film=movie_id"});
  // Where one shard cannot tell, none does.
  auto shard = shard_with_views({good_films()}), other = shard_with_views({films});
  const auto mixed =
      combine(hash_map_with_views({of_films}), {{"alpha", shard}, {"beta", other}, {"gamma", shard}});
  CHECK(between(mixed, "ratings", "good_films") ==
        Texts{"many-to-one ratings_movie_fkey movie_id=film or several"});
}

TEST_CASE("a key that is unique in its table is one to one in its views, as far as they repeat no rows") {
  for (const bool repeats : {false, true}) {
    auto seen = scores();
    seen.query->repeats_rows = repeats;
    auto shard = shard_with_views({good_films(), seen});
    shard.tables.at("ratings").unique = {{"one_a_film", {"movie_id"}}};
    const auto all = combine(hash_map_with_views({of_films, of_scores}), {{"alpha", shard}});
    const std::string several = repeats ? " or several" : "";
    CHECK(between(all, "movies", "scores") == Texts{"one-to-one ratings_movie_fkey id=movie_id" + several});
    CHECK(between(all, "good_films", "scores") ==
          Texts{"one-to-one ratings_movie_fkey film=movie_id" + several});
    CHECK(between(all, "scores", "good_films") == Texts{"one-to-one ratings_movie_fkey movie_id=film"});
  }
}

TEST_CASE("views are at the ends of junctions, and are some where they show its primary key") {
  auto shard = shard_with_views({scores()});
  Table users;
  users.name = "users";
  users.columns = {not_null(column("id", "integer", "int4"))};
  users.primary_key = {"id"};
  shard.tables["users"] = users;
  shard.tables.at("ratings").foreign_keys.push_back({"ratings_user_fkey", {"user_id"}, "users", {"id"}});
  const auto people = view_of_table("people", users, {{"number", "id"}});
  shard.views["people"] = people;
  const ShardMap map = hash_map();
  auto tables = map.tables();
  tables.push_back({"users", true, std::nullopt, ""});
  const auto with = [&](StoredView seen) {
    auto changed = shard;
    changed.views["scores"] = std::move(seen);
    return combine(ShardMap(map.cluster(), map.shards(), map.groups(), tables, {},
                            {of_scores, {"people", true, std::nullopt, ""}}),
                   {{"alpha", changed}});
  };
  const auto all = with(scores());
  CHECK(all.find("scores")->shown_primary_key == Texts{"movie_id", "user_id"});
  CHECK(between(all, "movies", "users") == Texts{"many-to-many by ratings", "many-to-many by scores"});
  CHECK(between(all, "movies", "people") == Texts{"many-to-many by ratings", "many-to-many by scores"});
  CHECK(between(all, "people", "movies").size() == 2);
  const auto without = with(view_of_table("scores", ratings(), {{"movie_id", "movie_id"}}));
  CHECK(without.find("scores")->shown_primary_key.empty());
  CHECK(between(without, "movies", "users") == Texts{"many-to-many by ratings"});
}

TEST_CASE("keys that the map declares count for views as foreign keys do") {
  auto shard = shard_with_views({good_films(), scores()});
  shard.tables.at("ratings").foreign_keys.clear();
  const ShardMap map = hash_map();
  const ShardMap declaring(map.cluster(), map.shards(), map.groups(), map.tables(),
                           {{"rated", "ratings", {"movie_id"}, "movies", {"id"}}}, {of_films, of_scores});
  const auto all = combine(declaring, {{"alpha", shard}});
  CHECK(between(all, "scores", "good_films") == Texts{"many-to-one rated movie_id=film"});
  CHECK(between(all, "scores", "movies") == Texts{"many-to-one rated movie_id=id"});
}

TEST_CASE("views of a schema are related by keys of tables that are in another") {
  const auto in_schema = [](StoredView view) {
    view.table.name = "api." + view.table.name;
    view.table.schema = "api";
    return view;
  };
  const auto shard = shard_with_views({in_schema(good_films()), in_schema(scores())});
  const ShardMap map = hash_map_with_views(
      {{"api.good_films", false, GroupId{0}, "film"}, {"api.scores", false, GroupId{0}, "movie_id"}});
  const auto all = combine(map, {{"alpha", shard}});
  const auto api = catalogue_of_schema(all, map, "api");
  CHECK(between(api, "scores", "good_films") == Texts{"many-to-one ratings_movie_fkey movie_id=film"});
  CHECK(between(api, "good_films", "scores") == Texts{"one-to-many ratings_movie_fkey film=movie_id"});
  CHECK(Relations(api).from("scores").size() == 1);
  const auto plain = catalogue_of_schema(all, map, "public");
  CHECK(between(plain, "ratings", "movies").size() == 1);
  CHECK(Relations(plain).from("ratings").size() == 1);
}
