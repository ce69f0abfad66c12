#include "query/plan/embed_writer.hpp"
#include "query/plan/expression.hpp"

#include <doctest/doctest.h>

#include <string>

#include "query/grammar/parse.hpp"
#include "query/plan/locality.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// Films and their ratings beside each other, a genre of each film on every shard, and users elsewhere.
Catalogue related_tables() {
  Catalogue catalogue;
  Table films = movies();
  films.foreign_keys = {{"movies_primary_genre_fkey", {"primary_genre"}, "genres", {"name"}}};
  Table scores = ratings();
  scores.foreign_keys = {{"ratings_movie_id_fkey", {"movie_id"}, "movies", {"id"}},
                         {"ratings_user_id_fkey", {"user_id"}, "users", {"id"}}};
  Table users;
  users.name = "users";
  users.has_slot_column = true;
  users.columns = {not_null(column("id", "integer", "int4")), column("name", "text", "text")};
  users.primary_key = {"id"};
  for (auto& table : {films, scores, genres(), users}) catalogue.tables.emplace(table.name, table);
  return catalogue;
}

ShardMap related_map() {
  return ShardMap(
      "movies", three_shards(),
      {{"catalog", 1024, HashStrategy{}, thirds(1024)}, {"people", 1024, HashStrategy{}, thirds(1024)}},
      {{"movies", false, GroupId{0}, "id"},
       {"ratings", false, GroupId{0}, "movie_id"},
       {"users", false, GroupId{1}, "id"},
       {"genres", true, std::nullopt, ""}},
      {});
}

Result<ReadPlan> try_plan(const std::string& table, std::string_view query_string,
                          RowFormat format = RowFormat::json) {
  static const Catalogue catalogue = related_tables();
  static const Relations relations(catalogue);
  static const ShardMap map = related_map();
  static const Query* kept = nullptr;
  kept = new Query(parse_query(table, query_string, {}).value());  // plans refer to nothing of it
  const auto tree = resolve(*kept, *catalogue.find(table), catalogue, relations);
  if (!tree) return tree.error();
  auto plan = plan_read(*tree, in_map(*catalogue.find(table), map), false, true, format);
  delete kept;
  return plan;
}

std::string values(const std::string& table, std::string_view query) {
  return try_plan(table, query).value().values;
}

std::string where(const std::string& table, std::string_view query) {
  return try_plan(table, query).value().where;
}

}  // namespace

TEST_CASE("a shard can follow relations to tables that it has whole, and to rows that are placed alike") {
  const Catalogue catalogue = related_tables();
  const Relations relations(catalogue);
  const ShardMap map = related_map();
  const auto local = [&](const std::string& from, const std::string& to) {
    for (const auto& relation : relations.from(from))
      if (relation.foreign_table == to && !relation.junction) return is_local(relation, map);
    FAIL(from << " has no relation to " << to);
    return false;
  };
  CHECK(local("movies", "genres"));
  CHECK(local("movies", "ratings"));
  CHECK(local("ratings", "movies"));
  CHECK_FALSE(local("genres", "movies"));
  CHECK_FALSE(local("ratings", "users"));
  CHECK_FALSE(local("users", "ratings"));
}

TEST_CASE("an embed is a subquery over the rows of the page") {
  CHECK(values("movies", "select=id,ratings(score)") ==
        R"(q.c0, coalesce((SELECT json_agg(r.*) FROM (SELECT "e1"."score" AS "score" FROM )"
        R"("public"."ratings" AS e1 WHERE e1."movie_id" = q.r0 ORDER BY )"
        R"(e1."movie_id", e1."user_id") AS r), '[]'))");
  CHECK(values("movies", "select=id,genre:genres(note)") ==
        R"(q.c0, (SELECT row_to_json(r.*) FROM (SELECT "e1"."note" AS "note" FROM )"
        R"("public"."genres" AS e1 WHERE e1."name" = q.r0) AS r))");
  const auto plan = try_plan("movies", "select=id,ratings(score),genres(note)").value();
  CHECK(plan.inner_columns.find(R"("movies"."id" AS r0)") != std::string::npos);
  CHECK(plan.inner_columns.find(R"("movies"."primary_genre" AS r1)") != std::string::npos);
  CHECK(plan.row.fields().size() == 3);
  CHECK(try_plan("movies", "select=ratings()").value().row.fields().empty());
}

