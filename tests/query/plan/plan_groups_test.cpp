#include "query/plan/plan_groups.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "query/grammar/parse.hpp"
#include "query/plan/group_states.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// Of a domain over numeric.
Column price() {
  Column amount = column("price", "amount", "amount");
  amount.type_schema = "public";
  amount.base_type_name = "numeric";
  amount.base_type_schema = "pg_catalog";
  return amount;
}

/// Films and their ratings beside each other, and genres on every shard.
Catalogue tables() {
  Catalogue catalogue;
  Table films = movies();
  for (auto& column : films.columns)
    if (column.name == "title_de") column.collation_sql = "pg_catalog.\"de_DE\"";
  films.columns.push_back(price());
  films.foreign_keys = {{"movies_primary_genre_fkey", {"primary_genre"}, "genres", {"name"}}};
  Table scores = ratings();
  scores.foreign_keys = {{"ratings_movie_id_fkey", {"movie_id"}, "movies", {"id"}}};
  for (auto& table : {films, scores, genres()}) catalogue.tables.emplace(table.name, table);
  return catalogue;
}

struct Request {
  std::string table = "movies";
  ShardMap map = hash_map();
  CountKind count = CountKind::none;
  ReadRules rules{};

  Result<RoutedPlan> plan(std::string_view query_string) const {
    static const Catalogue catalogue = tables();
    static const Relations relations(catalogue);
    const auto query = parse_query(table, query_string, {}).value();
    const auto tree = resolve(query, *catalogue.find(table), catalogue, relations);
    if (!tree) return tree.error();
    return plan_routed_read(*tree, query, in_map(*catalogue.find(table), map), count, rules);
  }
  RowsRead rows(std::string_view query_string) const {
    return std::get<RowsRead>(plan(query_string).value());
  }
  ReadPlan scan(std::string_view query_string) const { return rows(query_string).scan; }
  Error error(std::string_view query_string) const { return plan(query_string).error(); }
};

const Request films, counted{"movies", hash_map(), CountKind::exact}, by_genre_list{"movies", list_map()},
    scores{"ratings"}, reference{"genres"};

const ReadPlan::ForShard alone{Epoch{7}, false, true, nullptr, std::nullopt},
    one_of_several{Epoch{7}, true, false, nullptr, std::nullopt},
    any_shard{std::nullopt, false, true, nullptr, std::nullopt};

const std::string checked = " WHERE shardplex.check_epoch($1::bigint)";
const std::string labels =
    "(SELECT pg_catalog.enum_range(NULL::\"public\".\"mpaa\")::text[] = '{\"G\",\"PG\",\"R\"}'::text[])";
const std::string from_films = " FROM \"public\".\"movies\" AS \"movies\"";

}  // namespace

TEST_CASE("a shard that is alone answers by one statement") {
  CHECK(films.scan("select=count()").statement(alone).sql ==
        "SELECT to_json(q.c0) FROM (SELECT count(*) AS c0 FROM (SELECT " + from_films + checked +
            ") p HAVING true) q");
  CHECK(films.scan("select=primary_genre,votes.sum()::text&order=primary_genre.desc&limit=2")
            .statement(alone)
            .sql ==
        "SELECT to_json(q.c0), to_json(q.c1) FROM (SELECT p.g0 AS c0, CAST(sum(p.a0) AS \"text\") AS c1 FROM "
        "(SELECT \"movies\".\"primary_genre\" AS g0, \"movies\".\"votes\" AS a0" +
            from_films + checked + ") p GROUP BY p.g0 ORDER BY p.g0 DESC NULLS FIRST LIMIT 2) q");
  CHECK(reference.scan("select=count()").statement(any_shard).sql ==
        "SELECT to_json(q.c0) FROM (SELECT count(*) AS c0 FROM (SELECT  FROM \"public\".\"genres\" AS "
        "\"genres\") p HAVING true) q");
  CHECK_FALSE(reference.scan("select=count()").states);
}

