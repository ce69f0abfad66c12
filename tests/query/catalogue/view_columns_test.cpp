#include "query/catalogue/view_columns.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/query/related_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

using Kind = ViewFrom::Kind;

// Columns of related_tables(), by number.
constexpr int film_id = 1, film_director = 4;  // of films
constexpr int director_id = 1;                 // of directors
constexpr int review_id = 1, review_film = 2;  // of reviews
constexpr int spec_film = 1;                   // of specs

ShardCatalogue shard_with(const std::vector<StoredView>& views = {}) {
  ShardCatalogue shard;
  for (const auto& [name, table] : related_tables().tables) shard.tables.emplace(name, table);
  for (const auto& view : views) shard.views.emplace(view.table.name, view);
  return shard;
}

ViewRelation stored(const std::string& name) {
  ViewRelation relation;
  relation.kind = ViewRelation::Kind::stored;
  relation.name = name;
  const auto catalogue = related_tables();
  if (const Table* table = catalogue.find(name))
    for (const auto& column : table->columns) relation.columns.push_back(column.name);
  return relation;
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

ViewColumn of(int relation, int number) {
  return {0, relation, number};
}

ViewEquality equal(ViewColumn left, ViewColumn right) {
  return {left, right};
}

ViewFrom joined_as(Kind kind, std::vector<ViewFrom> parts, std::vector<ViewEquality> on) {
  ViewFrom from{kind};
  from.parts = std::move(parts);
  from.equalities = std::move(on);
  return from;
}

/// SELECT the columns FROM the relations, as `from` says.
ViewQuery query_of(std::vector<ViewRelation> relations, ViewFrom from,
                   const std::vector<ViewColumn>& columns) {
  ViewQuery query;
  query.relations = std::move(relations);
  query.from.parts.push_back(std::move(from));
  for (const auto& column : columns) query.columns.emplace_back(column);
  return query;
}

/// With the origins that PostgreSQL would note of its columns, where they are of stored relations.
StoredView view_of(std::string name, ViewQuery query) {
  StoredView view;
  view.table.name = std::move(name);
  view.table.kind = TableKind::view;
  for (const auto& column : query.columns) {
    view.columns.push_back('c' + std::to_string(view.columns.size() + 1));
    auto& origin = view.origins.emplace_back();
    if (!column) continue;
    const ViewRelation* relation = &query.relations.at(static_cast<std::size_t>(column->relation) - 1);
    int number = column->number;
    while (relation->kind == ViewRelation::Kind::query) {
      const ViewColumn below = relation->query.at(0).columns.at(static_cast<std::size_t>(number) - 1).value();
      number = below.number;
      relation = &relation->query.at(0).relations.at(static_cast<std::size_t>(below.relation) - 1);
    }
    origin = StoredColumn{relation->name, relation->columns.at(static_cast<std::size_t>(number) - 1)};
  }
  view.query = std::move(query);
  return view;
}

/// Whether the rows of the first column's table are in the view once.
bool is_once(const ViewQuery& query, const ShardCatalogue& shard = shard_with()) {
  const auto shown = shown_columns(view_of("shown", query), shard);
  REQUIRE(shown.at(0));
  CHECK_FALSE(shown.at(0)->source.empty());
  return shown.at(0)->is_once;
}

const ViewEquality to_director = equal(of(1, film_director), of(2, director_id));
const ViewEquality to_film = equal(of(1, review_film), of(2, film_id));

}  // namespace

TEST_CASE("a view shows columns of tables as they are, each row of them once") {
  auto query = query_of({stored("films")}, nth(1), {of(1, film_director), of(1, film_id)});
  query.columns.emplace_back();
  const auto shown = shown_columns(view_of("shown", query), shard_with());
  REQUIRE(shown.size() == 3);
  CHECK(shown[0] == ShownColumn{{"films", "director_id"}, "1", true});
  CHECK(shown[1] == ShownColumn{{"films", "id"}, "1", true});
  CHECK_FALSE(shown[2]);
}

