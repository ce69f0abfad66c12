#include "query/plan/lookup.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "query/plan/group_states.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/plan/scattered_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

RowsRead plan(const std::string& table, std::string_view query) {
  return std::get<RowsRead>(try_plan(table, query).value());
}

Error refusal(const std::string& table, std::string_view query, CountKind count = CountKind::none) {
  const auto planned = try_plan(table, query, count);
  return planned ? Error{} : planned.error();
}

/// The keys of rows with these values, as a lookup's key of one column.
LookupKeys keys_of(const std::vector<std::string>& values) {
  LookupKeys keys({0});
  for (const auto& value : values) keys.add({"", {}, {}, {value}});
  return keys;
}

Statement asked(const Lookup& lookup, bool only_owned = false) {
  return lookup.statement({Epoch{7}, only_owned, false, nullptr, {}}, keys_of({"5", "6"}), {0, 1});
}

bool has(const std::string& sql, std::string_view part) {
  return sql.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the parent's rows bring the keys of what is looked up, whether asked for or not") {
  const auto read = plan("ratings", "select=score,users(name)");
  CHECK(read.scan.related == std::vector<std::string>{"q.h0::text"});
  CHECK(has(read.scan.inner_columns, R"("ratings"."user_id" AS h0)"));
  CHECK(read.scan.row.fields().size() == 1);
  CHECK(read.scan.row.rooms().size() == 1);
  REQUIRE(read.lookups.size() == 1);
  CHECK(read.join.embeds.front().shape.kind == EmbedShape::Kind::object);
  CHECK(read.join.embeds.front().shape.before == std::vector<std::string>{",\"users\":"});
  CHECK_FALSE(read.join.leaves_out());
  CHECK(has(read.scan.statement({Epoch{7}, false, false, nullptr, {}}).sql, "q.h0::text FROM"));
}

TEST_CASE("what is looked up has its room in CSV too, but not single values, which would be JSON") {
  const auto csv = [](std::string_view query) {
    return try_plan("ratings", query, CountKind::none, RowFormat::csv);
  };
  const auto read = std::get<RowsRead>(csv("select=score,users(name),movie_id").value());
  CHECK(read.scan.row.header() == "score,movie_id,users");
  CHECK(read.join.embeds.front().shape.in_csv);
  CHECK(read.join.embeds.front().shape.before == std::vector<std::string>{","});
  // The rows that are put there are JSON.
  CHECK(read.lookups.front().rows.scan.row.format() == RowFormat::json);
  CHECK(csv("select=score,...users(name)").error().code == "SHARD400");
  CHECK(csv("select=score,...users(lists(movie_id))").error().code == "SHARD400");
  CHECK(csv("select=score,users()").has_value());
  // Arrays of values are JSON wherever they come from, and so is all that is inside an embed.
  CHECK(try_plan("movies", "select=id,...lists(user_id)", CountKind::none, RowFormat::csv).has_value());
  CHECK(csv("select=score,users(friends!friends_user_fkey(...users!friends_friend_fkey(name)))").has_value());
}

TEST_CASE("rows that one key finds are asked for where the key is, and all keys of a shard at once") {
  const auto read = plan("ratings", "select=score,users(name)");
  const auto& lookup = read.lookups.front();
  REQUIRE(lookup.place);
  CHECK(lookup.place->slots({"5"}).size() == 1);
  CHECK(lookup.place->id == GroupId{1});
  CHECK(lookup.merges_by_number);
  CHECK(lookup.merge_keys(3).size() == 1);
  const auto statement = asked(lookup);
  CHECK(
      statement.sql ==
      R"(SELECT q.c0, q.ord, q.k1 FROM (SELECT k.ord AS ord, "users"."name" AS c0, "users"."id" AS k1 )"
      R"(FROM unnest($2::"pg_catalog"."int4"[], $3::int4[]) AS k(x0, ord) CROSS JOIN "public"."users" AS "users" )"
      R"(WHERE shardplex.check_epoch($1::bigint) AND "users"."id" = k.x0 ORDER BY ord, k1 ASC NULLS LAST) q)");
  CHECK(statement.params == std::vector<std::optional<std::string>>{"7", R"({"5","6"})", "{0,1}"});
  CHECK(has(asked(lookup, true).sql, R"("users"."shardplex_slot" IN (SELECT s.slot)"));
}

