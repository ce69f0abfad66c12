#include "query/catalogue/view_writes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/query/simple_views.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

const TablePlacement of_films{"good_films", false, GroupId{0}, "film"};

StoredView good_films(ViewColumns columns = {{"film", "id"}, {"name", "name"}, {"votes", "votes"}}) {
  StoredView view = view_of_table("good_films", movies(), std::move(columns));
  view.is_updatable = true;
  return view;
}

Table served(const ShardMap& map, const ShardCatalogue& shard) {
  const auto catalogue = combine(map, {{"alpha", shard}, {"beta", shard}});
  const auto refused = catalogue.refused.find("good_films");
  const std::string why = refused == catalogue.refused.end() ? "" : refused->second;
  CAPTURE(why);
  const Table* view = catalogue.find("good_films");
  REQUIRE(view);
  return *view;
}

/// Why rows are not written through the view, once it is changed; "" where they are.
template <class Change>
std::string problem(Change change) {
  StoredView view = good_films();
  change(view);
  const Table table = served(hash_map_with_views({of_films}), shard_with_views({view}));
  CHECK(table.written.has_value() == table.not_written.empty());
  return table.not_written;
}

}  // namespace

TEST_CASE("rows are written through a view to the table whose columns it shows") {
  const Table view = served(hash_map_with_views({of_films}), shard_with_views({good_films()}));
  CHECK(view.not_written.empty());
  CHECK(view.written == WrittenTable{"public", "movies", "id", {"id"}});
  // As the table's, which PostgreSQL does not know of the view's.
  CHECK(view.find_column("votes")->has_default);
  CHECK_FALSE(view.find_column("name")->has_default);
  CHECK_FALSE(view.find_column("film")->identity_always);
  auto shard = shard_with_views({good_films()});
  shard.tables.at("movies").columns[0].generated = true;
  shard.tables.at("movies").columns[0].identity_always = true;
  CHECK(served(hash_map_with_views({of_films}), shard).find_column("film")->identity_always);
  // A default of the view's own is one as well.
  auto shown = good_films();
  shown.table.columns[1].has_default = true;
  const Table with_default = served(hash_map_with_views({of_films}), shard_with_views({shown}));
  CHECK(with_default.find_column("name")->has_default);
}

TEST_CASE("labels by which no row of the table may be placed yet are so of the view") {
  Table films = related_movies();
  films.columns[0] = rating_enum("id");
  StoredView view = view_of_table("good_films", films, {{"film", "id"}, {"name", "name"}});
  view.is_updatable = true;
  const auto map = hash_map_with_views({of_films});
  auto shard = shard_with_views({view});
  shard.tables["movies"] = films;
  shard.definitions = definitions_of(map);
  shard.definitions[key_subject("movies")] = "enum";
  shard.definitions[labels_subject("movies", "id")] = R"("G" "R")";
  const Table with_new_label = served(map, shard);
  CHECK(with_new_label.written);
  CHECK(with_new_label.find_column("film")->unplaced_labels == std::vector<std::string>{"PG"});
}

TEST_CASE("what PostgreSQL carries out otherwise, or not at all, is told by name") {
  CHECK(problem([](StoredView&) {}).empty());
  CHECK(problem([](StoredView& view) { view.instead = "the INSTEAD OF trigger note"; }) ==
        "it has the INSTEAD OF trigger note");
  CHECK(problem([](StoredView& view) { view.is_updatable = false; }) ==
        "PostgreSQL does not write through it: its definition has more than columns of one table and a "
        "condition");
  CHECK(problem([](StoredView& view) { view.table.kind = TableKind::materialized_view; }) ==
        "it is materialized");
}

TEST_CASE("what decides a row's slot is the table's own, and is shown once") {
  const auto with_columns = [](ViewColumns columns) {
    return problem([&](StoredView& view) { view = good_films(std::move(columns)); });
  };
  CHECK(with_columns({{"film", "id"}}).empty());
  CHECK(with_columns({{"film", "id"}, {"again", "id"}}) ==
        "its column again is id of movies as well, by which a row could be moved");
  CHECK(with_columns({{"film", "id"}, {"again", "shardplex_slot"}}) ==
        "its column again is shardplex_slot of movies as well, by which a row could be moved");
  CHECK(problem([](StoredView& view) { view.origins[0].reset(); }) ==
        "its column film is not the column id of movies as it is");
}

TEST_CASE("under list the list's column is to be there as well") {
  const auto through = [](ViewColumns columns) {
    auto view = good_films(std::move(columns));
    const ShardMap map = list_map();
    ShardCatalogue shard = shard_with_views({view});
    shard.tables.erase("ratings");
    return served(ShardMap(map.cluster(), map.shards(), map.groups(), map.tables(), {}, {of_films}), shard)
        .not_written;
  };
  const std::pair<std::string, std::string> genre{"primary_genre", "primary_genre"};
  CHECK(through({{"film", "id"}, genre}).empty());
  CHECK(through({{"film", "id"}, genre, {"kind", "primary_genre"}}) ==
        "its column kind is primary_genre of movies as well, by which a row could be moved");
}

TEST_CASE("a view over a view writes to the table below both, where both do") {
  const auto above = [](StoredView below) {
    Table as_table = below.table;  // what the view above reads, as a table would be
    StoredView view = view_of_table("good_films", as_table, {{"film", "film"}, {"name", "name"}});
    view.is_updatable = true;
    return shard_with_views({std::move(below), std::move(view)});
  };
  auto below = good_films();
  below.table.name = "some_films";
  const auto map = hash_map_with_views({of_films});
  const Table view = served(map, above(below));
  CHECK(view.written == WrittenTable{"public", "movies", "id", {"id"}});
  CHECK(view.reads == std::vector<std::string>{"movies"});
  below.instead = "the rule quiet";
  CHECK(served(map, above(below)).not_written == "some_films, which it reads, has the rule quiet");
}

TEST_CASE("all shards have to write through the view, to one table") {
  auto other = good_films();
  other.instead = "the INSTEAD OF trigger note";
  const auto catalogue =
      combine(hash_map_with_views({of_films}),
              {{"alpha", shard_with_views({good_films()})}, {"beta", shard_with_views({other})}});
  CHECK(catalogue.find("good_films")->not_written == "it has the INSTEAD OF trigger note");
}

TEST_CASE("views of reference tables are read only") {
  StoredView view = view_of_table("good_films", genres(), {{"kind", "name"}});
  view.is_updatable = true;
  const auto map = hash_map_with_views({{"good_films", true, std::nullopt, ""}});
  CHECK(served(map, shard_with_views({view})).not_written == "it shows rows of reference tables");
}
