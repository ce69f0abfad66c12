// What writes give back with rows of other tables in it.
#include "query/plan/returned_rows.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/plan.hpp"
#include "tests/query/plan/scattered_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Preferences asking_for(ReturnKind kind) {
  Preferences prefer;
  prefer.returning = kind;
  return prefer;
}

struct WrittenTables {
  Catalogue catalogue = scattered_tables();
  Relations relations{catalogue};
  ShardMap map = scattered_map();

  /// DELETE `table`?`text`
  Result<WritePlan> remove(const std::string& table, std::string_view text, const WriteRules& rules = {},
                           ReturnKind kind = ReturnKind::representation) const {
    const auto query = parse_query(table, text, {}).value();
    const auto tree = resolve(query, *catalogue.find(table), catalogue, relations);
    if (!tree) return tree.error();
    return plan_delete(*tree, query, asking_for(kind), in_map(*catalogue.find(table), map), rules);
  }
  /// PATCH `table`?`text`
  Result<WritePlan> update(const std::string& table, std::string_view text, std::string_view body,
                           ReturnKind kind = ReturnKind::representation) const {
    const auto query = parse_query(table, text, {}).value();
    const auto tree = resolve(query, *catalogue.find(table), catalogue, relations);
    if (!tree) return tree.error();
    return plan_update(*tree, query, body, asking_for(kind), in_map(*catalogue.find(table), map), {});
  }
  /// POST `table`?`text`; keys that are missing are 1.
  Result<WritePlan> insert(const std::string& table, std::string_view text, std::string_view body) const {
    const auto query = parse_query(table, text, {}).value();
    const auto tree = resolve(query, *catalogue.find(table), catalogue, relations);
    if (!tree) return tree.error();
    auto plan = plan_insert(*tree, query, body, asking_for(ReturnKind::representation),
                            in_map(*catalogue.find(table), map), {});
    if (!plan) return plan.error();
    std::vector<std::string> keys(plan->missing_keys(), "1");
    return std::move(*plan).with_keys(std::move(keys));
  }
};

const WrittenTables& tables() {
  static const WrittenTables all;
  return all;
}

std::string tail(const std::string& table, std::string_view text, const WriteRules& rules = {}) {
  return tables().remove(table, text, rules).value().tail;
}

bool looks_up(const WritePlan& plan) {
  return plan.read != nullptr;
}

Error refusal_of(const std::string& table, std::string_view text, const WriteRules& rules = {}) {
  const auto plan = tables().remove(table, text, rules);
  REQUIRE_FALSE(plan.has_value());
  return plan.error();
}

}  // namespace

TEST_CASE("embeds of written rows are subqueries over what the statement returns") {
  CHECK(tail("movies", "id=eq.5&select=name,ratings(score),genres(note)") ==
        R"( RETURNING "movies"."name" AS c0, "movies"."id" AS k0, "movies"."id" AS r0, )"
        R"("movies"."primary_genre" AS r1) SELECT row_to_json(r.*)::text FROM w q CROSS JOIN LATERAL )"
        R"((SELECT q.c0 AS "name", coalesce((SELECT json_agg(r.*) FROM (SELECT "e1"."score" AS "score" )"
        R"(FROM "public"."ratings" AS e1 WHERE e1."movie_id" = q.r0 ORDER BY e1."movie_id", e1."user_id") )"
        R"(AS r), '[]') AS "ratings", (SELECT row_to_json(r.*) FROM (SELECT "e2"."note" AS "note" FROM )"
        R"("public"."genres" AS e2 WHERE e2."name" = q.r1) AS r) AS "genres") r ORDER BY q.k0)");
  const auto plan = tables().remove("movies", "id=eq.5&select=ratings(score)").value();
  CHECK(plan.embeds);
  CHECK_FALSE(plan.leaves_out);
  CHECK_FALSE(looks_up(plan));
  CHECK(plan.tail.find(R"(RETURNING "movies"."id" AS k0, "movies"."id" AS r0))") != std::string::npos);
  CHECK_FALSE(tables().remove("movies", "id=eq.5&select=name").value().embeds);
}

TEST_CASE("members of a spread are joined to the written rows") {
  const auto sql = tail("movies", "id=eq.5&select=name,...genres(about:note)");
  CHECK(sql.find(R"( FROM w q LEFT JOIN LATERAL (SELECT "e1"."note" AS m0 FROM "public"."genres" AS e1 )"
                 R"(WHERE e1."name" = q.r0 LIMIT 1) AS e2 ON true CROSS JOIN LATERAL )"
                 R"((SELECT q.c0 AS "name", e2.m0 AS "about") r)") != std::string::npos);
}