TEST_CASE("rows that a key finds anywhere are asked for on all shards, and merged in their order") {
  const auto read = plan("users", "select=id,ratings(score)&ratings.order=score.desc&ratings.score=gt.2");
  const auto& lookup = read.lookups.front();
  CHECK(lookup.place->slots({"5"}).is_all());
  CHECK_FALSE(lookup.merges_by_number);
  CHECK(lookup.merge_keys(3).size() == 4);
  CHECK(lookup.merge_keys(1).size() == 1);
  CHECK(has(asked(lookup).sql,
            R"("ratings"."user_id" = k.x0 AND "ratings"."score" > $2 ORDER BY ord, "ratings"."score" )"
            "DESC NULLS FIRST"));
  // What the embed's own filters say narrows as well.
  const auto narrowed = plan("users", "select=id,ratings(score)&ratings.movie_id=eq.3");
  CHECK(narrowed.lookups.front().place->slots({"5"}).size() == 1);
}

TEST_CASE("each shard gives so many rows of a key as may be on its page") {
  const auto read = plan("users", "select=id,ratings(score)&ratings.limit=3&ratings.offset=2");
  const auto& lookup = read.lookups.front();
  CHECK(lookup.rows.join.page == RowPage{2, 3, true});
  const auto statement = asked(lookup);
  CHECK(has(statement.sql, "CROSS JOIN LATERAL (SELECT row_number() OVER () AS n, i.* FROM (SELECT "));
  CHECK(has(statement.sql,
            "LIMIT $4::int8) i) l WHERE shardplex.check_epoch($1::bigint) ORDER BY k.ord, l.n) q"));
  CHECK(statement.params.back() == "5");
  // Not where rows are left out before the page.
  const auto chosen = plan("movies", "select=id,ratings(users!inner(id))&ratings.limit=3");
  CHECK_FALSE(has(asked(chosen.lookups.front()).sql, "LIMIT"));
}

TEST_CASE("an embed is looked up as a whole where anything inside it has to be") {
  const auto read = plan("movies", "select=id,ratings(score,users(name),movies(name)),genres(note)");
  REQUIRE(read.lookups.size() == 1);
  const auto& below = read.lookups.front().rows;
  REQUIRE(below.lookups.size() == 1);
  CHECK(below.lookups.front().key_condition == R"("users"."id" = k.x0)");
  CHECK(below.scan.row.fields().size() == 2);  // score, and the film that its shard writes
  CHECK(read.scan.row.fields().size() == 2);   // id and the genre
  // Members come in the order of select.
  CHECK(read.scan.row.fields().back().before == ",\"genres\":");
  const auto first = plan("movies", "select=ratings(users(name)),genres(note)");
  CHECK(first.join.embeds.front().shape.before.front() == "{\"ratings\":");
  CHECK(first.scan.row.fields().front().before == ",\"genres\":");
}

