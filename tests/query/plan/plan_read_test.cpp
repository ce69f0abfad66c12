#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "query/grammar/parse.hpp"
#include "query/plan/plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

const Table movies_table = movies(), genres_table = genres(), ratings_table = ratings();

Query parsed(std::string_view table, std::string_view query_string) {
  return parse_query(table, query_string, {}).value();
}

Result<ReadPlan> try_plan(std::string_view query_string, bool counts = false, bool bytewise_default = true) {
  const ShardMap map = hash_map();
  return plan_read(parsed("movies", query_string), in_map(movies_table, map), counts, bytewise_default);
}

ReadPlan plan(std::string_view query_string, bool counts = false) {
  return try_plan(query_string, counts).value();
}

Error refusal(std::string_view query_string) {
  const auto result = try_plan(query_string);
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

const ReadPlan::ForShard at_epoch_7{.epoch = Epoch{7}, .only_owned = false, .alone = false, .slots = nullptr};
const ReadPlan::ForShard alone_at_epoch_7{
    .epoch = Epoch{7}, .only_owned = false, .alone = true, .slots = nullptr};
const ReadPlan::ForShard of_reference{};

using Params = std::vector<std::optional<std::string>>;

/// The filters of a read as SQL, and their parameters.
struct Where {
  std::string sql;
  Params params;
  bool operator==(const Where&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Where& where) {
  out << where.sql;
  for (const auto& param : where.params) out << " [" << param.value_or("NULL") << ']';
  return out;
}

Where where(std::string_view query_string) {
  const ReadPlan read = plan(query_string);
  CHECK(read.filter_params == read.params.size());
  return {read.where, read.params};
}

using Names = std::vector<std::string>;

/// What the fields of a row are called.
Names names_of(const RowText& row) {
  Names names;
  for (const auto& field : row.fields()) names.push_back(field.name);
  return names;
}

/// The select list without the merge keys, and the names of what it selects.
std::pair<std::string, Names> selected(std::string_view items) {
  const ReadPlan read = plan("select=" + std::string(items) + "&order=data->>order,id");
  const auto keys = read.inner_columns.rfind(", ", read.inner_columns.find(" AS k0"));
  return {read.inner_columns.substr(0, keys), names_of(read.row)};
}

}  // namespace

TEST_CASE("a read selects what its rows are made of, then its merge keys, under the shard's epoch") {
  const Statement statement =
      plan("select=name,s:imdb_score&imdb_score=gte.8&order=imdb_score.desc&limit=20").statement(at_epoch_7);
  CHECK(statement.sql ==
        "SELECT q.c0, q.c1, q.k1 FROM (SELECT \"movies\".\"name\" AS c0, "
        "\"movies\".\"imdb_score\" AS c1, \"movies\".\"id\" AS k1 FROM "
        "\"public\".\"movies\" AS \"movies\" WHERE shardplex.check_epoch($1::bigint) AND "
        "\"movies\".\"imdb_score\" >= $2 ORDER BY \"movies\".\"imdb_score\" DESC NULLS FIRST, k1 ASC NULLS "
        "LAST LIMIT 20) q");
  CHECK(statement.params == Params{"7", "8"});
}

TEST_CASE("a shard with rows it does not own is limited to owned slots") {
  ReadPlan::ForShard shard = at_epoch_7;
  shard.only_owned = true;
  CHECK(plan("select=id").count_up_to(shard, 5).sql ==
        "SELECT count(*) FROM (SELECT FROM \"public\".\"movies\" AS \"movies\" WHERE "
        "shardplex.check_epoch($1::bigint) AND "
        "\"movies\".\"shardplex_slot\" IN (SELECT s.slot FROM shardplex.slots s WHERE s.grp = 'catalog' AND "
        "s.state IN ('owned', 'fenced')) LIMIT $2) q");
}

TEST_CASE("a reference table is read without an epoch, its parameters from $1") {
  const ShardMap map = hash_map();
  const auto read = plan_read(parsed("genres", "note=eq.x"), in_map(genres_table, map), false, true).value();
  CHECK(read.group == "");
  const Statement statement = read.statement(of_reference);
  CHECK(statement.sql.find("check_epoch") == std::string::npos);
  CHECK(statement.sql.find("WHERE \"genres\".\"note\" = $1 ORDER BY") != std::string::npos);
  CHECK(statement.params == Params{"x"});
  const auto bare = plan_read(parsed("genres", ""), in_map(genres_table, map), false, true).value();
  CHECK(
      bare.count_up_to(of_reference, 9) ==
      Statement{"SELECT count(*) FROM (SELECT FROM \"public\".\"genres\" AS \"genres\" LIMIT $1) q", {"9"}});
}

TEST_CASE("every operator is the one PostgREST maps it to") {
  const auto id = [](const std::string& rest) { return "\"movies\".\"id\" " + rest; };
  const auto name = [](const std::string& rest) { return "\"movies\".\"name\" " + rest; };
  const auto genre = [](const std::string& rest) { return "\"movies\".\"genre\" " + rest; };
  CHECK(where("id=eq.5") == Where{id("= $2"), {"5"}});
  CHECK(where("id=neq.5") == Where{id("<> $2"), {"5"}});
  CHECK(where("id=gt.5") == Where{id("> $2"), {"5"}});
  CHECK(where("id=gte.5") == Where{id(">= $2"), {"5"}});
  CHECK(where("id=lt.5") == Where{id("< $2"), {"5"}});
  CHECK(where("id=lte.5") == Where{id("<= $2"), {"5"}});
  CHECK(where("name=like.A*") == Where{name("LIKE $2"), {"A%"}});
  CHECK(where("name=ilike.a*") == Where{name("ILIKE $2"), {"a%"}});
  CHECK(where("name=match.^A") == Where{name("~ $2"), {"^A"}});
  CHECK(where("name=imatch.^a") == Where{name("~* $2"), {"^a"}});
  CHECK(where("name=in.(a,\"b,c\")") == Where{name("= ANY($2)"), {"{\"a\",\"b,c\"}"}});
  CHECK(where("id=in.()") == Where{id("= ANY($2)"), {"{}"}});
  CHECK(where("name=is.null") == Where{name("IS NULL"), {}});
  CHECK(where("name=is.not_null") == Where{name("IS NOT NULL"), {}});
  CHECK(where("name=is.true") == Where{name("IS TRUE"), {}});
  CHECK(where("name=is.false") == Where{name("IS FALSE"), {}});
  CHECK(where("name=is.unknown") == Where{name("IS UNKNOWN"), {}});
  CHECK(where("name=isdistinct.x") == Where{name("IS DISTINCT FROM $2"), {"x"}});
  CHECK(where("genre=cs.{Drama}") == Where{genre("@> $2"), {"{Drama}"}});
  CHECK(where("genre=cd.{Drama}") == Where{genre("<@ $2"), {"{Drama}"}});
  CHECK(where("genre=ov.{Drama}") == Where{genre("&& $2"), {"{Drama}"}});
  CHECK(where("genre=sl.(1,2)") == Where{genre("<< $2"), {"(1,2)"}});
  CHECK(where("genre=sr.(1,2)") == Where{genre(">> $2"), {"(1,2)"}});
  CHECK(where("genre=nxr.(1,2)") == Where{genre("&< $2"), {"(1,2)"}});
  CHECK(where("genre=nxl.(1,2)") == Where{genre("&> $2"), {"(1,2)"}});
  CHECK(where("genre=adj.(1,2)") == Where{genre("-|- $2"), {"(1,2)"}});
}

TEST_CASE("quantifiers compare with any or all of an array") {
  CHECK(where("id=eq(any).{1,2}") == Where{"\"movies\".\"id\" = ANY($2)", {"{1,2}"}});
  CHECK(where("name=like(all).{*a*,*b*}") == Where{"\"movies\".\"name\" LIKE ALL($2)", {"{%a%,%b%}"}});
}

TEST_CASE(
    "full text reads its operand by the operator's function, and a column that is no tsvector becomes one") {
  CHECK(where("words=fts.cat") == Where{"\"movies\".\"words\" @@ to_tsquery($2)", {"cat"}});
  CHECK(where("words=plfts(english).cat") ==
        Where{"\"movies\".\"words\" @@ plainto_tsquery($2::regconfig, $3)", {"english", "cat"}});
  CHECK(where("name=phfts.cat") ==
        Where{"to_tsvector(\"movies\".\"name\") @@ phraseto_tsquery($2)", {"cat"}});
  CHECK(where("name=wfts(german).katze") ==
        Where{"to_tsvector($2::regconfig, \"movies\".\"name\") @@ websearch_to_tsquery($2::regconfig, $3)",
              {"german", "katze"}});
}

TEST_CASE("a domain over tsvector is searched as it is") {
  Table table = movies();
  table.columns[1].type_name = table.columns[1].type = "terms";
  table.columns[1].base_type_name = "tsvector";
  const auto map = hash_map();
  const auto plan =
      plan_read(parse_query("movies", "name=fts.cat", {}).value(), in_map(table, map), false, true);
  CHECK(plan.value().where == "\"movies\".\"name\" @@ to_tsquery($2)");
}

TEST_CASE("logic nests, and not negates the whole of what follows") {
  CHECK(where("id=not.eq.5") == Where{"NOT (\"movies\".\"id\" = $2)", {"5"}});
  CHECK(where("or=(id.eq.1,and(id.gt.2,name.is.null))") ==
        Where{"(\"movies\".\"id\" = $2 OR (\"movies\".\"id\" > $3 AND \"movies\".\"name\" IS NULL))",
              {"1", "2"}});
  CHECK(where("not.or=(id.eq.1,id.not.eq.2)") ==
        Where{"NOT (\"movies\".\"id\" = $2 OR NOT (\"movies\".\"id\" = $3))", {"1", "2"}});
  CHECK(where("id=gt.1&name=eq.x") ==
        Where{"\"movies\".\"id\" > $2 AND \"movies\".\"name\" = $3", {"1", "x"}});
}

TEST_CASE("json paths travel as typed parameters, and columns that are not json become jsonb") {
  CHECK(where("data->a->>b=eq.x") ==
        Where{"(\"movies\".\"data\"->$2::text->>$3::text) = $4", {"a", "b", "x"}});
  CHECK(where("raw->-1=is.null") == Where{"(\"movies\".\"raw\"->$2::int4) IS NULL", {"-1"}});
  CHECK(where("genre->>0=eq.Drama") ==
        Where{"(to_jsonb(\"movies\".\"genre\")->>$2::int4) = $3", {"0", "Drama"}});
}

TEST_CASE("select names columns, aliases, casts and json paths as PostgREST does") {
  using Lists = std::pair<std::string, Names>;
  CHECK(selected("name,n:name") ==
        Lists{"\"movies\".\"name\" AS c0, \"movies\".\"name\" AS c1", {"name", "n"}});
  CHECK(selected("votes::text") == Lists{"CAST(\"movies\".\"votes\" AS \"text\") AS c0", {"votes"}});
  CHECK(selected("data->a->>b").second == Names{"b"});
  CHECK(selected("data->a->0").second == Names{"a"});
  CHECK(selected("data->0").second == Names{"data"});
  CHECK(selected("x:data->a").second == Names{"x"});
  CHECK(selected("data->a->\"\"").second == Names{"a"});  // SQL has no empty name
  CHECK(selected("data->\"\"").second == Names{"data"});
  CHECK(selected("name,name").second == Names{"name", "name"});
}

TEST_CASE("a value that the router writes as JSON is sent as it is, any other as PostgreSQL's JSON") {
  const ReadPlan read = plan(
      "select=id,genre,imdb_score,data,mpaa,votes::text,data->>a,released,words,raw->a,votes->a,name::mpaa");
  CHECK(
      read.values ==
      "q.c0, q.c1, q.c2, q.c3, to_json(q.c4), q.c5, q.c6, q.c7, to_json(q.c8), q.c9, q.c10, to_json(q.c11)");
  const auto type = [&](std::size_t field) { return read.row.fields()[field].type; };
  CHECK(type(1) == JsonType{JsonKind::text, true});
  CHECK(type(2) == JsonType{JsonKind::numeric, false});
  CHECK(type(3) == JsonType{JsonKind::jsonb, false});
  CHECK(type(5) == JsonType{JsonKind::text, false});
  CHECK(type(6) == JsonType{JsonKind::text, false});
  CHECK(type(7) == JsonType{JsonKind::date, false});
  CHECK(type(9) == JsonType{JsonKind::json, false});
  CHECK(type(10) == JsonType{JsonKind::jsonb, false});  // a place in what is no JSON is looked for in jsonb
}

TEST_CASE("casts to types of PostgreSQL's own come as their values, by any of their names") {
  Query query = parsed("movies", "");
  for (const auto* cast :
       {"numeric(10,2)", "double precision", "Character Varying(3)", "json", "timestamptz", "int[]", "score"})
    query.select.push_back({false, {"name", {}}, std::nullopt, cast});
  const ShardMap map = hash_map();
  const auto read = plan_read(query, in_map(movies_table, map), false, true).value();
  CHECK(read.values == "q.c0, q.c1, q.c2, q.c3, to_json(q.c4), q.c5, to_json(q.c6)");
  CHECK(read.row.fields()[1].type == JsonType{JsonKind::floating, false});
  CHECK(read.row.fields()[5].type == JsonType{JsonKind::integer, true});
}

TEST_CASE("a domain comes as what it is made of") {
  Table table = movies();
  Column& score = table.columns[4];
  score.type_schema = "public";
  score.type_name = "score";
  score.base_type_schema = "pg_catalog";
  score.base_type_name = "numeric";
  Column& words = table.columns[9];
  words.type_schema = words.base_type_schema = "public";
  words.type_name = "terms";
  words.base_type_name = "text";  // of that schema, and not PostgreSQL's
  const ShardMap map = hash_map();
  const auto read =
      plan_read(parsed("movies", "select=imdb_score,words&order=imdb_score"), in_map(table, map), false, true)
          .value();
  CHECK(read.values == "q.c0, to_json(q.c1)");
  CHECK(read.key_columns == std::vector<std::size_t>{0, 2});
}

TEST_CASE("instants come as their values where they are shown in UTC, and are merged by these") {
  Table table = movies();
  table.columns.push_back(column("seen", "timestamp with time zone", "timestamptz"));
  const ShardMap map = hash_map();
  const auto read_as = [&](RowFormat format) {
    return plan_read(parsed("movies", "select=seen,name::timestamptz,votes&order=seen"), in_map(table, map),
                     false, true, format)
        .value();
  };
  for (const auto format : {RowFormat::json_in_utc, RowFormat::stripped_json_in_utc}) {
    const auto read = read_as(format);
    CHECK(read.values == "q.c0, q.c1, q.c2");
    CHECK(read.key_columns == std::vector<std::size_t>{0, 3});
  }
  CHECK(read_as(RowFormat::json).values == "to_json(q.c0), to_json(q.c1), q.c2");
  CHECK(read_as(RowFormat::stripped_json).values == "to_json(q.c0), to_json(q.c1), q.c2");
  CHECK(read_as(RowFormat::csv).values == "ROW(q.c0)::text, ROW(q.c1)::text, q.c2");
  const auto point =
      plan_point(parsed("movies", "select=seen").select, in_map(table, map), RowFormat::json_in_utc);
  CHECK(point.value().sql.starts_with("SELECT q.key, q.c0 FROM "));
}

TEST_CASE("a merge key that is sent for the row's sake is not sent again") {
  const ReadPlan read = plan("select=votes,released,mpaa,id,imdb_score&order=released.desc,mpaa,imdb_score");
  CHECK(read.order_by ==
        "\"movies\".\"released\" DESC NULLS FIRST, k1 ASC NULLS LAST, "
        "\"movies\".\"imdb_score\" ASC NULLS LAST, \"movies\".\"id\" ASC NULLS LAST");
  CHECK(read.key_columns == std::vector<std::size_t>{1, 5, 4, 3});
  CHECK(read.own_keys == std::vector<std::string>{"k1"});
  CHECK(read.result_columns() == 7);  // the last says whether the enum is as it was planned for
}

TEST_CASE("a star is every column in order, and no select is a star") {
  const auto star = selected("*");
  CHECK(names_of(plan("").row) == star.second);
  CHECK(star.second == Names{"id", "name", "genre", "primary_genre", "imdb_score", "released", "data", "raw",
                             "mpaa", "words", "title_de", "votes"});
  CHECK(star.first.find("shardplex_slot") == std::string::npos);
  auto and_more = star.second;
  and_more.push_back("x");
  CHECK(selected("*,x:id").second == and_more);
}

TEST_CASE("casts carry SQL's spellings, modifiers and arrays, and quote the rest") {
  const auto type = [](const std::string& cast) {
    Query query = parsed("movies", "");
    query.select = {{false, {"votes", {}}, std::nullopt, cast}};
    const ShardMap map = hash_map();
    const auto read = plan_read(query, in_map(movies_table, map), false, true);
    if (!read) return read.error().code;
    const std::string& sql = read->inner_columns;
    const auto start = sql.find(" AS ") + 4;
    return sql.substr(start, sql.find(" AS c0") - 1 - start);
  };
  CHECK(type("text") == "\"text\"");
  CHECK(type("INTEGER") == "\"int4\"");
  CHECK(type("bigint[]") == "\"int8\"[]");
  CHECK(type("double precision") == "\"float8\"");
  CHECK(type("  character   varying ( 20 ) ") == "\"varchar\"(20)");
  CHECK(type("numeric(10, 2)[][]") == "\"numeric\"(10,2)[][]");
  CHECK(type("timestamp(3) with time zone") == "\"timestamptz\"(3)");
  CHECK(type("timestamp without time zone") == "\"timestamp\"");
  CHECK(type("char") == "\"bpchar\"(1)");
  CHECK(type("character(3)") == "\"bpchar\"(3)");
  CHECK(type("bpchar") == "\"bpchar\"");
  CHECK(type("mpaa") == "\"mpaa\"");
  CHECK(type("te\"xt; drop") == "PGRST100");
  CHECK(type("x\"y") == "\"x\"\"y\"");
  for (const std::string bad : {"", "[]", "two words", "numeric(a)", "numeric(1", "numeric()", "numeric(1,)",
                                "numeric(,1)", "numeric(1,2,3)", "numeric(1)(2)", "int[3]", "numeric(-1)"}) {
    CAPTURE(bad);
    CHECK(type(bad) == "PGRST100");
  }
}

TEST_CASE("an unknown column is refused as PostgreSQL would, wherever it stands") {
  for (const std::string query :
       {"foo=eq.1", "select=foo", "order=foo", "or=(id.eq.1,foo.eq.2)", "foo->a=eq.1"}) {
    CAPTURE(query);
    CHECK(refusal(query) == Error{"42703", "column movies.foo does not exist", {}, {}, {}});
  }
}

TEST_CASE("an unknown column is refused with the one that is probably meant") {
  CHECK(refusal("select=nam").hint == "Perhaps you meant to reference the column \"movies.name\".");
  CHECK(refusal("imbd_score=gt.7").hint ==
        "Perhaps you meant to reference the column \"movies.imdb_score\".");
}

TEST_CASE("a column whose domain's casts are not by immutable functions is refused, alone") {
  Table table = movies();
  table.columns[1].representations.unsafe = "public.shown";  // name
  const auto code = [&](std::string_view query_string) {
    const auto map = hash_map();
    const auto plan =
        plan_read(parse_query("movies", query_string, {}).value(), in_map(table, map), false, true);
    return plan ? "" : plan.error().code;
  };
  CHECK(code("") == "SHARD400");
  CHECK(code("name=eq.x&select=id") == "SHARD400");
  CHECK(code("select=id,votes") == "");
}

TEST_CASE("the slot column does not exist for clients") {
  for (const std::string query : {"shardplex_slot=eq.1", "select=shardplex_slot", "order=shardplex_slot"}) {
    CAPTURE(query);
    CHECK(refusal(query).message == "column movies.shardplex_slot does not exist");
  }
}

TEST_CASE("the order is the request's, then the primary key's that is not in it, and the merge mirrors it") {
  const ReadPlan read = plan("order=imdb_score.desc.nullslast,mpaa,released.asc.nullsfirst");
  CHECK(read.order_by ==
        "\"movies\".\"imdb_score\" DESC NULLS LAST, k1 ASC NULLS LAST, \"movies\".\"released\" ASC NULLS "
        "FIRST, "
        "\"movies\".\"id\" ASC NULLS LAST");
  CHECK(read.keys == std::vector<MergeKey>{{SortKind::numeric, true, false, {}},
                                           {SortKind::enumeration, false, false, {"G", "PG", "R"}},
                                           {SortKind::date, false, true, {}},
                                           {SortKind::int8, false, false, {}}});
  CHECK_FALSE(read.not_mergeable);
  CHECK(plan("order=id.desc").keys == std::vector<MergeKey>{{SortKind::int8, true, true, {}}});
  CHECK(plan("").keys == std::vector<MergeKey>{{SortKind::int8, false, false, {}}});
}

TEST_CASE("a composite primary key breaks ties column by column") {
  const ShardMap map = hash_map();
  const auto keys = [&](std::string_view query) {
    return plan_read(parsed("ratings", query), in_map(ratings_table, map), false, true).value().inner_columns;
  };
  CHECK(
      keys("select=score").ends_with("AS c0, \"ratings\".\"movie_id\" AS k0, \"ratings\".\"user_id\" AS k1"));
  CHECK(keys("select=score&order=user_id.desc")
            .ends_with("AS c0, \"ratings\".\"user_id\" AS k0, \"ratings\".\"movie_id\" AS k1"));
}

TEST_CASE("an order the router cannot reproduce is planned for one shard and refused for several") {
  const auto why = [](std::string_view order, bool bytewise_default = true) {
    const auto read = try_plan("order=" + std::string(order), false, bytewise_default).value();
    return read.not_mergeable ? *read.not_mergeable : Error{};
  };
  const Error by_type = why("genre");
  CHECK(by_type.code == "SHARD400");
  CHECK(by_type.details == "column genre is of type text[], whose order cannot be merged");
  const Error by_collation = why("title_de");
  CHECK(by_collation.details ==
        "column title_de (text) sorts by collation de_DE.utf8, which cannot be merged");
  CHECK(by_collation.hint ==
        "ALTER TABLE \"public\".\"movies\" ALTER COLUMN \"title_de\" TYPE text COLLATE \"C\"");
  for (const auto* of_json : {"data", "data->a"})
    CHECK(why(of_json, false).details ==
          "json of column data sorts its texts by the database's default collation, which cannot be merged");
  CHECK(why("data->>a", false).details ==
        "text out of column data sorts by the database's default collation, which cannot be merged");
  CHECK(why("data->>a").code == "");
  CHECK(why("name").code == "");
  CHECK(plan("order=genre").statement(alone_at_epoch_7).sql.find("ORDER BY \"movies\".\"genre\" ASC") !=
        std::string::npos);
}

TEST_CASE("jsonb is merged, whether it is a column or a place inside of one") {
  for (const auto* order : {"data.desc", "data->a.desc", "data->a->0.desc", "genre->0.desc"}) {
    CAPTURE(std::string(order));
    const auto read = plan("order=" + std::string(order));
    CHECK_FALSE(read.not_mergeable);
    CHECK(read.keys.front() == MergeKey{SortKind::jsonb, true, true, {}});
  }
  // PostgreSQL has no order of json, and says so itself.
  CHECK_FALSE(plan("order=raw->a").not_mergeable);
  CHECK_FALSE(plan("order=raw").not_mergeable);
}

TEST_CASE("ties on a text primary key are broken by its bytes where its own order cannot be merged") {
  Table table = genres();
  table.columns[0] = collated(table.columns[0], "en_US.utf8");
  const ShardMap map = hash_map();
  const auto read = plan_read(parsed("genres", "select=note"), in_map(table, map), false, true);
  CHECK(read->inner_columns.ends_with("\"genres\".\"name\" COLLATE \"C\" AS k0"));
  CHECK_FALSE(read->not_mergeable);
  CHECK(plan_read(parsed("genres", "order=name"), in_map(table, map), false, true)->not_mergeable);
}

namespace {

/// What follows ORDER BY … up to the closing parenthesis, and the parameters after the epoch.
std::pair<std::string, Params> paging(std::string_view query, const ReadPlan::ForShard& shard,
                                      bool counts = false) {
  Statement statement = plan(query, counts).statement(shard);
  const std::string mark = "ASC NULLS LAST";
  const auto start = statement.sql.rfind(mark) + mark.size();
  statement.params.erase(statement.params.begin());
  return {statement.sql.substr(start, statement.sql.find(") q", start) - start), statement.params};
}

using Paging = std::pair<std::string, Params>;
const std::string max_bigint = "9223372036854775807";

}  // namespace

TEST_CASE("small limits are part of the statement, others are parameters") {
  CHECK(paging("", at_epoch_7) == Paging{"", {}});
  CHECK(paging("limit=0", at_epoch_7) == Paging{" LIMIT 0", {}});
  CHECK(paging("limit=1000", at_epoch_7) == Paging{" LIMIT 1000", {}});
  CHECK(paging("limit=1001", at_epoch_7) == Paging{" LIMIT $2", {"1001"}});
}

TEST_CASE("one of several shards sends the rows of all pages so far, a lone one only its page") {
  CHECK(paging("limit=10&offset=20", at_epoch_7) == Paging{" LIMIT $2", {"30"}});
  CHECK(paging("limit=10&offset=20", alone_at_epoch_7) == Paging{" LIMIT $2 OFFSET $3", {"10", "20"}});
  CHECK(paging("offset=20", at_epoch_7) == Paging{"", {}});
  CHECK(paging("offset=20", alone_at_epoch_7) == Paging{" OFFSET $2", {"20"}});
  CHECK(paging("id=gt.3&limit=10&offset=20", at_epoch_7) == Paging{" LIMIT $3", {"3", "30"}});
}

TEST_CASE("with a total even a lone shard leaves the offset to the merge and sends at least one row") {
  CHECK(paging("limit=10&offset=20", alone_at_epoch_7, true) == Paging{" LIMIT $2", {"30"}});
  CHECK(paging("limit=0", alone_at_epoch_7, true) == Paging{" LIMIT 1", {}});
  CHECK_FALSE(plan("limit=1", true).offset_applied(alone_at_epoch_7));
  CHECK(plan("limit=1").offset_applied(alone_at_epoch_7));
  CHECK_FALSE(plan("limit=1").offset_applied(at_epoch_7));
}

TEST_CASE("limit plus offset stops at the greatest bigint") {
  Query query = parsed("movies", "");
  const auto limit_sent = [&](std::uint64_t limit, std::uint64_t offset) {
    query.limit = limit;
    query.offset = offset;
    const ShardMap map = hash_map();
    return plan_read(query, in_map(movies_table, map), false, true)->statement(at_epoch_7).params.at(1);
  };
  constexpr auto huge = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t bigint = 9'223'372'036'854'775'807;
  CHECK(limit_sent(bigint - 5, 5) == max_bigint);
  CHECK(limit_sent(bigint - 5, 4) == "9223372036854775806");
  CHECK(limit_sent(bigint, 1) == max_bigint);
  CHECK(limit_sent(1, bigint) == max_bigint);
  CHECK(limit_sent(huge, huge) == max_bigint);
  CHECK(limit_sent(huge, 0) == max_bigint);
  query.limit = huge;
  query.offset = huge;
  const ShardMap map = hash_map();
  CHECK(plan_read(query, in_map(movies_table, map), false, true)->statement(alone_at_epoch_7).params ==
        Params{"7", max_bigint, max_bigint});
}

TEST_CASE("a total is counted over the same rows in the same statement") {
  const Statement statement = plan("select=id&id=gt.3", true).statement(at_epoch_7);
  const std::string rows =
      " FROM \"public\".\"movies\" AS \"movies\" WHERE shardplex.check_epoch($1::bigint) AND "
      "\"movies\".\"id\" > $2";
  CHECK(statement.sql.starts_with("SELECT q.c0, (SELECT count(*)" + rows + ") FROM ("));
  CHECK(statement.sql.find(rows + " ORDER BY") != std::string::npos);
}

TEST_CASE("counts send the filters' parameters only") {
  const ReadPlan read = plan("select=data->a&data->>b=eq.x&order=data->>c&limit=5000");
  CHECK(read.params.size() == 4);
  CHECK(read.count_up_to(at_epoch_7, 100) ==
        Statement{"SELECT count(*) FROM (SELECT FROM \"public\".\"movies\" AS \"movies\" WHERE "
                  "shardplex.check_epoch($1::bigint) AND (\"movies\".\"data\"->>$2::text) = $3 LIMIT $4) q",
                  {"7", "b", "x", "100"}});
  CHECK(read.count_matching_up_to(at_epoch_7, 100) == read.count_up_to(at_epoch_7, 100));
  CHECK(read.explain_matching(at_epoch_7) ==
        Statement{"EXPLAIN (FORMAT JSON) SELECT FROM \"public\".\"movies\" AS \"movies\" WHERE "
                  "$1::bigint IS NOT NULL AND (\"movies\".\"data\"->>$2::text) = $3",
                  {"7", "b", "x"}});
}

namespace {

Slot slot_of_id(std::int64_t id) {
  return slot_of(canonical_bytes(id), 1024);
}

/// The parameters after the epoch, for a shard that is asked for the slots of `ids`.
Params cut_to(std::string_view query, std::initializer_list<std::int64_t> ids) {
  SlotSet slots = SlotSet::none(1024);
  for (const auto id : ids) slots.insert(slot_of_id(id));
  ReadPlan::ForShard shard = at_epoch_7;
  shard.slots = &slots;
  Params params = plan(query).statement(shard).params;
  params.erase(params.begin());
  return params;
}

}  // namespace

TEST_CASE("each shard gets its own keys of a list") {
  REQUIRE(slot_of_id(1) != slot_of_id(2));
  REQUIRE(slot_of_id(2) != slot_of_id(3));
  REQUIRE(slot_of_id(1) != slot_of_id(3));
  CHECK(cut_to("id=in.(1,2,3)", {1, 3}) == Params{"{\"1\",\"3\"}"});
  CHECK(cut_to("id=in.(1,2,3)", {}) == Params{"{}"});
  CHECK(cut_to("id=eq(any).{1,2,3}", {2}) == Params{"{\"2\"}"});
  CHECK(cut_to("name=eq.x&id=in.(1,2)&name=eq.y", {2}) == Params{"x", "{\"2\"}", "y"});
  CHECK(plan("id=in.(1,2,3)").statement(at_epoch_7).params == Params{"7", "{\"1\",\"2\",\"3\"}"});
}

TEST_CASE("a list that is not surely one of keys goes whole to every shard") {
  CHECK(cut_to("id=in.(1,two)", {1}) == Params{"{\"1\",\"two\"}"});
  CHECK(cut_to("id=eq(any).{1,\"2\"}", {1}) == Params{"{1,\"2\"}"});
  CHECK(cut_to("id=not.in.(1,2)", {1}) == Params{"{\"1\",\"2\"}"});
  CHECK(cut_to("id=gt(any).{1,2}", {1}) == Params{"{1,2}"});
  CHECK(cut_to("votes=in.(1,2)", {1}) == Params{"{\"1\",\"2\"}"});
  CHECK(cut_to("or=(id.in.(1,2),name.eq.x)", {1}) == Params{"{\"1\",\"2\"}", "x"});
}

namespace {

const std::string* point_of(const Query& query, const ShardMap& map = hash_map()) {
  return point_key(query, in_map(movies_table, map));
}

}  // namespace

TEST_CASE("a read by the key alone is a point read") {
  for (const std::string text :
       {"id=eq.5", "id=eq.5&limit=1", "id=eq.5&order=name.desc", "id=eq.5&select=name"}) {
    CAPTURE(text);
    const Query query = parsed("movies", text);
    const std::string* key = point_of(query);
    REQUIRE(key);
    CHECK(*key == "5");
  }
}

TEST_CASE("anything more than the key is not a point read") {
  for (const std::string text :
       {"", "id=gt.5", "id=not.eq.5", "id=eq(any).{5}", "id=in.(5)", "name=eq.5", "id=eq.5&name=eq.x",
        "id=eq.5&id=eq.5", "id=eq.5&offset=1", "id=eq.5&limit=0", "id->a=eq.5", "id=eq.5&select=data->a",
        "id=eq.5&order=foo", "id=eq.5&order=raw", "or=(id.eq.5,id.eq.6)"}) {
    CAPTURE(text);
    const Query query = parsed("movies", text);
    CHECK_FALSE(point_of(query));
  }
}

TEST_CASE("tables without a single-column key that decides the slot have no point reads") {
  const Query query = parsed("movies", "id=eq.5");
  CHECK_FALSE(point_of(query, list_map()));
  const ShardMap map = hash_map();
  const Query by_movie = parsed("ratings", "movie_id=eq.5");
  CHECK_FALSE(point_key(by_movie, in_map(ratings_table, map)));
  Table folding = genres();
  const Query by_name = parsed("genres", "name=eq.Drama");
  CHECK(point_key(by_name, in_map(folding, map)));
  folding.columns[0].deterministic_collation = false;
  CHECK_FALSE(point_key(by_name, in_map(folding, map)));
}

TEST_CASE("keys whose equal values are printed in several ways are read like any other column") {
  const ShardMap map = hash_map();
  const Query query = parsed("movies", "id=eq.1");
  const auto has_point_read = [&](const Column& key) {
    Table table = movies();
    table.columns[0] = key;
    return point_key(query, in_map(table, map)) != nullptr;
  };
  CHECK(has_point_read(column("id", "boolean", "bool")));
  CHECK_FALSE(has_point_read(column("id", "numeric", "numeric")));
  CHECK_FALSE(has_point_read(citext("id")));
  CHECK_FALSE(has_point_read(rating_enum("id")));
}

TEST_CASE("ties are broken by the letters of a key that is citext, which can be merged") {
  const ShardMap map = hash_map();
  Table table = movies();
  table.columns[0] = citext("id");
  const auto read = plan_read(parsed("movies", "select=name"), in_map(table, map), false, true).value();
  CHECK_FALSE(read.not_mergeable);
  CHECK(read.inner_columns.ends_with("\"movies\".\"id\"::text COLLATE \"C\" AS k0"));
  CHECK(read.keys == std::vector<MergeKey>{{SortKind::text, false, false, {}}});
  CHECK(plan_read(parsed("movies", "select=id"), in_map(table, map), false, true).value().own_keys.size() ==
        1);
  CHECK(plan_read(parsed("movies", "order=id"), in_map(table, map), false, true).value().not_mergeable);
}

TEST_CASE("point reads of one shape share a statement over an array of keys") {
  const ShardMap map = hash_map();
  const auto shape = plan_point(parsed("movies", "select=name").select, in_map(movies_table, map)).value();
  CHECK(shape.key_type == KeyType::integer);
  CHECK(shape.sql ==
        "SELECT q.key, q.c0 FROM (SELECT \"movies\".\"id\"::text AS key, "
        "\"movies\".\"name\" AS c0 "
        "FROM \"public\".\"movies\" AS \"movies\" WHERE shardplex.check_epoch($1::bigint) AND "
        "\"movies\".\"id\" = "
        "ANY($2::bigint[])) q");
  CHECK(names_of(shape.row) == Names{"name"});
  CHECK(shape.only_owned_sql.find("$2::bigint[]) AND \"movies\".\"shardplex_slot\" IN (SELECT") !=
        std::string::npos);

  const auto reference = plan_point({}, in_map(genres_table, map)).value();
  CHECK(reference.sql.find("WHERE \"genres\".\"name\" = ANY($1::text[])") != std::string::npos);
  CHECK(reference.only_owned_sql == reference.sql);

  CHECK(plan_point(parsed("movies", "select=foo").select, in_map(movies_table, map)).error().code == "42703");
}

TEST_CASE("rows of CSV are asked for by what the router cannot print as text, whatever they are merged by") {
  const ShardMap map = hash_map();
  const auto read = plan_read(parsed("movies", "select=id,s:imdb_score,released,data->x&order=released"),
                              in_map(movies_table, map), false, true, RowFormat::csv)
                        .value();
  const auto sql = read.statement(at_epoch_7).sql;
  CHECK(sql.starts_with("SELECT q.c0, q.c1::text, ROW(q.c2)::text, ROW(q.c3)::text, q.k0 FROM (SELECT "));
  // A day is sent as text here, and is not what a merge compares.
  CHECK(sql.find("\"movies\".\"released\" AS k0 FROM") != std::string::npos);
  CHECK(read.key_columns == std::vector<std::size_t>{4, 0});
  CHECK(read.row.header() == "id,s,released,x");
  CHECK(plan("select=released&order=released").key_columns == std::vector<std::size_t>{0, 1});

  const auto point =
      plan_point(parsed("movies", "select=released").select, in_map(movies_table, map), RowFormat::csv)
          .value();
  CHECK(point.sql.starts_with("SELECT q.key, ROW(q.c0)::text FROM "));
  CHECK(point.row.header() == "released");
}

TEST_CASE("a key has one text") {
  CHECK(canonical_text(KeyType::integer, " +007 ") == "7");
  CHECK(canonical_text(KeyType::integer, "-0") == "0");
  CHECK(canonical_text(KeyType::integer, "-9223372036854775808") == "-9223372036854775808");
  CHECK(canonical_text(KeyType::integer, max_bigint) == max_bigint);
  CHECK_FALSE(canonical_text(KeyType::integer, "9223372036854775808"));
  CHECK_FALSE(canonical_text(KeyType::integer, "7.0"));
  CHECK(canonical_text(KeyType::text, " As it is ") == " As it is ");
  CHECK(canonical_text(KeyType::uuid, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11") ==
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  CHECK(canonical_text(KeyType::uuid, "{a0eebc999c0b4ef8bb6d6bb9bd380a11}") ==
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  CHECK_FALSE(canonical_text(KeyType::uuid, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
}

TEST_CASE(
    "the labels that enums are merged by travel with the statement, which says whether they are the "
    "shard's") {
  const ReadPlan read = plan("select=name&order=mpaa.desc,id");
  CHECK(read.enums_sql ==
        "pg_catalog.pg_typeof(q.k0) = '\"public\".\"mpaa\"'::regtype AND (SELECT "
        "pg_catalog.enum_range(NULL::\"public\".\"mpaa\")::text[] = $2::text[])");
  const auto statement = read.statement(alone_at_epoch_7);
  CHECK(statement.params.at(1) == "{\"G\",\"PG\",\"R\"}");
  CHECK(statement.sql.starts_with("SELECT q.c0, q.k0, q.k1, pg_catalog.pg_typeof(q.k0)"));
  CHECK(read.enums_column() == 3);
  CHECK(read.result_columns() == 4);
  CHECK(plan("order=name").enums_sql.empty());
  CHECK(plan("order=name").result_columns() == 12);
}

TEST_CASE("text is sorted by the collation that was planned for, whatever its column has by then") {
  Table table = genres();
  table.columns[1].collation_sql = "pg_catalog.\"C\"";
  const ShardMap map = hash_map();
  const auto read = plan_read(parsed("genres", "select=name&order=note"), in_map(table, map), false, true);
  CHECK(read->inner_columns.find("\"genres\".\"note\" COLLATE pg_catalog.\"C\" AS k0") != std::string::npos);
  const auto sent = plan_read(parsed("genres", "order=note"), in_map(table, map), false, true);
  CHECK(sent->order_by.starts_with("\"genres\".\"note\" COLLATE pg_catalog.\"C\" ASC"));
}

TEST_CASE("a column in which shards contradict each other is refused to those who name it") {
  Table table = genres();
  table.columns[1].conflict = "column note is text on alpha and integer on beta";
  const ShardMap map = hash_map();
  const auto answer = [&](std::string_view query) {
    const auto read = plan_read(parsed("genres", query), in_map(table, map), false, true);
    return read ? "" : read.error().code + ": " + *read.error().details;
  };
  const std::string refused = "SHARD503: column note is text on alpha and integer on beta";
  CHECK(answer("select=name") == "");
  CHECK(answer("select=name&note=eq.a") == refused);
  CHECK(answer("select=name&order=note") == refused);
  CHECK(answer("select=note") == refused);
  CHECK(answer("") == refused);  // all columns
}

TEST_CASE("without a primary key rows come in the order that is asked for, or in none") {
  const ShardMap map = hash_map();
  Table keyless = movies();
  keyless.primary_key.clear();
  const auto sql = [&](std::string_view query_string) {
    return plan_read(parsed("movies", query_string), in_map(keyless, map), false, true)
        .value()
        .statement(at_epoch_7)
        .sql;
  };
  CHECK(sql("select=id&limit=3").find("ORDER BY") == std::string::npos);
  CHECK(sql("select=name&order=votes&limit=3").find("ORDER BY k0 ASC NULLS LAST LIMIT 3)") !=
        std::string::npos);
}

TEST_CASE("each row of a view has a slot, and a materialized one shows rows of owned slots only") {
  const ShardMap map = hash_map();
  Table view = movies();
  view.primary_key.clear();
  view.kind = TableKind::view;
  const auto read = [&] { return plan_read(parsed("movies", "name=eq.x"), in_map(view, map), false, true); };
  const std::string has_slot =
      "(\"movies\".\"shardplex_slot\" IS NOT NULL OR shardplex.refuse_row_without_slot('the view movies'))";
  CHECK(read()->where == has_slot + " AND \"movies\".\"name\" = $2");
  view.kind = TableKind::materialized_view;
  CHECK(read()->where == has_slot + " AND " + read()->owned + " AND \"movies\".\"name\" = $2");
  Table reference = genres();
  reference.kind = TableKind::view;
  CHECK(plan_read(parsed("genres", ""), in_map(reference, map), false, true)->where.empty());
}
