// Embeds by functions of a row that give rows.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// Films whose votes are beside them and whose kind is on every shard, and users elsewhere.
Catalogue tables_with_row_functions() {
  Table films = movies();
  films.foreign_keys = {{"movies_genre", {"primary_genre"}, "genres", {"name"}}};
  films.computed_relations = {gives_rows("genres", "genres"),    gives_rows("kind", "genres"),
                              gives_rows("late", "ratings"),     gives_rows("missing", "genres"),
                              gives_rows("one_vote", "ratings"), gives_rows("owned", "ratings"),
                              gives_rows("votes", "ratings"),    gives_rows("gone", "people")};
  films.computed_relations[1].to_one = true;
  films.computed_relations[2].refused = "The map does not say.";
  films.computed_relations[2].works = "Write late: any under functions: in the map.";
  films.computed_relations[3].conflict = "function public.missing(movies) is missing on beta";
  auto& one = films.computed_relations[4];
  one.to_one = true;
  one.returns_set = false;
  one.given = GivenRows::of_own_slot;
  films.computed_relations[5].given = GivenRows::owned;
  films.computed_relations[5].group = "catalog";
  films.computed_relations[6].given = GivenRows::of_own_slot;
  Table scores = ratings();
  scores.foreign_keys = {{"ratings_movie_id_fkey", {"movie_id"}, "movies", {"id"}},
                         {"ratings_user_id_fkey", {"user_id"}, "users", {"id"}}};
  Table users;
  users.name = "users";
  users.has_slot_column = true;
  users.columns = {not_null(column("id", "integer", "int4")), column("name", "text", "text")};
  users.primary_key = {"id"};
  Catalogue catalogue;
  for (const auto& table : {films, scores, genres(), users}) catalogue.tables.emplace(table.name, table);
  catalogue.refused["people"] = "people: the table is missing on beta";
  return catalogue;
}

ShardMap map_with_users() {
  return ShardMap(
      "movies", three_shards(),
      {{"catalog", 1024, HashStrategy{}, thirds(1024)}, {"people", 1024, HashStrategy{}, thirds(1024)}},
      {{"movies", false, GroupId{0}, "id"},
       {"ratings", false, GroupId{0}, "movie_id"},
       {"users", false, GroupId{1}, "id"},
       {"genres", true, std::nullopt, ""}},
      {});
}

Result<RoutedPlan> try_embed(std::string_view query_string, const std::string& table = "movies") {
  static const Catalogue catalogue = tables_with_row_functions();
  static const Relations relations(catalogue);
  static const ShardMap map = map_with_users();
  const auto query = parse_query(table, query_string, {}, Cursors::served);
  if (!query) return query.error();
  const auto tree = resolve(*query, *catalogue.find(table), catalogue, relations);
  if (!tree) return tree.error();
  return plan_routed_read(*tree, *query, in_map(*catalogue.find(table), map), CountKind::none, {});
}

Error embed_refusal(std::string_view query_string, const std::string& table = "movies") {
  const auto planned = try_embed(query_string, table);
  REQUIRE_FALSE(planned.has_value());
  return planned.error();
}

ReadPlan scan_of(std::string_view query_string, const std::string& table = "movies") {
  return std::get<RowsRead>(try_embed(query_string, table).value()).scan;
}

std::string embed_sql(std::string_view query_string, const std::string& table = "movies") {
  return scan_of(query_string, table).statement({Epoch{7}, false, false, nullptr, std::nullopt}).sql;
}

bool has_part(const std::string& sql, std::string_view part) {
  return sql.find(part) != std::string::npos;
}

const std::string whole_film = R"(("movies".*)::"public"."movies")";

}  // namespace

TEST_CASE("an embed by a function calls it with the row, and all that it gives is there") {
  const auto plan = scan_of("select=id,kind(note)");
  CHECK(plan.values == R"(q.c0, (SELECT row_to_json(r.*) FROM (SELECT "e1"."note" AS "note" )"
                       R"(FROM "public"."kind"(q.r0) AS e1 ORDER BY e1."name" LIMIT 1) AS r))");
  CHECK(has_part(plan.inner_columns, whole_film + " AS r0"));
}