TEST_CASE("many to many is followed by one lookup where both are together, and else by two") {
  const auto two = plan("users", "select=id,movies!lists(name)&movies.order=name&movies.limit=2");
  const auto& lookup = two.lookups.front();
  REQUIRE(lookup.junction);
  CHECK(lookup.junction->key_condition == R"("lists"."user_id" = k.x0)");
  CHECK(lookup.junction->place->slots({"5"}).size() == 1);
  CHECK(lookup.junction->rows.scan.related == std::vector<std::string>{"q.h0::text"});
  CHECK(
      asked(*lookup.junction).sql ==
      R"(SELECT q.ord, q.h0::text FROM (SELECT k.ord AS ord, "lists"."movie_id" AS h0 )"
      R"(FROM unnest($2::"pg_catalog"."int4"[], $3::int4[]) AS k(x0, ord) CROSS JOIN "public"."lists" AS "lists" )"
      R"(WHERE shardplex.check_epoch($1::bigint) AND "lists"."user_id" = k.x0 ORDER BY ord) q)");
  CHECK(lookup.key_condition == R"("movies"."id" = k.x0)");
  CHECK(lookup.junction_page == RowPage{0, 2, true});
  CHECK_FALSE(lookup.rows.join.page.limit);

  const auto one = plan("movies", "select=id,users!lists(name)");
  const auto& beside = one.lookups.front();
  CHECK_FALSE(beside.junction);
  CHECK(has(asked(beside, true).sql,
            R"(CROSS JOIN "public"."users" AS "users" CROSS JOIN "public"."lists" AS j WHERE )"));
  CHECK(beside.key_condition == R"("j"."movie_id" = k.x0 AND "users"."id" = j."user_id")");
  CHECK(has(asked(beside, true).sql, R"(j."shardplex_slot" IN (SELECT)"));
}

TEST_CASE("what is asked of looked-up rows is decided by the router, the rest by the shards") {
  using Kind = RowCondition::Kind;
  const RowCondition has_rows{Kind::has_rows, 0, {}};
  const auto inner = plan("ratings", "select=score,users!inner(name)&score=gt.1");
  CHECK(inner.join.keep == RowCondition{Kind::all, 0, {has_rows}});
  CHECK(inner.scan.where == R"("ratings"."score" > $2)");
  const auto anti = plan("users", "select=id,ratings()&ratings=is.null&limit=5&offset=2");
  CHECK(anti.join.keep == RowCondition{Kind::all, 0, {{Kind::negation, 0, {has_rows}}}});
  CHECK(anti.scan.where.empty());
  CHECK(anti.lookups.front().rows.join.page.limit == 1);
  CHECK(anti.join.embeds.front().shape.kind == EmbedShape::Kind::nothing);
  // The page is that of the rows which are left.
  CHECK(anti.join.page == RowPage{2, 5, false});
  CHECK(anti.streams);
  CHECK_FALSE(has(anti.scan.statement({Epoch{7}, false, true, nullptr, {}}).sql, "LIMIT"));

  const auto either = plan("users", "select=id,ratings()&or=(ratings.is.null,and(name.eq.a,id.gt.2))");
  CHECK(
      either.join.keep ==
      RowCondition{Kind::all, 0, {{Kind::any, 0, {{Kind::negation, 0, {has_rows}}, {Kind::known, 1, {}}}}}});
  CHECK(either.scan.related == std::vector<std::string>{"q.h0::text", "q.h1::text"});
  CHECK(has(either.scan.inner_columns, R"((("users"."name" = $2 AND "users"."id" > $3)) AS h1)"));
}

TEST_CASE("rows that the router chooses are counted by it, and others by their shards") {
  const auto read = [](const char* query) {
    return std::get<RowsRead>(try_plan("ratings", query, CountKind::exact).value());
  };
  const auto chosen = read("select=score,users!inner(name)&limit=5");
  CHECK(chosen.join.counts);
  CHECK_FALSE(chosen.scan.counts);
  CHECK(chosen.share == Share::whole);
  const auto all = read("select=score,users(name)&limit=5");
  CHECK_FALSE(all.join.counts);
  CHECK(all.scan.counts);
  CHECK_FALSE(all.lookups.front().rows.scan.counts);
}

