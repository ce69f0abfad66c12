#include "query/catalogue/view_slots.hpp"

#include <doctest/doctest.h>

#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

using Kind = ViewFrom::Kind;
using Problems = std::vector<std::string>;

// The columns of the relations that queries here read, by number.
constexpr int movie_id = 1, movie_genre = 2, movie_slot = 3;
constexpr int rated_movie = 1, rated_score = 2, rated_slot = 3;
constexpr int genre_name = 1, genre_movie = 2;

ViewRelation stored(const std::string& name) {
  if (name == "genres") return {ViewRelation::Kind::stored, name, {"name", "movie"}};
  if (name == "movies") return {ViewRelation::Kind::stored, name, {"id", "primary_genre", "shardplex_slot"}};
  return {ViewRelation::Kind::stored, name, {"movie_id", "score", "shardplex_slot"}};
}

ViewRelation subquery(ViewQuery query) {
  ViewRelation relation;
  relation.kind = ViewRelation::Kind::query;
  relation.query.push_back(std::move(query));
  return relation;
}

ViewFrom nth(int relation) {
  return {Kind::relation, relation};
}

ViewEquality equal(ViewColumn left, ViewColumn right) {
  return {left, right};
}

ViewColumn of(int relation, int number) {
  return {0, relation, number};
}

ViewColumn around(int relation, int number) {
  return {1, relation, number};
}

/// SELECT … FROM these, in this way.
ViewQuery query_of(std::vector<ViewRelation> relations, Kind how, std::vector<ViewEquality> on = {},
                   std::vector<ViewColumn> columns = {of(1, 1), of(1, 3)}) {
  ViewQuery query;
  ViewFrom from{how};
  for (std::size_t i = 1; i <= relations.size(); ++i) from.parts.push_back(nth(static_cast<int>(i)));
  from.equalities = std::move(on);
  query.relations = std::move(relations);
  query.from.parts.push_back(std::move(from));
  for (const auto& column : columns) query.columns.emplace_back(column);
  return query;
}

/// SELECT id, shardplex_slot FROM movies
ViewQuery all_movies() {
  return query_of({stored("movies")}, Kind::inner);
}

ShardCatalogue catalogue_with(const Table& rated = ratings()) {
  ShardCatalogue catalogue;
  for (const auto& table : {movies(), rated, genres()}) catalogue.tables[table.name] = table;
  return catalogue;
}

ViewSlots slots_of(ViewQuery query, const ShardMap& map = hash_map(),
                   const ShardCatalogue& shard = catalogue_with()) {
  StoredView view;
  view.query = std::move(query);
  return view_slots(view, map, shard);
}

Problems problems_of_query(ViewQuery query) {
  return slots_of(std::move(query)).problems;
}

const Problems movies_and_ratings_apart{
    "it joins movies and ratings by other columns than their keys, so rows that belong together can be on "
    "different shards"};

}  // namespace

TEST_CASE("the slot and the key of a view are those of its table") {
  const auto slots = slots_of(all_movies());
  CHECK(slots.problems.empty());
  CHECK(slots.tables == std::vector<std::string>{"movies"});
  CHECK(slots.slot == std::set<int>{2});
  CHECK(slots.keys == std::vector<std::vector<std::set<int>>>{{{1}}});
}

TEST_CASE("reference tables are joined to a sharded one by whatever condition") {
  for (const auto how : {Kind::inner, Kind::left}) {
    const auto slots = slots_of(query_of({stored("movies"), stored("genres")}, how));
    CHECK(slots.problems.empty());
    CHECK(slots.slot == std::set<int>{2});
  }
  CHECK(slots_of(query_of({stored("genres")}, Kind::inner, {}, {of(1, genre_name)})).tables.empty());
}