TEST_CASE("filters, order and paging of an embed are its own") {
  const auto sql = values(
      "movies", "select=id,ratings(score)&ratings.score=gt.3&ratings.order=score.desc&ratings.limit=2");
  CHECK(sql.find(R"(e1."movie_id" = q.r0 AND "e1"."score" > $2 ORDER BY "e1"."score" DESC NULLS FIRST, )"
                 R"(e1."movie_id", e1."user_id" LIMIT $3::int8)") != std::string::npos);
}

TEST_CASE("inner embeds and conditions on them choose the rows they are of") {
  CHECK(where("movies", "select=id,ratings!inner(score)&ratings.score=eq.9") ==
        R"(EXISTS (SELECT FROM "public"."ratings" AS e1 WHERE e1."movie_id" = "movies"."id" )"
        R"(AND "e1"."score" = $2 ORDER BY e1."movie_id", e1."user_id"))");
  CHECK(where("movies", "select=id,ratings()&ratings=is.null").starts_with("NOT EXISTS (SELECT FROM"));
  CHECK(where("movies", "select=id,ratings()&ratings=not.is.null").starts_with("EXISTS (SELECT FROM"));
}

TEST_CASE("a row is ordered by a value of the one row that it is related to, then by its own key") {
  const auto plan = try_plan("movies", "select=id,genres(note)&order=genres(note).desc").value();
  CHECK(plan.inner_columns.find(R"((SELECT "e2"."note" FROM "public"."genres" AS e2 )"
                                R"(WHERE e2."name" = "movies"."primary_genre") AS k0)") != std::string::npos);
  CHECK(plan.order_by == R"(k0 DESC NULLS FIRST, "movies"."id" ASC NULLS LAST)");
  CHECK_FALSE(plan.not_mergeable);
  const auto by_other_id = try_plan("ratings", "select=score,movies(id)&order=movies(id)").value();
  CHECK(by_other_id.keys.size() == 3);
  // A key that is not among the columns of a row is not looked for among its embeds.
  const auto not_shown = try_plan("movies", "select=name,ratings(score),genres(note)").value();
  CHECK(not_shown.key_columns == std::vector<std::size_t>{3});
}

TEST_CASE("an order by an embed is by what it shows: by the item of that name, as the item is made") {
  const auto key = [](const std::string& select, const std::string& by) {
    const auto plan = try_plan("movies", "select=id," + select + "&order=genres(" + by + ")");
    return plan ? plan->inner_columns.substr(plan->inner_columns.find("(SELECT ")) : plan.error().code;
  };
  CHECK(key("genres(label:note)", "label").starts_with(R"((SELECT "e2"."note" FROM)"));
  CHECK(key("genres(name:note,note:name)", "note").starts_with(R"((SELECT "e2"."name" FROM)"));
  CHECK(key("genres(note)", "name") == "42703");
  CHECK(key("genres(*)", "note").starts_with(R"((SELECT "e2"."note" FROM)"));
  CHECK(key("genres()", "note").starts_with(R"((SELECT "e1"."note" FROM)"));
  // The order of what a cast makes is not known, so it cannot be merged.
  const auto cast = try_plan("movies", "select=id,genres(note::int4)&order=genres(note)").value();
  CHECK(cast.inner_columns.find(R"(CAST("e2"."note" AS "int4"))") != std::string::npos);
  CHECK(cast.not_mergeable);
  CHECK(try_plan("ratings", "select=score,movies(genres(a:note))&movies.order=genres(note)").error().code ==
        "42703");
}