TEST_CASE("keys are asked for first where rows are kept only for filtered rows of others") {
  const ReadPlan::ForShard shard{Epoch{7}, false, false, nullptr, {}};
  const auto read = plan("ratings", "select=score,users!inner(name)&users.name=eq.a&score=gt.1");
  REQUIRE(read.keys_first == 0);
  const auto statement = read.lookups.front().keys_statement(shard);
  CHECK(statement.sql == R"(SELECT DISTINCT "users"."id"::text FROM "public"."users" AS "users" )"
                         R"(WHERE shardplex.check_epoch($1::bigint) AND "users"."name" = $2 )"
                         R"(AND ("users"."id"::text) IS NOT NULL LIMIT 10001)");
  CHECK(statement.params == std::vector<std::optional<std::string>>{"7", "a"});
  const auto narrowed = read.with_keys(keys_of({"5", "6"}));
  CHECK(
      narrowed.scan.where ==
      R"("ratings"."score" > $2 AND ("ratings"."user_id") IN (SELECT * FROM unnest($3::"pg_catalog"."int4"[])))");
  CHECK(narrowed.scan.params == std::vector<std::optional<std::string>>{"1", R"({"5","6"})"});
  CHECK(narrowed.where->slots.is_all());

  // Where the keys are the shard key, only their slots are asked.
  const auto users = plan("users", "select=id,ratings()&ratings=not.is.null&ratings.score=eq.5");
  REQUIRE(users.keys_first == 0);
  CHECK(users.with_keys(keys_of({"5"})).where->slots.size() == 1);
  CHECK(users.with_keys(keys_of({})).where->slots.size() == 0);

  // Beside a junction, its rows have the keys.
  const auto beside = plan("movies", "select=id,users!lists!inner(name)&users.name=eq.a");
  REQUIRE(beside.keys_first == 0);
  CHECK(has(
      beside.lookups.front().keys_statement(shard).sql,
      R"(SELECT DISTINCT "j"."movie_id"::text FROM "public"."users" AS "users" CROSS JOIN "public"."lists" AS j )"
      R"(WHERE shardplex.check_epoch($1::bigint) AND "users"."id" = j."user_id" AND "users"."name" = $2)"));

  for (const auto* query :
       {"select=score,users!inner(name)", "select=score,users()&users=is.null&users.name=eq.a",
        "select=score,users()&or=(users.not.is.null,score.eq.1)&users.name=eq.a",
        "select=score,users(name)&users.name=eq.a"})
    CHECK_FALSE(plan("ratings", query).keys_first);
  CHECK_FALSE(plan("users", "select=id,movies!lists!inner(name)&movies.name=eq.a").keys_first);
}

TEST_CASE("members of a looked-up spread are the row's own") {
  const auto read = plan("ratings", "select=score,...users(name,tags)");
  const auto& shape = read.join.embeds.front().shape;
  CHECK(shape.kind == EmbedShape::Kind::values);
  CHECK(shape.before == std::vector<std::string>{",\"name\":", ",\"tags\":"});
  const auto arrays = plan("users", "select=id,...ratings(score,...users(tags))").join.embeds.front().shape;
  CHECK(arrays.kind == EmbedShape::Kind::value_arrays);
  CHECK(arrays.in_lines == std::vector<bool>{true, true});
  // Of json, and of arrays that are made of what is below, json_agg() begins no lines.
  const auto json =
      plan("users", "select=id,...lists(movie_id,...movies(data,d:data->a,t:data->>a,tags:name::json))")
          .join.embeds.front()
          .shape;
  CHECK(json.in_lines == std::vector<bool>{true, false, false, true, false});
  const auto nested = plan("movies", "select=id,...ratings(score,...users(...lists(place:user_id)))");
  CHECK(nested.join.embeds.front().shape.in_lines == std::vector<bool>{true, false});
}