TEST_CASE("inserted rows with embeds stay in the order of the body") {
  const auto plan = tables().insert("ratings", "select=score,movies(name)",
                                    R"([{"movie_id":5,"user_id":1},{"movie_id":5,"user_id":2}])");
  CHECK(plan.value().tail.ends_with(R"( AS "movies") r)"));
  const auto inner = tables().insert("ratings", "select=score,movies!inner(name)&order=score",
                                     R"({"movie_id":5,"user_id":1})");
  CHECK(inner.value().tail.ends_with(" ORDER BY q.o0 ASC NULLS LAST, q.k0, q.k1"));
}

TEST_CASE("!inner makes null of the rows that it leaves out, and bounds are about the others") {
  const std::string text = "id=eq.5&select=name,ratings!inner(score)&ratings.score=eq.9";
  const auto exists = [](const std::string& alias, const std::string& param) {
    return R"(EXISTS (SELECT FROM "public"."ratings" AS )" + alias + " WHERE " + alias +
           R"(."movie_id" = q.r0 AND ")" + alias + R"("."score" = )" + param + " ORDER BY " + alias +
           R"(."movie_id", )" + alias + R"(."user_id"))";
  };
  CHECK(tail("movies", text)
            .find(") SELECT CASE WHEN " + exists("e2", "$3") + " THEN row_to_json(r.*)::text END FROM w q") !=
        std::string::npos);
  CHECK(tables().remove("movies", text).value().leaves_out);
  const auto bounded = tail("movies", text, {.bounds = {1, 1}});
  CHECK(bounded.find(" WHERE (SELECT shardplex.check_rows(count(*), $5::int8, $6::int8) FROM w q WHERE " +
                     exists("e3", "$4") + ')') != std::string::npos);
}

TEST_CASE("written rows are ordered by an embed to one") {
  CHECK(tail("movies", "id=eq.5&select=name,genres(note)&order=genres(note).desc")
            .ends_with(R"( ORDER BY (SELECT "e2"."note" FROM "public"."genres" AS e2 WHERE e2."name" = )"
                       R"(q.r0) DESC NULLS FIRST, q.k0)"));
}

TEST_CASE("written rows with embeds come in the format that was asked for") {
  const auto csv = tables()
                       .remove("movies", "id=eq.5&select=name,r:ratings(score),...genres(note)",
                               {.format = RowFormat::csv})
                       .value();
  CHECK(csv.header == "name,r,note");
  CHECK(csv.tail.find(") SELECT left(substr((r.*)::text, 2), -1) FROM w q") != std::string::npos);
  CHECK(tail("movies", "id=eq.5&select=ratings(score)", {.format = RowFormat::stripped_json})
            .find("json_strip_nulls(row_to_json(r.*))::text") != std::string::npos);
}

TEST_CASE("rows of other shards are planned to be looked up for what a write returns") {
  const auto plan = tables().remove("ratings", "movie_id=eq.5&select=score,users(name)").value();
  CHECK(plan.tail ==
        R"( RETURNING "ratings"."score" AS c0, "ratings"."user_id" AS h0, "ratings"."movie_id" AS k0, )"
        R"("ratings"."user_id" AS k1) SELECT q.c0, q.h0::text FROM w q ORDER BY q.k0, q.k1)");
  REQUIRE(looks_up(plan));
  CHECK(plan.read->lookups.size() == 1);
  CHECK(plan.read->scan.result_columns() == 2);
  CHECK(plan.read->scan.row.rooms().size() == 1);
  CHECK(plan.embeds);
  const auto both = tables().remove("ratings", "movie_id=eq.5&select=users(name),movies(name)").value();
  CHECK(both.tail.find(R"(SELECT (SELECT row_to_json(r.*) FROM (SELECT "e1"."name" AS "name" FROM )"
                       R"("public"."movies" AS e1 WHERE e1."id" = q.r0) AS r), q.h0::text FROM w q)") !=
        std::string::npos);
  CHECK(tables()
            .remove("ratings", "movie_id=eq.5&select=score,users(name)", {.format = RowFormat::csv})
            .value()
            .header == "score,users");
  const auto bounded = tail("ratings", "movie_id=eq.5&select=users(name)", {.bounds = {1, 1}});
  CHECK(bounded.find(" FROM w q WHERE (SELECT shardplex.check_rows(count(*), $2::int8, $3::int8) FROM w)") !=
        std::string::npos);
}

