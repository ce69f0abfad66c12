#include "query/catalogue/view_problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

using Sentences = std::vector<std::string>;

const TablePlacement of_catalog{"dramas", false, GroupId{0}, "id"};
const TablePlacement of_references{"dramas", true, std::nullopt, ""};

ShardMap map_with(TablePlacement view, ShardMap map = hash_map()) {
  return ShardMap(map.cluster(), map.shards(), map.groups(), map.tables(), map.relations(),
                  {std::move(view)});
}

/// SELECT id, name, primary_genre, shardplex_slot FROM a relation with these columns
ViewQuery select_from(const std::string& relation) {
  const std::vector<std::string> columns{"id", "name", "primary_genre", "shardplex_slot"};
  ViewQuery query;
  query.relations.push_back({ViewRelation::Kind::stored, relation, columns});
  query.from.parts.push_back({ViewFrom::Kind::relation, 1});
  for (int number = 1; number <= 4; ++number) query.columns.push_back(ViewColumn{0, 1, number});
  return query;
}

/// SELECT id, name, primary_genre, shardplex_slot FROM movies
StoredView dramas() {
  StoredView view;
  view.table.name = "dramas";
  view.table.kind = TableKind::view;
  view.table.has_slot_column = true;
  for (const std::string name : {"id", "name", "primary_genre"}) {
    view.table.columns.push_back(*movies().find_column(name));
    view.table.columns.back().not_null = false;
  }
  view.columns = {"id", "name", "primary_genre", "shardplex_slot"};
  view.reads = {"movies"};
  view.query = select_from("movies");
  view.definition = "SELECT …";
  return view;
}

ShardCatalogue account(const StoredView& view = dramas()) {
  ShardCatalogue a;
  for (const auto& table : {movies(), ratings(), genres()}) a.tables[table.name] = table;
  a.server_encoding = "UTF8";
  a.default_collation = "C.UTF-8";
  a.views["dramas"] = view;
  return a;
}

/// What is served where every shard has the same.
Catalogue served(const ShardMap& map, const ShardCatalogue& all) {
  return combine(map, {{"alpha", all}, {"beta", all}});
}