TEST_CASE("a shard is asked whether it finds fault with what no row has asked it for") {
  const auto at_fault = [](const char* query) {
    return plan("users", query).lookups.front().rows.can_be_at_fault;
  };
  CHECK_FALSE(at_fault("select=id,ratings(score,movies(id))&ratings.order=score"));
  CHECK(at_fault("select=id,ratings(score)&ratings.score=is.true"));  // no value, and yet of no boolean
  CHECK(at_fault("select=id,ratings(score::nothing)"));
  CHECK(at_fault("select=id,ratings(score->a)"));
  CHECK(at_fault("select=id,ratings(score,movies(data))&ratings.movies.order=data"));
  CHECK(at_fault("select=id,ratings(score,movies(id::nothing))"));       // which the shard makes by itself
  CHECK(at_fault("select=id,ratings(score,movies(name.sum()))"));        // of which there is no sum
  CHECK_FALSE(at_fault("select=id,ratings(score,users(id::nothing))"));  // a lookup of its own
}

TEST_CASE("each parameter is in its statement, which PostgreSQL refuses otherwise") {
  for (const auto* query :
       {"select=id,ratings(score)&ratings.limit=2&ratings.score=in.(1,2)&ratings.order=score",
        "select=id,movies!lists!inner(data->a)&movies.limit=2&movies.name=like.a*",
        "select=id,movies!lists(name,ratings(score,genre:movies(genres(note))))&movies.ratings.limit=3",
        "select=id,ratings(score,a:movies(data->a),count())&ratings.limit=2&ratings.score=in.(1,2)"}) {
    const auto read = plan("users", query);
    for (const auto& lookup : read.lookups) {
      const auto statement = asked(lookup);
      for (std::size_t number = 1; number <= statement.params.size(); ++number) {
        INFO(statement.sql);
        CHECK(has(statement.sql, '$' + std::to_string(number)));
      }
    }
  }
}

TEST_CASE("rows that are ordered by what is looked up are put in order when it is there") {
  const auto read =
      plan("ratings",
           "select=score,users(name,tags)&order=score.desc,users(name).desc.nullslast&limit=5&offset=2");
  REQUIRE(read.sort);
  CHECK(read.sort->page == RowPage{2, 5, false});
  CHECK(read.join.page == RowPage{});
  CHECK(read.scan.page_later);
  CHECK(read.streams);
  CHECK(read.share == Share::whole);
  CHECK_FALSE(has(read.scan.statement({Epoch{7}, false, true, nullptr, {}}).sql, "LIMIT"));
  const auto& lookup = read.lookups.front();
  CHECK(lookup.sort_keys == 1);
  CHECK(lookup.merge_keys(1).size() == 3);  // the number, the primary key, and the name
  CHECK(lookup.rows.scan.key_columns == std::vector<std::size_t>{2, 3, 0});
  CHECK(read.join.embeds.front().shape.sort_keys == 1);
  // The row's own keys come first: its score, and the two of its primary key.
  CHECK(read.scan.keys.size() == 3);
  std::vector<std::size_t> of;
  for (const auto& key : read.sort->keys) of.push_back(key.of);
  CHECK(of == std::vector<std::size_t>{0, 3, 1, 2});
  CHECK(read.sort->keys[1].key == MergeKey{SortKind::text, true, false, {}});

  // What nothing is shown of has an order as well, and rows that are left out have none.
  const auto hidden = plan("ratings", "select=score,users!inner()&order=users(id)&limit=1");
  REQUIRE(hidden.sort);
  CHECK(hidden.join.leaves_out());
  CHECK(hidden.join.page == RowPage{});
  CHECK(hidden.join.sorted_later);
  CHECK_FALSE(plan("ratings", "select=score,users(name)&order=score&limit=5").sort);
  const auto by_enum = plan("lists", "select=user_id,movies(mpaa)&order=movies(mpaa)");
  CHECK(by_enum.sort->keys.front().key.kind == SortKind::enumeration);
  CHECK_FALSE(by_enum.lookups.front().rows.scan.enums_sql.empty());
  // All rows are there to be counted.
  const auto counted = std::get<RowsRead>(
      try_plan("ratings", "select=score,users(name)&order=users(name)", CountKind::exact).value());
  CHECK(counted.join.counts);
  CHECK_FALSE(counted.scan.counts);
}