TEST_CASE("rows of a sharded table are those of the row's own slot") {
  const auto plan = scan_of("select=id,votes(score)&votes.score=gt.3&votes.order=score&votes.limit=2");
  CHECK(has_part(plan.values, R"(FROM "public"."votes"(q.r0) AS e1 WHERE e1."shardplex_slot" = q.r1 AND )"
                              R"("e1"."score" > $2 ORDER BY "e1"."score" ASC NULLS LAST, )"
                              R"(e1."movie_id", e1."user_id" LIMIT $3::int8)"));
  CHECK(has_part(plan.inner_columns, R"("movies"."shardplex_slot" AS r1)"));
  CHECK(has_part(scan_of("select=id,one_vote(score)").values,
                 R"(WHERE (e1."shardplex_slot" IS NULL OR e1."shardplex_slot" = q.r1))"));
  CHECK(has_part(
      scan_of("select=id,owned(score)").values,
      R"(WHERE e1."shardplex_slot" IN (SELECT s.slot FROM shardplex.slots s WHERE s.grp = 'catalog')"));
}

TEST_CASE("of several rows that a function to one gives the first is shown") {
  CHECK(has_part(scan_of("select=id,kind(note)&kind.order=note.desc&kind.limit=5&kind.offset=1").values,
                 R"(ORDER BY "e1"."note" DESC NULLS FIRST, e1."name" LIMIT 1 OFFSET $2::int8)"));
  const auto none = scan_of("select=id,...kind(note)&kind.limit=0");
  CHECK(has_part(none.joins, "LIMIT $2::int8)"));
}

TEST_CASE("rows are chosen, ordered and grouped by what a function gives") {
  CHECK(
      has_part(scan_of("select=id,votes!inner(score)&votes.score=eq.9").where,
               R"(EXISTS (SELECT FROM "public"."votes"()" + whole_film +
                   R"() AS e1 WHERE e1."shardplex_slot" = "movies"."shardplex_slot" AND "e1"."score" = $2)"));
  CHECK(has_part(scan_of("select=id,kind()&kind=is.null").where,
                 R"(NOT EXISTS (SELECT FROM "public"."kind"()" + whole_film + ") AS e1"));
  CHECK(has_part(embed_sql("select=id,kind(note)&order=kind(note)"),
                 R"(FROM "public"."kind"()" + whole_film + ") AS e"));
  CHECK(has_part(embed_sql("select=id,...kind(note)"),
                 R"(FROM "public"."kind"(q.r0) AS e1 ORDER BY e1."name" LIMIT 1) AS e2)"));
  CHECK(has_part(embed_sql("select=id,votes(count(),score.max())"), "count(*)"));
  CHECK(embed_refusal("select=id,votes(score)&order=votes(score)").code == "PGRST118");
}

TEST_CASE("a function is called with rows at any depth, and its rows have relations of their own") {
  CHECK(has_part(embed_sql("select=score,movies(votes(score))", "ratings"),
                 R"(FROM "public"."votes"(e1.*) AS e2 WHERE e2."shardplex_slot" = e1."shardplex_slot")"));
  CHECK(has_part(embed_sql("select=id,votes(movies(name))"),
                 R"(FROM "public"."movies" AS e2 WHERE e2."id" = e1."movie_id")"));
}

TEST_CASE("a function stands in the place of the relations to the table that it is called like") {
  CHECK(has_part(embed_sql("select=id,genres(note)"), R"(FROM "public"."genres"(q.r0) AS e1)"));
  CHECK(embed_refusal("select=id,movies_genre(note)").code == "PGRST200");
}

TEST_CASE("what is embedded in the rows of a function has to be beside them") {
  const auto error = embed_refusal("select=id,votes(users(name))");
  CHECK(error.code == "SHARD400");
  CHECK(has_part(error.details.value(), "by the function public.votes(movies)"));
  CHECK(embed_refusal("select=id,votes!inner(users(name))").code == "SHARD400");
}

TEST_CASE("an embed by a function that is not served is refused by its name") {
  for (const auto* query :
       {"select=id,late(score)", "select=id,l:late!inner(score)", "select=id,...late(score)"}) {
    CAPTURE(std::string(query));
    const auto late = embed_refusal(query);
    CHECK(late.code == "SHARD404");
    CHECK(late.message == "Computed relationship late of movies is not served");
    CHECK(late.hint == "Write late: any under functions: in the map.");
  }
  CHECK(embed_refusal("select=score,movies(late(score))", "ratings").code == "SHARD404");
  CHECK(embed_refusal("select=id,missing(note)").code == "SHARD503");
  const auto gone = embed_refusal("select=id,gone(name)");
  CHECK(gone.code == "SHARD404");
  CHECK(gone.details == "people: the table is missing on beta");
  CHECK(embed_refusal("select=score,kind(note)", "ratings").code == "PGRST200");
}

TEST_CASE("a row whose function is called shares no statement with others, which it could fail") {
  CHECK(std::holds_alternative<RowsRead>(try_embed("id=eq.5&select=name,kind(note)").value()));
}