/// Why the view is not served once it is changed; "" where it is.
template <class Change>
std::string refusal(Change change, const TablePlacement& placement = of_catalog) {
  StoredView view = dramas();
  change(view);
  const auto catalogue = served(map_with(placement), account(view));
  const auto found = catalogue.refused.find("dramas");
  CHECK((found == catalogue.refused.end()) == (catalogue.find("dramas") != nullptr));
  CHECK(catalogue.find("movies"));  // nothing else is refused with it
  return found == catalogue.refused.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("a view of the map is served beside the tables, without a key") {
  const auto catalogue = served(map_with(of_catalog), account());
  CHECK(catalogue.refused.empty());
  CHECK(catalogue.warnings.empty());
  REQUIRE(catalogue.find("dramas"));
  CHECK(catalogue.find("dramas")->kind == TableKind::view);
  CHECK(catalogue.find("dramas")->primary_key.empty());
  CHECK_FALSE(served(hash_map(), account()).find("dramas"));
}

TEST_CASE("a view that is missing on a shard, or is a table there, is refused alone") {
  ShardCatalogue without = account();
  without.views.clear();
  const auto catalogue = combine(map_with(of_catalog), {{"alpha", account()}, {"beta", without}});
  CHECK(catalogue.refused.at("dramas") == "dramas: the view is missing on beta");
  CHECK(catalogue.tables.size() == 3);
  without.tables["dramas"] = movies();
  CHECK(combine(map_with(of_catalog), {{"alpha", without}, {"beta", without}}).refused.at("dramas") ==
        "dramas: the view is missing on alpha; the view is missing on beta");
}

TEST_CASE("a key of citext is shown as citext, as other values of text are equal") {
  const auto refused = [](const Column& key, const Column& shown) {
    StoredView view = dramas();
    view.table.columns[0] = shown;
    ShardCatalogue all = account(view);
    all.tables.at("movies").columns[0] = key;
    const auto catalogue = served(map_with(of_catalog), all);
    const auto found = catalogue.refused.find("dramas");
    return found == catalogue.refused.end() ? "" : found->second;
  };
  CHECK(refused(citext("id"), citext("id")).empty());
  CHECK(refused(citext("id"), column("id", "text", "text")) ==
        "dramas: its column id is text, and the shard key of movies is extensions.citext, of which other "
        "values are equal");
  CHECK(refused(column("id", "text", "text"), column("id", "text", "text")).empty());
}

TEST_CASE("a view of a group shows the slot and the key of its rows") {
  CHECK(refusal([](StoredView&) {}) == "");
  CHECK(refusal([](StoredView& v) { v.table.has_slot_column = false; }) ==
        "dramas: there is no column shardplex_slot (integer)");
  CHECK(refusal([](StoredView& v) { v.table.columns.erase(v.table.columns.begin()); }) ==
        "dramas: there is no column id, which the map makes the shard key");
  const std::string other_slot =
      "dramas: its column shardplex_slot is not that of a table of the group as it is, in each of its rows";
  CHECK(refusal([](StoredView& v) { v.query->columns[3] = std::nullopt; }) == other_slot);
  CHECK(refusal([](StoredView& v) { v.query->columns[3] = v.query->columns[0]; }) == other_slot);
  const std::string other_key = "dramas: its column id is not the shard key of movies as it is";
  CHECK(refusal([](StoredView& v) { v.query->columns[0] = std::nullopt; }) == other_key);
  CHECK(refusal([](StoredView& v) { v.query->columns[0] = v.query->columns[1]; }) == other_key);
  // The key may be called otherwise.
  CHECK(refusal(
            [](StoredView& v) {
              v.table.columns[0].name = "film";
              v.columns[0] = "film";
            },
            {"dramas", false, GroupId{0}, "film"}) == "");
}

TEST_CASE("under list a view shows the list's column as well") {
  const auto reason = [](auto change) {
    StoredView view = dramas();
    change(view);
    ShardCatalogue all = account(view);
    all.tables.erase("ratings");
    const auto catalogue = served(map_with(of_catalog, list_map()), all);
    const auto found = catalogue.refused.find("dramas");
    return found == catalogue.refused.end() ? "" : found->second;
  };
  CHECK(reason([](StoredView&) {}) == "");
  CHECK(reason([](StoredView& v) { v.table.columns.pop_back(); }) ==
        "dramas: there is no column primary_genre, by which the map makes lists");
  CHECK(reason([](StoredView& v) { v.query->columns[2] = v.query->columns[1]; }) ==
        "dramas: its columns id and primary_genre are not the shard key and the list column of movies as "
        "they are");
}

TEST_CASE("a view reads tables of its group and reference tables") {
  CHECK(refusal([](StoredView& v) { v.reads = {"movies", "genres"}; }) == "");
  CHECK(refusal([](StoredView& v) {
          v.reads = {"movies", "hidden.secrets"};
        }) == "dramas: it reads hidden.secrets, which is no table of the map");
}

TEST_CASE("a view whose definition nobody can read, or that is not of single slots, is refused") {
  CHECK(refusal([](StoredView& v) { v.query.reset(); }) == "dramas: its definition cannot be read");
  CHECK(refusal([](StoredView& v) { v.query->across_rows = {"DISTINCT ON"}; }) ==
        "dramas: its definition has DISTINCT ON, which each shard would do for its own rows");
}

TEST_CASE("a view that calls a function which may read tables is refused, of whichever kind it is") {
  const std::string reason =
      "dramas: it calls best, which is volatile or may read tables, on each shard its own";
  CHECK(refusal([](StoredView& v) { v.functions = {"best"}; }) == reason);
  CHECK(refusal(
            [](StoredView& v) {
              v.reads = {"genres"};
              v.functions = {"best"};
            },
            of_references) == reason);
}

TEST_CASE("a table of another group is none that a view of this one may read") {
  const ShardMap map(
      "movies", three_shards(),
      {{"catalog", 1024, HashStrategy{}, thirds(1024)}, {"others", 8, HashStrategy{}, thirds(8)}},
      {{"movies", false, GroupId{0}, "id"}, {"ratings", false, GroupId{1}, "movie_id"}}, {}, {of_catalog});
  StoredView view = dramas();
  view.reads = {"movies", "ratings"};
  CHECK(served(map, account(view)).refused.at("dramas") ==
        "dramas: it reads ratings, which is not of group catalog, so its rows can be on other shards");
}

TEST_CASE("a reference view reads reference tables only, and needs no slot") {
  const auto genres_of = [](StoredView& v) {
    v.table.has_slot_column = false;
    v.query.reset();
    v.reads = {"genres"};
  };
  CHECK(refusal(genres_of, of_references) == "");
  CHECK(refusal([](StoredView&) {}, of_references) ==
        "dramas: it reads movies, which is no reference table, so no shard has all of its rows");
}

TEST_CASE("a view that reads views is what these are") {
  ShardCatalogue all = account();
  StoredView below = dramas();
  below.table.name = "films";
  all.views["films"] = below;
  all.views.at("dramas").query = select_from("films");
  all.views.at("dramas").reads = {"films"};
  const auto map = map_with(of_catalog);
  CHECK(served(map, all).find("dramas"));
  CHECK(served(map, all).find("dramas")->kind == TableKind::view);
  all.views.at("films").table.kind = TableKind::materialized_view;
  CHECK(served(map, all).find("dramas")->kind == TableKind::materialized_view);
  all.views.at("films").is_populated = false;
  CHECK(served(map, all).refused.at("dramas") ==
        "dramas: it has never been filled (REFRESH MATERIALIZED VIEW films)");
  all.views.at("films").is_populated = true;
  all.views.at("films").reads.push_back("secrets");
  CHECK(served(map, all).refused.at("dramas") == "dramas: it reads secrets, which is no table of the map");
  all.views.at("films").reads.pop_back();
  all.views.at("films").functions = {"best"};
  CHECK(served(map, all).refused.at("dramas") ==
        "dramas: it calls best, which is volatile or may read tables, on each shard its own");
  all.views.at("films").functions.clear();
  all.views.at("films").query->across_rows = {"DISTINCT ON"};
  CHECK(served(map, all).refused.at("dramas") ==
        "dramas: its definition has DISTINCT ON, which each shard would do for its own rows");
  all.views.at("films") = below;
  all.views.at("films").query->columns[0].reset();
  CHECK(served(map, all).refused.contains("dramas"));
}

TEST_CASE("a view is refused with a table that it reads, and that is not served") {
  ShardCatalogue all = account();
  all.tables.at("movies").has_slot_column = false;
  const auto catalogue = served(map_with(of_catalog), all);
  CHECK(catalogue.refused.at("dramas") == "dramas: it reads movies, which is not served");
  CHECK(catalogue.find("ratings"));
}

TEST_CASE("views have to be the same on every shard") {
  const auto with_beta = [](auto change) {
    StoredView other = dramas();
    change(other);
    return combine(map_with(of_catalog), {{"alpha", account()}, {"beta", account(other)}});
  };
  CHECK(with_beta([](StoredView& v) { v.definition = "SELECT otherwise"; }).refused.at("dramas") ==
        "dramas: it is defined otherwise on beta than on alpha");
  CHECK(with_beta([](StoredView& v) { v.table.kind = TableKind::materialized_view; }).refused.at("dramas") ==
        "dramas: it is materialized on one of alpha and beta");
  CHECK(with_beta([](StoredView& v) {
          v.table.columns[0].type = v.table.columns[0].type_name = "text";
        }).refused.contains("dramas"));
}

TEST_CASE("views that a view reads have to be the same on every shard") {
  StoredView films = dramas();
  films.table.name = "films";
  StoredView above = dramas();
  above.query = select_from("films");
  above.reads = {"films"};
  ShardCatalogue alpha = account(above), beta = alpha;
  alpha.views["films"] = films;
  films.definition = "SELECT otherwise";
  beta.views["films"] = films;
  CHECK(combine(map_with(of_catalog), {{"alpha", alpha}, {"beta", beta}}).refused.at("dramas") ==
        "dramas: films, which it reads, is defined otherwise on beta than on alpha");
}