TEST_CASE("an outer join does not keep rows of reference tables") {
  CHECK(
      problems_of_query(query_of({stored("genres"), stored("movies")}, Kind::left)) ==
      Problems{"an outer join keeps rows of reference tables that have none of movies, and each shard would "
               "keep its own"});
  for (const auto& other : {"ratings", "genres"})
    CHECK_FALSE(problems_of_query(query_of({stored("movies"), stored(other)}, Kind::full,
                                           {equal(of(1, movie_id), of(2, rated_movie))}))
                    .empty());
  CHECK(problems_of_query(query_of({stored("genres"), stored("genres")}, Kind::full)).empty());
}

TEST_CASE("sharded tables are joined by their keys or their slots") {
  for (const auto how : {Kind::inner, Kind::left}) {
    const auto joined_by = [&](std::vector<ViewEquality> on) {
      return problems_of_query(query_of({stored("movies"), stored("ratings")}, how, std::move(on)));
    };
    CHECK(joined_by({equal(of(1, movie_id), of(2, rated_movie))}).empty());
    CHECK(joined_by({equal(of(2, rated_movie), of(1, movie_id))}).empty());
    CHECK(joined_by({equal(of(1, movie_slot), of(2, rated_slot))}).empty());
    CHECK(joined_by({}) == movies_and_ratings_apart);
    CHECK(joined_by({equal(of(1, movie_id), of(2, rated_score))}) == movies_and_ratings_apart);
    CHECK(joined_by({equal(of(1, movie_slot), of(2, rated_movie))}) == movies_and_ratings_apart);
  }
}

TEST_CASE("a table that is read twice is joined to itself as any other") {
  const auto twice = [](std::vector<ViewEquality> on) {
    return problems_of_query(query_of({stored("movies"), stored("movies")}, Kind::inner, std::move(on)));
  };
  CHECK(twice({equal(of(1, movie_id), of(2, movie_id))}).empty());
  CHECK_FALSE(twice({equal(of(1, movie_genre), of(2, movie_genre))}).empty());
}

TEST_CASE("keys are equal through other columns too") {
  const auto through = [](ViewEquality last) {
    return problems_of_query(query_of({stored("movies"), stored("genres"), stored("ratings")}, Kind::inner,
                                      {equal(of(1, movie_id), of(2, genre_movie)), last}));
  };
  CHECK(through(equal(of(2, genre_movie), of(3, rated_movie))).empty());
  CHECK(through(equal(of(2, genre_name), of(3, rated_movie))) == movies_and_ratings_apart);
}

TEST_CASE("the columns of an outer join's other side tell no slot") {
  const auto on = std::vector{equal(of(1, movie_id), of(2, rated_movie))};
  const auto slots = slots_of(query_of({stored("movies"), stored("ratings")}, Kind::left, on,
                                       {of(2, rated_movie), of(2, rated_slot), of(1, movie_id)}));
  CHECK(slots.problems.empty());
  CHECK(slots.slot.empty());
  CHECK(slots.keys == std::vector<std::vector<std::set<int>>>{{{3}}});
  // What holds where WHERE does is not what holds in the join.
  auto late = query_of({stored("movies"), stored("ratings")}, Kind::left);
  late.from.equalities = on;
  CHECK(problems_of_query(late) == movies_and_ratings_apart);
  // A third table cannot be joined to what may be null.
  auto third = query_of({stored("movies"), stored("ratings")}, Kind::left, on);
  third.relations.push_back(stored("ratings"));
  third.from.parts = {{Kind::left, 0, {third.from.parts[0], nth(3)}, {equal(of(2, rated_movie), of(3, 1))}}};
  CHECK_FALSE(problems_of_query(third).empty());
}