TEST_CASE("each of several shards gives the texts of its keys and states") {
  const auto plan = counted.scan("select=primary_genre,score:imdb_score.avg(),n:count()&votes=gt.5");
  const auto rows = from_films + checked +
                    " AND \"movies\".\"votes\" > $2 AND \"movies\".\"shardplex_slot\" IN (SELECT s.slot FROM "
                    "shardplex.slots s WHERE s.grp = 'catalog' AND s.state IN ('owned', 'fenced'))";
  const auto statement = partial_groups(plan, one_of_several);
  CHECK(statement.sql ==
        "SELECT CAST(p.g0 AS text), CAST(sum(p.a0) AS text), CAST(count(p.a0) AS text), CAST(count(*) AS "
        "text), (SELECT count(*)" +
            rows +
            "), pg_catalog.pg_typeof(p.g0) = '\"pg_catalog\".\"text\"'::regtype AND "
            "pg_catalog.pg_typeof(sum(p.a0)) IN ('numeric'::regtype, 'int8'::regtype) FROM (SELECT "
            "\"movies\".\"primary_genre\" AS g0, \"movies\".\"imdb_score\" AS a0" +
            rows + ") p GROUP BY p.g0 LIMIT 100001");
  CHECK(statement.params == std::vector<std::optional<std::string>>{"7", "5"});
}

TEST_CASE("the types that were planned for are checked; integers may be of any width") {
  CHECK(films.scan("select=votes,count()").states->as_planned ==
        "pg_catalog.pg_typeof(p.g0) IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)");
  // A cast is wrong also where there is no group.
  CHECK(
      films.scan("select=votes.sum()::uuid").states->as_planned ==
      "pg_catalog.pg_typeof(sum(p.a0)) = 'int8'::regtype AND (true OR CAST(sum(p.a0) AS \"uuid\") IS NULL)");
  CHECK(films.scan("select=mpaa,name.min()").states->as_planned ==
        "pg_catalog.pg_typeof(p.g0) = '\"public\".\"mpaa\"'::regtype AND " + labels +
            " AND pg_catalog.pg_typeof(min(p.a0)) = '\"pg_catalog\".\"text\"'::regtype");
}

TEST_CASE(
    "whoever orders by an enum, or finds the least of one, has to have the labels that were planned for") {
  for (const auto* query : {"select=mpaa,count()", "select=mpaa.max()"}) {
    const auto plan = films.scan(query);
    CHECK(plan.states->as_planned.ends_with(labels));
    std::vector<std::string> columns(plan.states->count, "{}");
    CHECK(finished_groups(plan, columns, 0).sql.find(", " + labels + " FROM (") != std::string::npos);
  }
  CHECK(films.scan("select=mpaa::text,count()").states->labels == labels);
  CHECK(films.scan("select=x:mpaa::text,count()").states->labels.empty());
}

TEST_CASE("values of a domain are put together as what it is made of, by which they need no check again") {
  const auto states = films.scan("select=price,price.max()").states;
  REQUIRE(states);
  CHECK(states->values ==
        "CAST(u.t0 AS \"pg_catalog\".\"numeric\") AS g0, CAST(u.t1 AS \"pg_catalog\".\"numeric\") AS s0");
  CHECK(states->as_planned ==
        "pg_catalog.pg_typeof(p.g0) = '\"public\".\"amount\"'::regtype AND pg_catalog.pg_typeof(max(p.a0)) = "
        "'\"pg_catalog\".\"numeric\"'::regtype");
}

TEST_CASE(
    "what nobody knows to be no domain is not made again where it may be null against the rules of one") {
  CHECK_FALSE(films.scan("select=name::slug,count()").not_mergeable);
  CHECK_FALSE(films.scan("select=votes.sum(),...genres(note::varchar)").not_mergeable);
  const auto plan = films.scan("select=votes.sum(),...genres(note::slug)");
  REQUIRE(plan.not_mergeable);
  CHECK(plan.not_mergeable->code == "SHARD400");
  CHECK(films.scan("select=name::slug.min()").not_mergeable->code == "SHARD400");
}