TEST_CASE("rows that are looked up are put in order by what is looked up for them, for each key") {
  const auto read = plan("users",
                         "select=id,ratings(score,users(name))&ratings.order=score.desc,users(name).desc"
                         "&ratings.limit=3&ratings.offset=1");
  CHECK_FALSE(read.sort);
  CHECK_FALSE(read.scan.page_later);
  const auto& ratings = read.lookups.front();
  REQUIRE(ratings.rows.sort);
  CHECK(ratings.rows.sort->page == RowPage{1, 3, true});
  CHECK(ratings.rows.join.page == RowPage{0, std::nullopt, true});
  CHECK_FALSE(has(asked(ratings).sql, "LIMIT"));
  // The number of the key, the score, and the primary key; the name comes behind them.
  CHECK(ratings.merge_keys(1).size() == 4);
  std::vector<std::size_t> of;
  for (const auto& key : ratings.rows.sort->keys) of.push_back(key.of);
  CHECK(of == std::vector<std::size_t>{0, 1, 4, 2, 3});
  CHECK(ratings.rows.lookups.front().sort_keys == 1);
  CHECK(ratings.sort_keys == 0);
  // One of those is enough to know whether there is any.
  const auto hidden = plan("users", "select=id,ratings!inner(users())&ratings.order=users(id)");
  CHECK(hidden.join.leaves_out());
}

TEST_CASE("what cannot be bounded or told is refused, with what would work") {
  CHECK(refusal("ratings", "select=score,users(name)", CountKind::exact).code.empty());
  CHECK(refusal("ratings", "select=score,users!inner(name)&offset=10001").code == "SHARD400");
  CHECK(refusal("ratings", "select=score,users(name)&offset=10001").code.empty());
  CHECK(refusal("ratings", "select=score,users(tags)&order=users(tags)").code == "SHARD400");
  CHECK(refusal("ratings", "select=score,users(name,count())&order=users(name)").code == "SHARD400");
  CHECK(refusal("lists", "select=user_id,movies(title_de)&order=movies(title_de)").code == "SHARD400");
  CHECK(refusal("users", "select=id,scales(weight)").details->find("double precision") != std::string::npos);
  // Equality of texts is not that of their bytes.
  CHECK(refusal("users", "select=id,nicks(id)").details->find("collation") != std::string::npos);
  CHECK(refusal("ratings", "select=score,users(nope)").code == "42703");
  CHECK(refusal("users", "select=id,movies!lists(title_de)&movies.order=title_de").code == "SHARD400");
}