TEST_CASE("what PostgreSQL has noted of a column counts, and more is known by the definition alone") {
  auto view = view_of("shown", query_of({stored("films")}, nth(1), {of(1, film_id), of(1, film_director)}));
  view.origins[1].reset();
  CHECK_FALSE(shown_columns(view, shard_with()).at(1));
  view.query.reset();
  CHECK(shown_columns(view, shard_with()).at(0) == ShownColumn{{"films", "id"}, "", false});
  view.origins[0] = StoredColumn{"elsewhere", "id"};
  CHECK_FALSE(shown_columns(view, shard_with()).at(0));
  view.origins.clear();
  CHECK_FALSE(shown_columns(view, shard_with()).at(0));
}

TEST_CASE("a join to what a unique key finds does not repeat rows, and another does") {
  const std::vector<ViewColumn> columns{of(1, film_id)};
  for (const auto how : {Kind::inner, Kind::left}) {
    const auto joined_by = [&](const std::string& other, std::vector<ViewEquality> on) {
      return is_once(query_of({stored("films"), stored(other)},
                              joined_as(how, {nth(1), nth(2)}, std::move(on)), columns));
    };
    CHECK(joined_by("directors", {to_director}));
    CHECK(joined_by("directors", {equal(to_director.right, to_director.left)}));
    CHECK(joined_by("specs", {equal(of(1, film_id), of(2, spec_film))}));
    CHECK_FALSE(joined_by("directors", {}));
    CHECK_FALSE(joined_by("reviews", {equal(of(1, film_id), of(2, review_film))}));
    // A key of two columns is told by both.
    CHECK_FALSE(joined_by("roles", {equal(of(1, film_id), of(2, 1))}));
    CHECK(joined_by("roles", {equal(of(1, film_id), of(2, 1)), equal(of(1, film_director), of(2, 2))}));
    // What is kept unique by an index alone is unique all the same.
    CHECK(joined_by("posters", {equal(of(1, film_id), of(2, 2))}));
  }
  CHECK_FALSE(is_once(query_of({stored("films"), stored("directors")},
                               joined_as(Kind::full, {nth(1), nth(2)}, {to_director}), columns)));
}

TEST_CASE("rows of the other side of an outer join are there once where they find one row") {
  const auto of_other = [](std::vector<ViewRelation> relations, ViewEquality on) {
    return is_once(
        query_of(std::move(relations), joined_as(Kind::left, {nth(1), nth(2)}, {on}), {of(2, film_id)}));
  };
  CHECK(of_other({stored("specs"), stored("films")}, equal(of(1, spec_film), of(2, film_id))));
  CHECK_FALSE(of_other({stored("reviews"), stored("films")}, to_film));
}

TEST_CASE("what an outer join may leave null tells no row of others") {
  // reviews LEFT JOIN films ON …, and directors found by the film's: where there is no film all are found.
  const auto left = joined_as(Kind::left, {nth(1), nth(2)}, {to_film});
  const auto by_film = equal(of(2, film_director), of(3, director_id));
  const std::vector<ViewRelation> relations{stored("reviews"), stored("films"), stored("directors")};
  const std::vector<ViewColumn> columns{of(1, review_id)};
  // In WHERE, or in an outer join of its own, the equality holds only where there is a film.
  CHECK(is_once(query_of(relations, joined_as(Kind::inner, {left, nth(3)}, {by_film}), columns)));
  CHECK(is_once(query_of(relations, joined_as(Kind::left, {left, nth(3)}, {by_film}), columns)));
  // Here it is a part of the condition by which films are found, and not one of directors.
  const auto pairs = joined_as(Kind::inner, {nth(1), nth(3)}, {});
  CHECK_FALSE(
      is_once(query_of(relations, joined_as(Kind::left, {pairs, nth(2)}, {to_film, by_film}), columns)));
}