TEST_CASE("under list the list's column has to be equal as well, of the same table as the key") {
  Table shelved = ratings();
  shelved.columns.push_back(column("primary_genre", "text", "text"));
  const ShardMap map("movies", three_shards(), {{"by_genre", 1024, by_genre(), thirds(1024)}},
                     {{"movies", false, GroupId{0}, "id"}, {"ratings", false, GroupId{0}, "movie_id"}}, {});
  const auto with_genre = [](std::string key) {
    return std::vector<std::string>{std::move(key), "primary_genre", "shardplex_slot"};
  };
  const auto grouped = [&](std::vector<ViewEquality> on, std::vector<ViewColumn> by) {
    auto query = query_of({{ViewRelation::Kind::stored, "movies", with_genre("id")},
                           {ViewRelation::Kind::stored, "ratings", with_genre("movie_id")}},
                          Kind::inner, std::move(on));
    query.is_grouped = !by.empty();
    query.grouped_by = std::move(by);
    return slots_of(query, map, catalogue_with(shelved)).problems;
  };
  const auto keys = equal(of(1, 1), of(2, 1)), genres = equal(of(1, 2), of(2, 2)),
             by_slot = equal(of(1, 3), of(2, 3));
  CHECK_FALSE(grouped({keys}, {}).empty());
  CHECK(grouped({keys, genres}, {}).empty());
  CHECK(grouped({by_slot}, {}).empty());
  CHECK_FALSE(grouped({by_slot}, {of(1, 1)}).empty());
  CHECK(grouped({by_slot}, {of(1, 1), of(1, 2)}).empty());
  CHECK_FALSE(grouped({by_slot}, {of(1, 1), of(2, 2)}).empty());
}

TEST_CASE("groups and distinct rows are of one slot each") {
  const Problems gathers{
      "its aggregate or GROUP BY gathers rows of movies with different keys, of which each shard has only "
      "some"};
  auto query = all_movies();
  query.is_grouped = true;
  CHECK(problems_of_query(query) == gathers);
  query.grouped_by = {of(1, movie_genre)};
  CHECK(problems_of_query(query) == gathers);
  for (const auto column : {movie_id, movie_slot}) {
    query.grouped_by = {of(1, movie_genre), of(1, column)};
    CHECK(problems_of_query(query).empty());
  }
  auto distinct = all_movies();
  distinct.is_distinct = true;
  CHECK(problems_of_query(distinct).empty());
  distinct.columns = {of(1, movie_genre)};
  CHECK(problems_of_query(distinct) ==
        Problems{
            "its DISTINCT makes one of equal rows of movies with different keys, which can be on different "
            "shards"});
}

TEST_CASE("a key that can be null does not tell a slot to GROUP BY") {
  Table rated = ratings();
  rated.columns[0].not_null = false;
  auto query = query_of({stored("ratings")}, Kind::inner);
  query.is_grouped = true;
  query.grouped_by = {of(1, rated_movie)};
  CHECK(slots_of(query).problems.empty());
  CHECK_FALSE(slots_of(query, hash_map(), catalogue_with(rated)).problems.empty());
}

TEST_CASE("a subquery for a row reads rows of its slot, or of reference tables") {
  const auto with = [](ViewQuery inner) {
    auto query = all_movies();
    query.subqueries.push_back(std::move(inner));
    return problems_of_query(query);
  };
  const auto of_row = std::vector{equal(of(1, rated_movie), around(1, movie_id))};
  auto connected = query_of({stored("ratings")}, Kind::inner, of_row);
  CHECK(with(connected).empty());
  connected.is_grouped = true;
  connected.across_rows = {"LIMIT, OFFSET or FETCH"};
  CHECK(with(connected).empty());
  CHECK(with(query_of({stored("genres")}, Kind::inner)).empty());
  const Problems alone{
      "a subquery in it reads ratings, and not only rows with the key of the row that it is for: a shard has "
      "only its own"};
  CHECK(with(query_of({stored("ratings")}, Kind::inner)) == alone);
  CHECK(with(query_of({stored("ratings")}, Kind::inner, {equal(of(1, rated_score), around(1, movie_id))})) ==
        alone);
  // Of the row that is there only where the join finds one.
  CHECK_FALSE(with(query_of({stored("genres"), stored("ratings")}, Kind::left,
                            {equal(of(2, rated_movie), around(1, movie_id))}))
                  .empty());
  // Each shard may choose another.
  auto chosen = query_of({stored("genres")}, Kind::inner);
  chosen.across_rows = {"LIMIT, OFFSET or FETCH"};
  CHECK(with(chosen) ==
        Problems{"its definition has LIMIT, OFFSET or FETCH, which each shard would do for its own rows"});
}