TEST_CASE("of groups without keys each key has one, also null, and one that finds no rows") {
  const auto read = plan("users", "select=id,ratings(count())");
  CHECK(read.join.embeds.front().with_null);
  CHECK(read.join.embeds.front().shape.kind == EmbedShape::Kind::array);
  const auto& lookup = read.lookups.front();
  CHECK(lookup.gives_every_key());
  CHECK(lookup.shares_groups());
  CHECK(lookup.merge_keys(3).size() == 1);
  CHECK(lookup.slots({"5"}).is_all());
  CHECK(lookup.slots({}).size() == 1);
  const std::string rows =
      R"( FROM (SELECT k.ord AS ord, m.* FROM unnest($2::"pg_catalog"."int4"[], $3::int4[]) AS k(x0, ord) )"
      R"(LEFT JOIN LATERAL (SELECT true AS here FROM "public"."ratings" AS "ratings" )"
      R"(WHERE "ratings"."user_id" = k.x0) m ON true WHERE shardplex.check_epoch($1::bigint)) p GROUP BY p.ord)";
  CHECK(asked(lookup).sql == "SELECT to_json(q.c0), q.ord FROM (SELECT p.ord AS ord, count(p.here) AS c0" +
                                 rows + " ORDER BY p.ord) q");
  LookupKeys keys({0}, true);
  for (const auto& value : {std::optional<std::string>("5"), std::optional<std::string>()})
    keys.add({"", {}, {}, {value}});
  const auto part = lookup.partial_statement({Epoch{7}, false, false, nullptr, {}}, keys, {0, 1});
  CHECK(part.sql == "SELECT CAST(p.ord AS text), CAST(count(p.here) AS text), true" + rows + " LIMIT 100001");
  CHECK(part.params == std::vector<std::optional<std::string>>{"7", R"({"5",NULL})", "{0,1}"});
  CHECK(
      finished_groups(lookup.rows.scan, {"{}", "{}"}, 0).sql ==
      R"(SELECT to_json(q.c0), q.ord, true FROM (SELECT p.ord AS ord, CAST(sum(p.s0) AS "pg_catalog"."int8") AS )"
      R"(c0 FROM (SELECT CAST(u.t0 AS "pg_catalog"."int4") AS ord, CAST(u.t1 AS "pg_catalog"."int8") AS s0 FROM )"
      R"(unnest($1::text[], $2::text[]) AS u(t0, t1)) p GROUP BY p.ord ORDER BY p.ord) q)");

  // Filters that leave no slot to look in leave the group of no rows.
  const auto nowhere =
      plan("users", "select=id,ratings(count())&ratings.movie_id=eq.1&ratings.movie_id=eq.2");
  CHECK(nowhere.lookups.front().place->slots({"5"}).empty());
  CHECK(nowhere.lookups.front().slots({"5"}).size() == 1);
}

TEST_CASE("groups of the rows of many keys come key by key, in their order, and are paged by key") {
  const auto read = plan("users",
                         "select=id,ratings(score,n:count(),movie_id.max()::text)&ratings.score=gt.2"
                         "&ratings.order=score.desc&ratings.limit=3&ratings.offset=1");
  CHECK_FALSE(read.join.embeds.front().with_null);
  const auto& lookup = read.lookups.front();
  CHECK_FALSE(lookup.gives_every_key());
  CHECK(lookup.shares_groups());
  CHECK(lookup.rows.join.page == RowPage{1, 3, true});
  const std::string rows =
      R"( FROM (SELECT k.ord AS ord, m.* FROM unnest($3::"pg_catalog"."int4"[], $4::int4[]) AS k(x0, ord) )"
      R"(JOIN LATERAL (SELECT true AS here, "ratings"."score" AS g0, "ratings"."movie_id" AS a0 )"
      R"(FROM "public"."ratings" AS "ratings" WHERE "ratings"."user_id" = k.x0 AND "ratings"."score" > $2) )"
      R"(m ON true WHERE shardplex.check_epoch($1::bigint)) p GROUP BY p.ord, p.g0)";
  CHECK(asked(lookup).sql ==
        "SELECT to_json(q.c0), to_json(q.c1), to_json(q.c2), q.ord FROM (SELECT p.ord AS ord, p.g0 AS c0, "
        "count(p.here) AS c1, CAST(max(p.a0) AS \"text\") AS c2" +
            rows + " ORDER BY p.ord, p.g0 DESC NULLS FIRST) q");
  const auto part =
      lookup.partial_statement({Epoch{7}, true, false, nullptr, {}}, keys_of({"5", "6"}), {0, 1});
  CHECK(has(part.sql, R"("ratings"."score" > $2 AND "ratings"."shardplex_slot" IN (SELECT s.slot)"));
  CHECK(has(part.sql, "(true OR CAST(max(p.a0) AS \"text\") IS NULL) FROM (SELECT k.ord"));
  const auto finished =
      finished_groups(lookup.rows.scan, std::vector<std::string>(lookup.rows.scan.states->count, "{}"), 0);
  CHECK(has(finished.sql, "GROUP BY p.ord, p.g0 ORDER BY p.ord, p.g0 DESC NULLS FIRST) q"));
  CHECK(finished.params.size() == 4);
}