TEST_CASE("what other shards would have to decide before the write is committed is refused") {
  const std::string row = "movie_id=eq.5&select=";
  const std::string details = "What is embedded as users can be on other shards, and ";
  for (const auto& [text, why] :
       {std::pair<std::string, std::string>{"score,users!inner(name)",
                                            "!inner asks which rows are returned."},
        {"users(name),movies!inner(name)", "!inner asks which rows are returned."},
        {"score,users(name)&order=users(name)", "order asks for the order of an embed."},
        {"score,users(ratings(score))", "is looked up after the write, which changes ratings itself."},
        {"score,users(lists(movies(ratings(score))))",
         "is looked up after the write, which changes ratings itself."}}) {
    CAPTURE(text);
    const auto refused = refusal_of("ratings", row + text);
    CHECK(refused.code == "SHARD400");
    CHECK(refused.details == details + why);
  }
  CHECK(refusal_of("ratings", row + "users(name)", {.format = RowFormat::stripped_json}).code == "SHARD400");
  CHECK(tables().remove("ratings", row + "users(lists(place:movie_id))").has_value());
}

TEST_CASE(
    "rows of the written table are not looked up through a view either, nor those below a written view") {
  WrittenTables with_views;
  auto& all = with_views.catalogue.tables;
  const auto as_view = [&](const std::string& of, const std::string& name) -> Table& {
    Table view = all.at(of);
    view.name = name;
    view.kind = TableKind::view;
    view.shown_primary_key = std::exchange(view.primary_key, {});
    view.foreign_keys.clear();
    view.reads = {of};
    return all[name] = std::move(view);
  };
  Table& scores = as_view("ratings", "scores");
  scores.written = WrittenTable{"public", "ratings", "movie_id", {"movie_id", "user_id"}};
  scores.shown_keys.push_back({{"ratings_user_id_fkey", {"user_id"}, "users", {"id"}}, false, false, false});
  as_view("lists", "choices")
      .shown_keys.push_back({{"lists_user_fkey", {"user_id"}, "users", {"id"}}, false, false, false});
  with_views.relations = Relations(with_views.catalogue);
  const ShardMap map = scattered_map();
  with_views.map =
      ShardMap(map.cluster(), map.shards(), map.groups(), map.tables(), map.relations(),
               {{"scores", false, GroupId{0}, "movie_id"}, {"choices", false, GroupId{1}, "user_id"}});
  const std::string rating = R"({"movie_id":5,"user_id":1})";
  const auto details = [](const Result<WritePlan>& plan) {
    return plan ? "" : plan.error().details.value_or("");
  };
  const auto inserted = [&](const std::string& table, const std::string& select) {
    return details(with_views.insert(table, "select=" + select, rating));
  };
  const std::string why =
      "What is embedded as users can be on other shards, and is looked up after the write, ";
  CHECK(inserted("ratings", "users(scores(score))") == why + "which changes ratings itself.");
  CHECK(inserted("scores", "users(ratings(score))") == why + "which changes scores itself.");
  CHECK(inserted("scores", "users(scores(score))") == why + "which changes scores itself.");
  CHECK(inserted("ratings", "users(choices(movie_id))").empty());
  CHECK(inserted("scores", "users(lists(movie_id))").empty());
  // What refers to what is deleted: of a view nobody knows.
  CHECK(details(with_views.remove("ratings", "movie_id=eq.5&select=users(choices(movie_id))")) ==
        why + "when rows that refer to ratings may be deleted with it.");
  CHECK(details(with_views.remove("scores", "movie_id=eq.5&select=users(lists(movie_id))")).empty());
  scores.written->schema = "other";
  CHECK(details(with_views.remove("scores", "movie_id=eq.5&select=users(lists(movie_id))")) ==
        why + "when rows that refer to scores may be deleted with it.");
  scores.written->schema = "public";
  // They have the order of the table's primary key.
  CHECK(with_views.remove("scores", "movie_id=eq.5&select=score,users(name)").value().tail ==
        R"( RETURNING "scores"."score" AS c0, "scores"."user_id" AS h0, "scores"."movie_id" AS k0, )"
        R"("scores"."user_id" AS k1) SELECT q.c0, q.h0::text FROM w q ORDER BY q.k0, q.k1)");
}

TEST_CASE("what may be deleted with the written rows is not looked up when they are gone") {
  for (const auto* text : {"id=eq.5&select=name,lists(user_id)", "id=eq.5&select=name,users!lists(name)",
                           "id=eq.5&select=name,ratings(score,users(name))"}) {
    CAPTURE(text);
    const auto refused = refusal_of("movies", text);
    CHECK(refused.code == "SHARD400");
    CHECK(refused.details->ends_with(
        "is looked up after the write, when rows that refer to movies may be deleted with it."));
  }
  const auto inserted =
      tables().insert("movies", "select=name,lists(user_id)", R"({"id":5,"name":"not deleted"})");
  CHECK(inserted.has_value());
}