TEST_CASE("a subquery inside a subquery is followed to the row around both") {
  auto query = all_movies();
  auto middle = query_of({stored("genres")}, Kind::inner);
  middle.subqueries.push_back(
      query_of({stored("ratings")}, Kind::inner, {equal(of(1, rated_movie), {2, 1, movie_id})}));
  query.subqueries = {middle};
  CHECK(problems_of_query(query).empty());
  middle.subqueries[0].from.parts[0].equalities = {equal(of(1, rated_movie), around(1, movie_id))};
  query.subqueries = {middle};
  CHECK_FALSE(problems_of_query(query).empty());
}

TEST_CASE("for a row of a reference table no subquery reads sharded ones") {
  auto query = query_of({stored("genres")}, Kind::inner);
  query.subqueries.push_back(
      query_of({stored("movies")}, Kind::inner, {equal(of(1, movie_genre), around(1, genre_name))}));
  CHECK_FALSE(problems_of_query(query).empty());
}

TEST_CASE("queries elsewhere, and parts of UNION, read reference tables only") {
  auto query = all_movies();
  query.elsewhere.push_back(query_of({stored("genres")}, Kind::inner));
  CHECK(problems_of_query(query).empty());
  query.elsewhere.push_back(all_movies());
  CHECK(problems_of_query(query).size() == 1);
  ViewQuery both;
  both.is_combined = true;
  both.relations = {subquery(query_of({stored("genres")}, Kind::inner)), subquery(all_movies())};
  CHECK(
      problems_of_query(both) ==
      Problems{"a part of UNION, INTERSECT or EXCEPT reads movies, and not only rows with the key of the row "
               "that it is for: a shard has only its own"});
  both.relations.pop_back();
  CHECK(problems_of_query(both).empty());
}

TEST_CASE("a subquery in FROM and a view are relations with a slot and a key of their own") {
  auto counts = query_of({stored("ratings")}, Kind::inner, {}, {of(1, rated_movie)});
  counts.is_grouped = true;
  counts.grouped_by = {of(1, rated_movie)};
  const auto on = std::vector{equal(of(1, movie_id), of(2, 1))};
  CHECK(problems_of_query(query_of({stored("movies"), subquery(counts)}, Kind::left, on)).empty());
  auto limited = counts;
  limited.across_rows = {"LIMIT, OFFSET or FETCH"};
  CHECK_FALSE(problems_of_query(query_of({stored("movies"), subquery(limited)}, Kind::left, on)).empty());

  ShardCatalogue shard = catalogue_with();
  shard.views["counted"].query = counts;
  shard.views["counted"].table.name = "counted";
  const ViewRelation view{ViewRelation::Kind::stored, "counted", {"movie_id"}};
  CHECK(slots_of(query_of({stored("movies"), view}, Kind::left, on), hash_map(), shard).problems.empty());
  CHECK_FALSE(slots_of(query_of({stored("movies"), view}, Kind::left), hash_map(), shard).problems.empty());
  shard.views["counted"].query.reset();
  CHECK(slots_of(query_of({view}, Kind::inner), hash_map(), shard).problems ==
        Problems{"the definition of counted, which it reads, cannot be read"});
}

TEST_CASE("what is each server's own is not served, and what cannot be read is not guessed") {
  auto query = all_movies();
  query.never = {"TABLESAMPLE"};
  CHECK(problems_of_query(query) == Problems{"its definition has TABLESAMPLE, which is each shard's own"});
  CHECK_FALSE(problems_of_query(query_of({ViewRelation{}}, Kind::inner)).empty());
  CHECK_FALSE(problems_of_query(query_of({stored("movies")}, Kind::left)).empty());
  auto nowhere = all_movies();
  nowhere.from.parts = {nth(2)};
  CHECK_FALSE(problems_of_query(nowhere).empty());
  CHECK(view_slots(StoredView{}, hash_map(), catalogue_with()).problems ==
        Problems{"its definition cannot be read"});
}