TEST_CASE("what depends on the default collation is refused over shards that have several") {
  const Request differing{"movies", hash_map(), CountKind::none, {false, 0, true, false}};
  for (const std::string query :
       {"select=data->>city,count()", "select=data,count()", "select=data->a,count()",
        "select=x:votes::text,count()", "select=x:votes::_text,count()", "select=data->>city.max()",
        "select=votes::text.min()", "select=votes.sum(),genres(note)"}) {
    INFO(query);
    const auto plan = differing.scan(query);
    REQUIRE(plan.not_mergeable);
    CHECK(plan.not_mergeable->code == "SHARD400");
    CHECK_FALSE(films.scan(query).not_mergeable);
    CHECK_FALSE(plan.statement(alone).sql.empty());
  }
  for (const std::string query :
       {"select=title_de,count()", "select=title_de.max()", "select=title_de::varchar,count()",
        "select=votes,count()", "select=data->>city.count()", "select=x:votes::name,count()"}) {
    INFO(query);
    CHECK_FALSE(differing.scan(query).not_mergeable);
  }
}

TEST_CASE("one shard finishes the groups of all, in order, and says their total") {
  const auto plan = counted.scan(
      "select=primary_genre,score:imdb_score.avg(),n:count()&order=primary_genre.desc&limit=3&offset=1");
  const auto statement = finished_groups(plan, {"{a}", "{1}", "{2}", "{3}"}, 9);
  CHECK(statement.sql ==
        "SELECT to_json(q.c0), to_json(q.c1), to_json(q.c2), true, CAST($5 AS int8) FROM (SELECT p.g0 AS c0, "
        "(CAST(sum(p.s0) AS \"pg_catalog\".\"numeric\") / CAST(sum(p.s1) AS \"pg_catalog\".\"numeric\")) AS "
        "c1, "
        "CAST(sum(p.s2) AS \"pg_catalog\".\"int8\") AS c2 FROM (SELECT CAST(u.t0 AS \"pg_catalog\".\"text\") "
        "AS "
        "g0, CAST(u.t1 AS \"pg_catalog\".\"numeric\") AS s0, CAST(u.t2 AS \"pg_catalog\".\"int8\") AS s1, "
        "CAST(u.t3 "
        "AS \"pg_catalog\".\"int8\") AS s2 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS "
        "u(t0, "
        "t1, t2, t3)) p GROUP BY p.g0 ORDER BY p.g0 DESC NULLS FIRST LIMIT $6) q");
  CHECK(statement.params == std::vector<std::optional<std::string>>{"{a}", "{1}", "{2}", "{3}", "9", "4"});
  const auto read = read_groups(plan, statement);
  CHECK(read.sql.starts_with("SELECT count(p.*) FROM (SELECT CAST(u.t0 AS \"pg_catalog\".\"text\") AS g0, "));
  CHECK(read.sql.ends_with(
      "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u(t0, t1, t2, t3)) p"));
  CHECK(read.params == std::vector<std::optional<std::string>>{"{a}", "{1}", "{2}", "{3}"});
  const auto uncounted = films.scan("select=count()&offset=2");
  CHECK(
      finished_groups(uncounted, {"{1}"}, 0).sql ==
      "SELECT to_json(q.c0), true FROM (SELECT CAST(sum(p.s0) AS \"pg_catalog\".\"int8\") AS c0 FROM (SELECT "
      "CAST(u.t0 AS \"pg_catalog\".\"int8\") AS s0 FROM unnest($1::text[]) AS u(t0)) p HAVING true OFFSET "
      "$2) "
      "q");
}