TEST_CASE("rows of several shards that cannot be merged are refused before the write") {
  const std::string body = R"({"id":5,"name":"not written"})";
  const std::string lists = "select=name,users!lists(name)&users.order=";
  const auto refused = tables().insert("movies", lists + "tags", body);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "SHARD400");
  CHECK(refused.error().details->find("tags") != std::string::npos);
  CHECK(tables().insert("movies", lists + "name", body).has_value());
  // One shard has the one row.
  const std::string rating = R"({"movie_id":5,"user_id":1})";
  CHECK(tables().insert("ratings", "select=score,users(tags)&users.order=tags", rating).has_value());
}

TEST_CASE("embeds of written rows show computed columns") {
  CHECK(tail("ratings", "movie_id=eq.5&select=movies(label)")
            .find(R"((SELECT "public"."label"("e1".*) AS "label" FROM "public"."movies" AS e1)") !=
        std::string::npos);
}

TEST_CASE("functions that give rows are called with written rows") {
  WrittenTables with;
  with.catalogue.tables.at("movies").computed_relations = {gives_rows("kind", "genres")};
  with.relations = Relations(with.catalogue);
  const auto plan = with.remove("movies", "id=eq.5&select=name,kind(note)").value();
  CHECK(plan.tail.find(R"(("movies".*)::"public"."movies" AS r0)") != std::string::npos);
  CHECK(plan.tail.find(R"(FROM "public"."kind"(q.r0) AS e1)") != std::string::npos);
}

TEST_CASE("a long body does not count as what embeds come to") {
  const std::string body =
      R"({"movie_id":5,"user_id":1,"score":")" + std::string(std::size_t{2} << 20, 'a') + "\"}";
  CHECK(tables().insert("ratings", "select=score,movies(name)", body).has_value());
}

TEST_CASE("aggregates of written rows are refused, and those of embeds are not") {
  for (const auto* text :
       {"select=count(),ratings(score)", "select=name,...genres(note.max())", "select=votes.sum()"}) {
    CAPTURE(text);
    const auto refused = refusal_of("movies", text);
    CHECK(refused.code == "SHARD400");
    CHECK(refused.details == "select asks for an aggregate (count, sum, avg, min, max)");
  }
  CHECK(tail("movies", "id=eq.5&select=ratings(count(),score.avg())").find("count(*)") != std::string::npos);
}

TEST_CASE("a change of nothing is refused for what could not be shown of it") {
  for (const auto* text : {"movie_id=eq.5&select=count()", "movie_id=eq.5&select=users!inner(name)",
                           "movie_id=eq.5&select=foo"}) {
    CAPTURE(text);
    CHECK_FALSE(tables().update("ratings", text, "{}").has_value());
    const auto unseen = tables().update("ratings", text, "{}", ReturnKind::minimal);
    CHECK(unseen.value().sets_nothing);
  }
  CHECK_FALSE(looks_up(tables().update("ratings", "movie_id=eq.5&select=users(name)", "{}").value()));
}

TEST_CASE("whoever wants no rows back is not refused for them") {
  for (const auto kind : {ReturnKind::minimal, ReturnKind::headers_only})
    for (const auto* text : {"movie_id=eq.5&select=users!inner(name)", "movie_id=eq.5&select=count()"}) {
      CAPTURE(text);
      CHECK(tables().remove("ratings", text, {}, kind).value().tail == "");
    }
}

TEST_CASE("each parameter of what is returned is in the statement, which PostgreSQL refuses otherwise") {
  for (const std::string text :
       {"movies?id=eq.5&select=id,...ratings(score,user_id)&ratings.score=gt.3",
        "movies?id=eq.5&select=id,...ratings(score)&ratings.limit=2&ratings.offset=1",
        "movies?id=eq.5&select=id,genres(note)&genres.note=eq.a&genres.limit=1&order=genres(note)",
        "movies?id=eq.5&select=data->a,ratings!inner(score)&ratings.score=in.(1,2)&ratings.limit=1",
        "ratings?movie_id=eq.5&select=score,users(name)&users.id=gt.3"}) {
    const auto end_of_table = text.find('?');
    const auto statement =
        tables()
            .remove(text.substr(0, end_of_table), text.substr(end_of_table + 1), {.bounds = {1, {}}})
            .value()
            .statement(Slot{9}, true);
    for (std::size_t number = 1; number <= statement.params.size(); ++number) {
      const std::string param = '$' + std::to_string(number);
      INFO(text, " lacks ", param, ": ", statement.sql);
      CHECK(statement.sql.find(param) != std::string::npos);
    }
  }
}