TEST_CASE("groups and distinct rows are one where they are by columns of one row") {
  auto query = query_of({stored("films"), stored("reviews")},
                        joined_as(Kind::left, {nth(1), nth(2)}, {equal(of(1, film_id), of(2, review_film))}),
                        {of(1, film_id)});
  CHECK_FALSE(is_once(query));
  query.is_grouped = true;
  CHECK_FALSE(is_once(query));
  query.grouped_by = {of(1, film_id)};
  CHECK(is_once(query));
  query.groups_otherwise = true;
  CHECK_FALSE(is_once(query));
  query.groups_otherwise = false;
  query.grouped_by.push_back(of(2, review_id));
  CHECK_FALSE(is_once(query));
  query.is_grouped = false;
  query.is_distinct = true;
  CHECK(is_once(query));
  query.columns.emplace_back();
  CHECK_FALSE(is_once(query));
  query.columns.back() = of(2, review_id);
  CHECK_FALSE(is_once(query));
}

TEST_CASE("what makes several rows of one is no proof") {
  auto query = query_of({stored("films")}, nth(1), {of(1, film_id)});
  query.repeats_rows = true;
  CHECK_FALSE(is_once(query));
  query.repeats_rows = false;
  query.relations.push_back({ViewRelation::Kind::rows});
  query.from.parts = {nth(1), nth(2)};
  CHECK_FALSE(is_once(query));
}

TEST_CASE("rows are followed through subqueries and views, and through each they have to be there once") {
  const auto films = query_of({stored("films")}, nth(1), {of(1, film_director), of(1, film_id)});
  const auto repeated =
      query_of({stored("films"), stored("reviews")},
               joined_as(Kind::inner, {nth(1), nth(2)}, {equal(of(1, film_id), of(2, review_film))}),
               {of(1, film_director), of(1, film_id)});
  for (const bool is_repeated : {false, true}) {
    const auto& inner = is_repeated ? repeated : films;
    CHECK(is_once(query_of({subquery(inner)}, nth(1), {of(1, 2)})) == !is_repeated);
    const auto shard = shard_with({view_of("below", inner)});
    ViewRelation below = stored("below");
    below.columns = {"c1", "c2"};
    const auto above = view_of("above", query_of({below}, nth(1), {of(1, 2)}));
    const auto shown = shown_columns(above, shard);
    REQUIRE(shown.at(0));
    CHECK(*shown.at(0) == ShownColumn{{"films", "id"}, "1.1", !is_repeated});
  }
  // A join to a view or a subquery has nothing that keeps its rows apart.
  const auto to_subquery = equal(of(1, review_film), of(2, 2));
  CHECK_FALSE(is_once(query_of({stored("reviews"), subquery(films)},
                               joined_as(Kind::inner, {nth(1), nth(2)}, {to_subquery}), {of(1, review_id)})));
}

TEST_CASE("columns of two sources are of two rows") {
  const auto query =
      query_of({stored("films"), stored("films")},
               joined_as(Kind::inner, {nth(1), nth(2)}, {equal(of(1, film_id), of(2, film_id))}),
               {of(1, film_id), of(2, film_id)});
  const auto shown = shown_columns(view_of("shown", query), shard_with());
  CHECK(shown.at(0)->source == "1");
  CHECK(shown.at(1)->source == "2");
  CHECK(shown.at(1)->is_once);
}

TEST_CASE("texts that are equal by a collation alone find several rows") {
  const auto by_name = [](bool deterministic, bool other_deterministic) {
    auto shard = shard_with();
    const auto name_column = [](bool is_deterministic) {
      Column name = column("name", "text", "text");
      name.deterministic_collation = is_deterministic;
      return name;
    };
    shard.tables.at("directors").columns[1] = name_column(deterministic);
    shard.tables.at("directors").unique = {{"directors_name_key", {"name"}}};
    shard.tables.at("people").columns[1] = name_column(other_deterministic);
    const auto names = joined_as(Kind::inner, {nth(1), nth(2)}, {equal(of(1, 2), of(2, 2))});
    return is_once(query_of({stored("people"), stored("directors")}, names, {of(1, 1)}), shard);
  };
  CHECK(by_name(true, true));
  CHECK_FALSE(by_name(false, true));
  CHECK_FALSE(by_name(true, false));
}