TEST_CASE("groups that are on one shard whole are merged, not put together") {
  const auto plan = scores.scan("select=movie_id,score.avg()&order=movie_id.desc");
  CHECK_FALSE(plan.states);
  CHECK(plan.keys.size() == 1);
  CHECK(plan.keys.front().descending);
  CHECK(plan.key_columns == std::vector<std::size_t>{2});
  CHECK(
      plan.statement(one_of_several)
          .sql.starts_with("SELECT to_json(q.c0), to_json(q.c1), q.k0 FROM (SELECT p.g0 AS c0, avg(p.a0) AS "
                           "c1, p.g0 AS k0 FROM (SELECT"));
  CHECK(scores.scan("select=user_id,score.avg()").states);
  CHECK(films.scan("select=id::text,count()").keys.size() == 1);
  CHECK(films.scan("select=x:id::text,count()").states);
  CHECK(by_genre_list.scan("select=id,count()").states);
  CHECK_FALSE(by_genre_list.scan("select=id,primary_genre,count()").states);
  // Its order cannot be merged, so one shard makes it.
  CHECK(films.scan("select=id,title_de,count()&order=title_de").states);
}

TEST_CASE("an item is grouped by its value where it has an alias or a path, else by its column") {
  CHECK(
      films.scan("select=imdb_score::int,count()")
          .statement(alone)
          .sql.find(
              "CAST(p.g0 AS \"int4\") AS c0, count(*) AS c1 FROM (SELECT \"movies\".\"imdb_score\" AS g0") !=
      std::string::npos);
  CHECK(
      films.scan("select=s:imdb_score::int,count()")
          .statement(alone)
          .sql.find(
              "SELECT p.g0 AS c0, count(*) AS c1 FROM (SELECT CAST(\"movies\".\"imdb_score\" AS \"int4\") AS "
              "g0") != std::string::npos);
  CHECK(films.scan("select=data->>a::int,count()")
            .statement(alone)
            .sql.find("SELECT CAST((\"movies\".\"data\"->>$2::text) AS \"int4\") AS g0") !=
        std::string::npos);
}

TEST_CASE("a star is grouped by all columns, and a bare count counts rows where no column is called so") {
  CHECK(scores.scan("select=*,count()").row.fields().size() == 4);
  CHECK(scores.scan("select=count").statement(alone).sql ==
        scores.scan("select=count()").statement(alone).sql);
  CHECK(std::holds_alternative<RowsRead>(films.plan("id=eq.5&select=count").value()));
}

TEST_CASE("a bare count stands alone, as PostgreSQL groups by nothing for it") {
  const auto beside_column = films.error("select=primary_genre,count");
  CHECK(beside_column.code == "42803");
  CHECK(beside_column.message ==
        "column \"movies.primary_genre\" must appear in the GROUP BY clause or be used in an aggregate "
        "function");
  CHECK(films.error("select=*,count").code == "42803");
  CHECK(films.error("select=count,genres(note)").code == "42803");
  CHECK(films.error("select=id,ratings(score,count)").code == "42803");
  CHECK(films.error("select=count,votes.sum()").message == "aggregate functions are not allowed in GROUP BY");
  CHECK(films.error("select=id,...genres(count)").code == "SHARD400");
  CHECK(films.scan("select=count,n:count").row.fields().size() == 2);
  CHECK(films.plan("select=count,genres()").has_value());
}

TEST_CASE("groups are ordered by what they are grouped by, or by what their primary key decides") {
  const auto refused = films.error("select=primary_genre,count()&order=name");
  CHECK(refused.code == "42803");
  CHECK(refused.message ==
        "column \"movies.name\" must appear in the GROUP BY clause or be used in an aggregate function");
  CHECK(films.error("select=count()&order=id").code == "42803");
  CHECK(films.error("select=count()&order=absent").code == "42703");
  CHECK(films.error("select=data,count()&order=data->>a").code == "SHARD400");
  CHECK(films.scan("select=data->>a,count()&order=data->>a.desc").order_by == "p.g0 DESC NULLS FIRST");
  const auto plan = films.scan("select=id,count()&order=name");
  CHECK(plan.order_by == "p.g1 ASC NULLS LAST, p.g0 ASC NULLS LAST");
  CHECK(plan.row.fields().size() == 2);
}