TEST_CASE("a shard that has all rows of a key groups them alone") {
  const auto read = plan("ratings", "select=score,users(count(),name.max())");
  const auto& lookup = read.lookups.front();
  CHECK(lookup.merges_by_number);
  CHECK_FALSE(lookup.shares_groups());
  CHECK(lookup.slots({"5"}).size() == 1);
  CHECK(read.join.embeds.front().shape.kind == EmbedShape::Kind::object);
  // A group that is there without rows may come of any shard, where a row does not.
  CHECK(plan("lists", "select=user_id,movies(count())").lookups.front().merges_by_number);
  CHECK_FALSE(plan("users", "select=id,ratings(score,count())").lookups.front().merges_by_number);
  // Beside a junction, whose rows are where the keys say or anywhere.
  CHECK(plan("movies", "select=id,users!lists(count())").lookups.front().shares_groups());
}

TEST_CASE("groups have what their shards embed among their keys, and choose rows") {
  const auto read = plan("users", "select=id,ratings(film:movies(name),...movies(last:id.max()),count())");
  CHECK(has(asked(read.lookups.front()).sql, R"(FROM "public"."ratings" AS "ratings" LEFT JOIN LATERAL ()"));
  CHECK(read.lookups.front().rows.members.size() == 3);
  const auto chosen = plan("users", "select=id,ratings!inner(score,count())&ratings.score=eq.5");
  CHECK(chosen.join.leaves_out());
  CHECK_FALSE(chosen.keys_first);
}

TEST_CASE("aggregates beside rows that are looked up, or of rows through a junction elsewhere, are refused") {
  const auto refused = [](const char* table, const char* query) {
    INFO(query);
    const auto error = refusal(table, query);
    CHECK(error.code == "SHARD400");
    CHECK(error.details.value_or("") ==
          "Aggregates are asked for together with rows that can be on other shards");
  };
  for (const auto* query :
       {"select=id,ratings(count(),users(name))", "select=id.max(),ratings(score)",
        "select=count(),ratings()", "select=count(),ratings!inner()", "select=count,ratings!inner()",
        "select=count(),ratings()&ratings=is.null", "select=name,count(),ratings(score)&order=name"})
    refused("users", query);
  for (const auto* query : {"select=count(),...users(name)", "select=score,...users(name,id.max())",
                            "select=score,...users(count())", "select=count(),movies(ratings(users(name)))"})
    refused("ratings", query);
  const auto through = refusal("users", "select=id,movies!lists(count())");
  CHECK(through.code == "SHARD400");
  CHECK(through.details->find("through lists") != std::string::npos);
  // What PostgREST refuses is refused as by it.
  CHECK(refusal("users", "select=id,...ratings(count())").code == "PGRST127");
  CHECK(refusal("users", "select=count,ratings(score)").code == "42803");
  CHECK(refusal("users", "select=id,ratings(count())&ratings.order=score").code == "42803");
}

TEST_CASE("what a shard embeds by itself has aggregates beside and inside what is looked up") {
  const auto inside = plan("users", "select=id,ratings(score,movies(n:count()))");
  REQUIRE(inside.lookups.size() == 1);
  CHECK(inside.lookups.front().rows.scan.row.fields().size() == 2);
  CHECK(has(asked(inside.lookups.front()).sql, "count(*) AS \"n\""));
  const auto beside = plan("ratings", "select=score,movies(name.max()),users(name)");
  CHECK(beside.lookups.size() == 1);
  CHECK_FALSE(beside.scan.groups);
  CHECK(has(beside.scan.statement({Epoch{7}, false, false, nullptr, {}}).sql, "max(p.a0)"));
}