TEST_CASE("members of a spread are the row's own") {
  const auto plan = try_plan("movies", "select=id,...genres(note)").value();
  CHECK(plan.row.fields().back().name == "note");
  CHECK(plan.values == "q.c0, to_json(e2.m0)");
  CHECK(plan.joins == R"( LEFT JOIN LATERAL (SELECT "e1"."note" AS m0 FROM "public"."genres" AS e1 )"
                      R"(WHERE e1."name" = q.r0 LIMIT 1) AS e2 ON true)");
  const auto arrays = try_plan("movies", "select=id,...ratings(score)").value();
  CHECK(arrays.values == "q.c0, e2.m0");  // json already, as what is embedded in a spread is
  CHECK(values("ratings", "select=score,...movies(name,genres(note))") == R"(q.c0, to_json(e3.m0), e3.m1)");
  CHECK(arrays.joins.starts_with(
      " LEFT JOIN LATERAL (SELECT coalesce(json_agg(r.m0), '[]') AS m0 FROM (SELECT "));
}

TEST_CASE("in CSV what embeds add is asked for as a field of a row, json too") {
  const auto plan = [](std::string_view query) { return try_plan("movies", query, RowFormat::csv).value(); };
  const auto embedded = plan("select=id,genre:genres(note),ratings(score)");
  CHECK(embedded.values.find("q.c0, ROW((SELECT row_to_json(r.*) FROM ") == 0);
  CHECK(embedded.values.find(" AS r))::text, ROW(coalesce((SELECT json_agg(r.*) FROM ") != std::string::npos);
  CHECK(embedded.values.ends_with("'[]'))::text"));
  CHECK(embedded.row.header() == "id,genre,ratings");
  CHECK(plan("select=...genres(n:note)").values == "ROW(e2.m0)::text");
  CHECK(plan("select=...ratings(score)").values == "ROW(e2.m0)::text");
  CHECK(plan("select=ratings()").row.header() == "");
}

TEST_CASE("each parameter of an embed is in the statement, which PostgreSQL refuses otherwise") {
  for (const auto* query : {"select=id,...ratings(score,user_id)&ratings.score=gt.3",
                            "select=id,...ratings(score)&ratings.limit=2&ratings.offset=1",
                            "select=id,genres(note)&genres.note=eq.a&genres.limit=1&order=genres(note)",
                            "select=id,ratings!inner(score)&ratings.score=in.(1,2)&ratings.limit=1"}) {
    const auto statement = try_plan("movies", query).value().statement({Epoch{1}, false, true, nullptr, {}});
    for (std::size_t number = 1; number <= statement.params.size(); ++number) {
      const std::string param = '$' + std::to_string(number);
      INFO(query, " lacks ", param, ": ", statement.sql);
      CHECK(statement.sql.find(param) != std::string::npos);
    }
  }
}

TEST_CASE("an alias of an embed is never the name of the root's table") {
  Table table = genres();
  table.name = "e1";
  ExpressionWriter writer(table, 1);
  Catalogue catalogue = related_tables();
  const Relations relations(catalogue);
  const auto query = parse_query("movies", "select=genres(note)", {}).value();
  const auto tree = resolve(query, *catalogue.find("movies"), catalogue, relations).value();
  const auto sql = EmbedWriter(writer).presence(tree.embeds.front(), true,
                                                [](const std::string& name) { return "e1." + name; });
  CHECK(sql.value() == R"(EXISTS (SELECT FROM "public"."genres" AS e2 WHERE e2."name" = e1.primary_genre))");
}

TEST_CASE("a short request cannot make a statement without bound") {
  // Each filter stands once for each of those that ask for the embed it is in.
  std::string query = "select=id,ratings(movies(ratings(movies(ratings(movies(id))))))", path;
  for (const auto* embed : {"ratings", "movies", "ratings", "movies", "ratings", "movies"}) {
    for (int i = 0; i < 16; ++i) query += '&' + path + embed + "=not.is.null";
    path += std::string(embed) + '.';
  }
  const auto refused = try_plan("movies", query).error();
  CHECK(refused.code == "SHARD400");
  CHECK(refused.message == "This request asks for too much");
}