TEST_CASE("ties are broken by the keys whose types have an order") {
  CHECK(films.scan("select=votes,genre,words,data,mpaa,count()&order=genre").order_by ==
        "p.g1 ASC NULLS LAST, p.g0 ASC NULLS LAST, p.g3 ASC NULLS LAST, p.g4 ASC NULLS LAST");
}

TEST_CASE("what several shards cannot put together is refused, and one alone is asked") {
  const auto plan = films.scan("select=name.sum()");
  REQUIRE(plan.not_mergeable);
  CHECK(plan.not_mergeable->code == "42883");
  CHECK(plan.statement(alone).sql.find("sum(p.a0)") != std::string::npos);
}

TEST_CASE("embeds and spreads of a grouped row are among what it is grouped by") {
  const auto whole = films.scan("select=votes.sum(),genres(note)").statement(alone).sql;
  CHECK(whole.find("(SELECT CAST((SELECT row_to_json(r.*) FROM (SELECT") != std::string::npos);
  CHECK(whole.find(") AS jsonb) AS g0, \"movies\".\"votes\" AS a0") != std::string::npos);
  const auto spread = films.scan("select=votes.sum(),...genres(note)").statement(alone).sql;
  CHECK(spread.find(
            "SELECT sum(p.a0) AS c0, p.g0 AS c1 FROM (SELECT e2.m0 AS g0, \"movies\".\"votes\" AS a0 "
            "FROM \"public\".\"movies\" AS \"movies\" LEFT JOIN LATERAL (SELECT \"e1\".\"note\" AS m0") !=
        std::string::npos);
  const auto of_spread =
      films.scan("select=primary_genre,...genres(note.max(),n:count())").statement(alone).sql;
  CHECK(of_spread.find("SELECT p.g0 AS c0, max(p.a0) AS c1, count(p.a1) AS c2 FROM (SELECT "
                       "\"movies\".\"primary_genre\" AS g0, e2.m0 AS a0, e2.m1 AS a1") != std::string::npos);
  CHECK(of_spread.find("1 AS m1") != std::string::npos);
  CHECK(films.scan("select=votes.sum(),...genres(note)&order=genres(note).desc").order_by ==
        "p.g0 DESC NULLS FIRST");
}

TEST_CASE("groups are ordered by what an embed shows, under the name that it shows it by") {
  const auto order_of = [](const std::string& query) { return films.scan(query).order_by; };
  CHECK(order_of("select=votes,...genres(label:note),count()&order=genres(label)") ==
        "p.g1 ASC NULLS LAST, p.g0 ASC NULLS LAST");
  CHECK(order_of("select=votes,...genres(note::varchar),count()&order=genres(note).desc") ==
        "p.g1 DESC NULLS FIRST, p.g0 ASC NULLS LAST");
  CHECK(films.error("select=votes.sum(),...genres(label:note)&order=genres(note)").code == "42703");
  CHECK(films.error("select=votes.sum(),genres(note)&order=genres(note)").code == "42803");
  const auto of_group = films.scan("select=id,genres(label:note::varchar,count())&order=genres(label)");
  CHECK(of_group.inner_columns.find("(SELECT p.g0 FROM (SELECT CAST(") != std::string::npos);
  const auto cast_afterwards = films.scan("select=id,genres(note::varchar,count())&order=genres(note)");
  CHECK(cast_afterwards.inner_columns.find("(SELECT CAST(p.g0 AS \"varchar\") FROM (SELECT \"e") !=
        std::string::npos);
}

TEST_CASE("an embed of aggregates has one row, or one for each group") {
  const auto one = films.scan("select=id,ratings(count(),score.max())").values;
  CHECK(one ==
        "q.c0, coalesce((SELECT json_agg(r.*) FROM (SELECT count(*) AS \"count\", max(p.a0) AS "
        "\"max\" FROM (SELECT \"e1\".\"score\" AS a0 FROM \"public\".\"ratings\" AS e1 WHERE "
        "e1.\"movie_id\" = q.r0) AS p HAVING true) AS r), '[]')");
  const auto groups = films.scan("select=id,ratings(score,count())&ratings.order=score.desc&ratings.limit=1");
  CHECK(groups.values.find("AS p GROUP BY p.g0 ORDER BY p.g0 DESC NULLS FIRST LIMIT $2::int8") !=
        std::string::npos);
  CHECK(films.error("select=id,ratings(count())&ratings.order=score").code == "42803");
  CHECK(films.scan("select=id,ratings(count)").values.find("count(*)") != std::string::npos);
}