TEST_CASE("neither long values nor many conditions without any make it long") {
  // 22 times 22 filters ask for the innermost embed, and each repeats the filters on that.
  const auto answer = [](const std::string& innermost) {
    std::string query = "select=id,ratings(movies(name))";
    for (int i = 0; i < 22; ++i) query += "&ratings=not.is.null&ratings.movies=not.is.null";
    const auto plan = try_plan("movies", query + innermost);
    return plan ? "" : plan.error().message;
  };
  CHECK(answer("&ratings.movies.name=eq.a") == "");
  CHECK(answer("&ratings.movies.name=eq." + std::string(4000, 'a')) == "This request asks for too much");
  std::string conditions = "&ratings.movies.or=(name.is.null";
  for (int i = 0; i < 54; ++i) conditions += ",name.not.is.not_null";
  CHECK(answer(conditions + ')') == "This request asks for too much");
}

TEST_CASE("a page is asked for whole where it is small with all that is embedded in it") {
  const Catalogue catalogue = related_tables();
  const Relations relations(catalogue);
  const ShardMap map = related_map();
  const auto streams = [&](std::string_view query_string) {
    const auto query = parse_query("movies", query_string, {}).value();
    const auto tree = resolve(query, *catalogue.find("movies"), catalogue, relations).value();
    const auto plan =
        plan_routed_read(tree, query, in_map(*catalogue.find("movies"), map), CountKind::none, {}).value();
    return std::get<RowsRead>(plan).streams;
  };
  CHECK_FALSE(streams("select=id,ratings(*)&limit=90"));
  CHECK(streams("select=id,ratings(*)&limit=100"));
  CHECK(streams("select=id,...ratings(score)&limit=100"));
  CHECK_FALSE(streams("select=id,ratings(*)&ratings.limit=4&limit=200"));
  CHECK(streams("select=id,ratings(*)&ratings.limit=5&limit=200"));
  CHECK(streams("select=id,ratings(movies(ratings(*)))&limit=20"));
  CHECK(streams("select=id,ratings(*)&ratings.limit=9223372036854775807&limit=1"));
  CHECK_FALSE(streams("select=id,genres(*)&limit=1000"));
  CHECK_FALSE(streams("select=id,ratings()&ratings=not.is.null&limit=1000"));
  CHECK_FALSE(streams("select=id,ratings(*)&id=eq.1&name=eq.a"));
}

TEST_CASE("an embed of rows that can be on other shards is refused") {
  const auto refused = try_plan("ratings", "select=score,users(name)").error();
  CHECK(refused.code == "SHARD400");
  CHECK(refused.details == "Rows of users that belong to a row of ratings can be on other shards");
  CHECK(try_plan("movies", "select=id,ratings(users(name))").error().code == "SHARD400");
}

TEST_CASE("a request is refused while the shards differ in what relates its rows") {
  Catalogue catalogue = related_tables();
  catalogue.tables.at("genres").columns.front().conflict = "name is text on alpha and citext on beta";
  const Relations relations(catalogue);
  const ShardMap map = related_map();
  const auto query = parse_query("movies", "select=id,genres(note)&genres=not.is.null", {}).value();
  const auto tree = resolve(query, *catalogue.find("movies"), catalogue, relations).value();
  const auto plan = plan_read(tree, in_map(*catalogue.find("movies"), map), false, true);
  REQUIRE(plan.has_error());
  CHECK(plan.error().code == "SHARD503");
}

TEST_CASE("what a spread shows twice is ambiguous, as in PostgREST") {
  CHECK(try_plan("movies", "select=id,...genres(note,note)").error().code == "42702");
}