TEST_CASE("an answer of groups is bounded when its groups are there") {
  const Request bounded{"movies", hash_map(), CountKind::none, {true, 10}};
  const auto groups = bounded.rows("select=primary_genre,count()&offset=3");
  REQUIRE(groups.bound);
  CHECK(groups.bound->too_many == 14);
  CHECK_FALSE(groups.streams);
  CHECK_FALSE(bounded.rows("select=count()").bound);
  CHECK(films.rows("select=primary_genre,count()").streams);
  CHECK_FALSE(films.rows("select=count()").streams);
  CHECK(films.rows("select=primary_genre,count()&limit=5").share == Share::whole);
  const Request bounded_scores{"ratings", hash_map(), CountKind::none, {true, 10}};
  const auto whole = bounded_scores.rows("select=movie_id,count()");
  CHECK(whole.scan.count_up_to(alone, whole.bound->too_many)
            .sql.starts_with(
                "SELECT count(*) FROM (SELECT p.g0 AS c0, count(*) AS c1, p.g0 AS k0 FROM (SELECT"));
}

TEST_CASE("rough counts are about the rows that groups are made of, and send all that stands in them") {
  const auto groups = films.scan("select=genre:data->>genre,imdb_score.sum()&id=gt.5");
  const auto number = groups.count_matching_up_to(one_of_several, 7);
  const auto explained = groups.explain_matching(one_of_several);
  CHECK(number.sql.starts_with("SELECT count(*) FROM (SELECT " + groups.inner_columns + " FROM "));
  CHECK(number.sql.ends_with(" LIMIT $4) q"));
  CHECK(explained.sql.starts_with("EXPLAIN (FORMAT JSON) SELECT " + groups.inner_columns + " FROM "));
  for (const auto& sql : {number.sql, explained.sql}) {
    CHECK(sql.find("GROUP BY") == sql.npos);
    CHECK(sql.find("sum(") == sql.npos);
    CHECK(sql.find("$3") != sql.npos);
  }
  CHECK(explained.params == std::vector<std::optional<std::string>>{"7", "5", "genre"});
}

TEST_CASE("groups come in the format that was asked for, whether one shard makes them or several") {
  Request csv;
  csv.rules.format = RowFormat::csv;
  const auto plan = csv.scan("select=primary_genre,n:count()");
  CHECK(plan.values == "ROW(q.c0)::text, ROW(q.c1)::text");
  CHECK(plan.row.header() == "primary_genre,n");
  const auto finished = finished_groups(plan, {"{Drama}", "{2}"}, 0).sql;
  CHECK(finished.starts_with("SELECT ROW(q.c0)::text, ROW(q.c1)::text, true FROM (SELECT "));
  Request stripped;
  stripped.rules.format = RowFormat::stripped_json;
  const auto json = stripped.scan("select=primary_genre,n:count()");
  CHECK(json.values == "to_json(q.c0), to_json(q.c1)");
  CHECK(json.row.format() == RowFormat::stripped_json);
}

TEST_CASE("aggregates are refused where the operator does not allow them") {
  const Request without{"movies", hash_map(), CountKind::none, {true, 0, false}};
  for (const auto* query : {"select=count()", "select=votes.sum()", "select=id,ratings(score.avg())",
                            "select=...genres(note.max())"})
    CHECK(without.error(query).code == "PGRST123");
  CHECK(without.plan("select=id,ratings(score)").has_value());
  CHECK(without.plan("select=count").has_value());
  CHECK(without.error("select=primary_genre,count").code == "42803");
}
