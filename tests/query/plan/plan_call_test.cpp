#include "query/plan/plan_call.hpp"

#include <doctest/doctest.h>

#include "query/grammar/parse.hpp"
#include "tests/query/functions.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

using Params = std::vector<std::optional<std::string>>;
using Answers = CallPlan::Answers;

const Table movies_table = movies(), ratings_table = ratings(), genres_table = genres();

Table view_of_films() {
  Table view = movies();
  view.name = "dramas";
  view.kind = TableKind::view;
  view.primary_key.clear();
  return view;
}

const Table dramas_view = view_of_films();

Catalogue served() {
  Catalogue catalogue;
  for (const auto* table : {&movies_table, &ratings_table, &genres_table, &dramas_view})
    catalogue.tables[table->name] = *table;
  return catalogue;
}

ShardMap map_with_view() {
  const ShardMap map = hash_map();
  return {map.cluster(), map.shards(),    map.groups(),
          map.tables(),  map.relations(), {{dramas_view.name, false, GroupId{0}, "id"}}};
}

const FunctionArgument movie = argument("movie", "bigint", "int8");

struct Asked {
  std::string query = {};
  bool may_write = false;
  CountKind count = CountKind::none;
  RowBounds bounds = {};
  ReadRules rules = {};
};

Result<CallPlan> try_plan(const Function& f, const MapFunction& declared, const CallArguments& arguments,
                          const Asked& asked = {}) {
  static const Catalogue catalogue = served();
  static const Relations relations(catalogue);
  static const ShardMap map = map_with_view();
  const Query rows = parse_query(f.name, asked.query, {}).value();
  return plan_call(f, declared, {arguments, rows, asked.may_write, asked.count, asked.bounds}, map, catalogue,
                   relations, asked.rules);
}

Result<CallPlan> try_get(const Function& f, const MapFunction& declared, std::vector<Argument> arguments,
                         const Asked& asked = {}) {
  return try_plan(f, declared, arguments_of(std::move(arguments)), asked);
}

CallPlan get(const Function& f, const MapFunction& declared, std::vector<Argument> arguments,
             const Asked& asked = {}) {
  return try_get(f, declared, std::move(arguments), asked).value();
}

CallPlan post(const Function& f, const MapFunction& declared, std::string_view body, Asked asked = {}) {
  asked.may_write = true;
  return try_plan(f, declared, read_call_body("", body, std::nullopt, watched_arguments(declared)).value(),
                  asked)
      .value();
}

void check_refusal(const Result<CallPlan>& plan, const std::string& code, const std::string& says) {
  REQUIRE_FALSE(plan.has_value());
  CAPTURE(plan.error().details.value_or(plan.error().message));
  CHECK(plan.error().code == code);
  CHECK(plan.error().details.value_or(plan.error().message).find(says) != std::string::npos);
}

ReadPlan::ForShard at_epoch_7(bool alone) {
  return {.epoch = Epoch{7}, .only_owned = false, .alone = alone, .slots = nullptr};
}

}  // namespace

TEST_CASE("a call is made once, whatever is asked of its rows, in a transaction that may only read") {
  const auto f =
      function("add_them", {argument("a", "integer", "int4"), argument("b", "integer", "int4", true)});
  const auto plan = get(f, any("add_them"), {{"a", "5"}});
  const auto statement = plan.read.scan.statement(for_reference());
  CHECK(statement.sql ==
        "WITH \"shardplex_call\" AS (SELECT c.\"pgrst_scalar\" FROM (SELECT $1::\"pg_catalog\".\"int4\" AS "
        "\"a\") AS a "
        "CROSS JOIN LATERAL (SELECT \"public\".\"add_them\"(\"a\" := a.\"a\") AS \"pgrst_scalar\") AS c) "
        "SELECT q.c0 FROM "
        "(SELECT \"add_them\".\"pgrst_scalar\" AS c0 FROM \"shardplex_call\" AS \"add_them\") q");
  CHECK(statement.params == Params{"5"});
  CHECK(statement.read_only);
  CHECK(plan.answers == Answers::one_value);
  CHECK_FALSE(plan.once);
  CHECK_FALSE(plan.read.where.has_value());
  CHECK_FALSE(plan.read.streams);
  CHECK(plan.value_of(R"({"pgrst_scalar":42})") == "42");
}

TEST_CASE("a value of a media type is planned as any other, and refused by name where all shards answer") {
  auto f = function("cover");
  Column& value = f.columns.front();
  value.type_name = "image/png";
  value.type_schema = "public";
  CHECK_FALSE(get(f, any("cover"), {}).of_bytes);
  value.base_type_name = "bytea";
  value.base_type_schema = "pg_catalog";
  const auto plan = get(f, any("cover"), {});
  CHECK(plan.of_bytes);
  CHECK(plan.answers == Answers::one_value);
  const auto refused = try_get(f, all("cover"), {});
  check_refusal(refused, "SHARD400", "It is declared all");
  CHECK(refused.error().message.find("cover") != std::string::npos);
}

TEST_CASE("arguments come as PostgreSQL reads them: texts by their types, JSON as a record") {
  const auto f =
      function("f", {argument("a", "integer", "int4"), variadic(argument("v", "text[]", "_text"))});
  const auto texts = get(f, any("f"), {{"v", "x"}, {"a", "1"}, {"a", "2"}, {"v", "y"}}).read.scan;
  CHECK(texts.with.find("f\"(\"a\" := a.\"a\", VARIADIC \"v\" := a.\"v\")") != std::string::npos);
  CHECK(texts.params == Params{"2", R"({"x","y"})"});
  const auto of_json = post(f, any("f"), R"({"a":1,"v":["x"]})").read.scan;
  CHECK(
      of_json.with.find("FROM pg_catalog.json_to_record($1::json) AS a(\"a\" \"pg_catalog\".\"int4\", \"v\" "
                        "\"pg_catalog\".\"_text\") CROSS JOIN LATERAL") != std::string::npos);
  CHECK(of_json.params == Params{R"({"a":1,"v":["x"]})"});
  CHECK(
      post(f, any("f"), R"([{"a":1,"v":["x"]}])")
          .read.scan.with.find("FROM (SELECT r.* FROM pg_catalog.json_to_recordset($1::json) AS r(\"a\" "
                               "\"pg_catalog\".\"int4\", \"v\" \"pg_catalog\".\"_text\") LIMIT 1) AS a CROSS "
                               "JOIN LATERAL") != std::string::npos);
  const auto unnamed = function("g", {argument("", "json", "json")});
  CHECK(post(unnamed, any("g"), "{}").read.scan.with.find("\"g\"($1::\"pg_catalog\".\"json\")") !=
        std::string::npos);
}

TEST_CASE(
    "rows of a function come in its own order, unless another is asked for, and can be filtered and "
    "counted") {
  const auto f = returning(function("genre_list"), genres_table);
  const auto plan =
      get(f, any("genre_list"), {}, {.query = "name=eq.Drama&limit=2", .count = CountKind::exact});
  const auto statement = plan.read.scan.statement(for_reference());
  CHECK(statement.sql.find("ORDER BY") == std::string::npos);
  CHECK(statement.sql.find(
            "(SELECT count(*) FROM \"shardplex_call\" AS \"genres\" WHERE \"genres\".\"name\" = $1)") !=
        std::string::npos);
  CHECK(plan.answers == Answers::rows);
  const auto count = plan.read.scan.count_up_to(for_reference(), 5);
  CHECK(count.sql.starts_with("WITH \"shardplex_call\" AS ("));
  CHECK(count.params == Params{"Drama", "5"});
  CHECK(get(f, any("genre_list"), {}, {.query = "order=name"}).read.scan.order_by.find("ASC") !=
        std::string::npos);
}

TEST_CASE("what a function returns decides what is answered") {
  auto f = function("f");
  f.returns_set = true;
  CHECK(get(f, any("f"), {}).answers == Answers::values);
  CHECK_FALSE(get(f, any("f"), {}).in_lines);
  f.columns = {column(std::string(value_column), "integer[]", "_int4")};
  CHECK(get(f, any("f"), {}).in_lines);
  f = returning(function("f"), genres_table);
  f.returns_set = false;
  CHECK(get(f, any("f"), {}).answers == Answers::one_row);
  f = function("f");
  f.returns = Function::Returns::nothing;
  const auto nothing = get(f, any("f"), {});
  CHECK(nothing.answers == Answers::nothing);
  CHECK(nothing.read.scan.with.find("SELECT 1 AS \"pgrst_scalar\" FROM \"public\".\"f\"() AS c") !=
        std::string::npos);
  check_refusal(try_get(function("f"), any("f"), {}, {.query = "select=x"}), "42703", "f.x");
  check_refusal(try_get(function("f"), any("f"), {}, {.query = "select=pgrst_scalar,pgrst_scalar"}), "42703",
                "a value");
  check_refusal(try_get(function("f"), any("f"), {}, {.query = "select=genres(name)"}), "PGRST200",
                "a table in the shard map");
}

TEST_CASE("all shards answer for rows of a sharded table, merged by its key, without what they do not own") {
  const auto f = returning(function("films"), movies_table);
  const auto plan = get(f, all("films"), {}, {.query = "select=id"});
  REQUIRE(plan.read.where.has_value());
  CHECK(plan.read.where->slots.is_all());
  ReadPlan::ForShard shard = at_epoch_7(false);
  shard.only_owned = true;
  const auto statement = plan.read.scan.statement(shard);
  CHECK(
      statement.sql.find("FROM \"shardplex_call\" AS \"movies\" WHERE shardplex.check_epoch($1::bigint) AND "
                         "(\"movies\".\"shardplex_slot\" IS NOT NULL OR "
                         "shardplex.refuse_row_without_slot('the function films')) AND "
                         "\"movies\".\"shardplex_slot\" IN (") != std::string::npos);
  CHECK(statement.sql.find("ORDER BY \"movies\".\"id\" ASC") != std::string::npos);
  CHECK(statement.params == Params{"7"});
  CHECK(get(f, all("films"), {}, {.query = "id=eq.5"}).read.where->slots.size() == 1);
  check_refusal(try_get(f, all("films"), {}, {.query = "select=votes,count()"}), "SHARD400", "films");
  check_refusal(try_get(function("f"), all("f"), {}), "SHARD400", "declared all");
  check_refusal(try_get(returning(function("f"), genres_table), all("f"), {}), "SHARD400", "declared all");
  auto one = f;
  one.returns_set = false;
  check_refusal(try_get(one, all("films"), {}), "SHARD400", "declared all");
  check_refusal(try_get(volatile_function(f), all("films"), {}), "SHARD400", "is volatile");
  check_refusal(try_get(f, any("films"), {}), "SHARD400", "declared any");
}

TEST_CASE("rows of a view of the map are where those of its group are, and have no order of their own") {
  const auto f = returning(function("some_dramas"), dramas_view);
  const auto plan = get(f, all("some_dramas"), {}, {.query = "select=id"});
  REQUIRE(plan.read.where.has_value());
  CHECK(plan.read.where->slots.is_all());
  CHECK(plan.read.scan.keys.empty());
  CHECK(plan.read.scan.owned.find("\"dramas\".\"shardplex_slot\" IN (") == 0);
  CHECK(plan.read.scan.statement(at_epoch_7(false))
            .sql.find("shardplex.refuse_row_without_slot('the view dramas')") != std::string::npos);
  CHECK(get(f, all("some_dramas"), {}, {.query = "id=eq.5"}).read.where->slots.size() == 1);
  check_refusal(try_get(f, any("some_dramas"), {}), "SHARD400", "declared any");
  CHECK_FALSE(try_get(f, any("some_dramas"), {}, {.query = "select=id,ratings(score)"}).has_value());
  // A view that the map does not name is a result like any other.
  auto other = f;
  other.table = "elsewhere";
  CHECK_FALSE(get(other, any("some_dramas"), {}).read.where.has_value());
}

TEST_CASE("rows of a table that is not in the map are shown by the casts of their domains") {
  auto rows = returning(function("g"), genres_table);
  rows.table.clear();
  rows.columns.front().representations.to_json = "public.shown";
  const auto plan = get(rows, any("g"), {});
  CHECK(plan.read.scan.inner_columns.find("public.shown(\"g\".\"" + rows.columns.front().name +
                                          "\") AS c0") != std::string::npos);
  rows.columns.front().representations.unsafe = "public.shown";
  check_refusal(try_get(rows, any("g"), {}), "SHARD400", "domain representations");
  CHECK(try_get(rows, any("g"), {}, {.query = "select=" + rows.columns.back().name}).has_value());
}

TEST_CASE("the slot of an argument is asked, under the epoch of its shard") {
  const auto f = function("how_many", {movie});
  const auto plan = get(f, by("how_many", "movie"), {{"movie", "42"}});
  REQUIRE(plan.read.where.has_value());
  const Slot slot = slot_of(canonical_bytes(42), 1024);
  CHECK(plan.read.where->slots.size() == 1);
  CHECK(plan.read.where->slots.contains(slot));
  const auto statement = plan.read.scan.statement(at_epoch_7(true));
  CHECK(statement.sql.find("WHERE shardplex.check_epoch($1::bigint)") != std::string::npos);
  CHECK(statement.sql.find("SELECT $2::\"pg_catalog\".\"int8\" AS \"movie\"") != std::string::npos);
  CHECK(statement.params == Params{"7", "42"});
  CHECK(post(f, by("how_many", "movie"), R"({"movie":"42"})").read.where->slots.contains(slot));
  CHECK(post(f, by("how_many", "movie"), R"({"movie":42})").read.where->slots.contains(slot));
  const auto rows = returning(function("ratings_of", {movie}), ratings_table);
  const auto of_table = get(rows, by("ratings_of", "movie"), {{"movie", "42"}}, {.query = "score=gt.3"});
  CHECK(of_table.read.where->slots.contains(slot));
  CHECK(of_table.read.where->slots.size() == 1);
}

TEST_CASE("a row of nulls, which a function gives where it finds none, has no slot and is kept") {
  auto f = returning(function("the_film", {movie}), movies_table);
  f.returns_set = false;
  ReadPlan::ForShard shard = at_epoch_7(true);
  shard.only_owned = true;
  const auto sql_of = [&](const Function& called) {
    return get(called, by(called.name, "movie"), {{"movie", "42"}}, {.query = "select=id"})
        .read.scan.statement(shard)
        .sql;
  };
  CHECK(sql_of(f).find("AND (\"movies\".\"shardplex_slot\" IS NULL OR \"movies\".\"shardplex_slot\" IN (") !=
        std::string::npos);
  f = returning(function("the_drama", {movie}), dramas_view);
  f.returns_set = false;
  CHECK(sql_of(f).find("AND (\"dramas\".\"shardplex_slot\" IS NULL OR ") != std::string::npos);
  CHECK(sql_of(f).find("refuse_row_without_slot") == std::string::npos);
}

TEST_CASE("an argument that is no key of the group decides nothing") {
  const auto f = function("f", {movie});
  check_refusal(try_get(f, by("f", "film"), {{"movie", "1"}}), "SHARD400", "no such argument");
  check_refusal(try_get(f, by("f", "movie"), {{"movie", "x"}}), "22P02", "has to be in its plain form");
  check_refusal(
      try_get(function("f", {argument("movie", "text", "text")}), by("f", "movie"), {{"movie", "1"}}),
      "SHARD400", "keys of group catalog are integer");
  check_refusal(try_get(function("f", {argument("movie", "bigint", "int8", true)}), by("f", "movie"), {}),
                "SHARD400", "no value for it");
  const auto null = read_call_body("", R"({"movie":null})", std::nullopt, {"movie"}).value();
  check_refusal(try_plan(f, by("f", "movie"), null), "SHARD400", "no value for it");
}

TEST_CASE("rows that a function returns have no computed columns") {
  Table films = movies();
  films.computed = {computed(column("label", "text", "text"))};
  films.computed_relations = {gives_rows("kind", "movies")};
  Catalogue catalogue;
  catalogue.tables["movies"] = films;
  const Relations relations(catalogue);
  const ShardMap map = map_with_view();
  const CallArguments arguments = arguments_of({});
  const auto plan = [&](std::string_view query_string) {
    const Query rows = parse_query("f", query_string, {}).value();
    return plan_call(returning(function("f"), films), all("f"), {arguments, rows}, map, catalogue, relations,
                     {});
  };
  CHECK(plan("select=name").has_value());
  for (const auto* query : {"select=label", "label=eq.x", "order=label"}) {
    CAPTURE(std::string(query));
    check_refusal(plan(query), "SHARD404", "Rows that a function returns have no computed columns");
  }
  // A function that gives rows takes them as what they are rows of.
  const auto embeds = plan("select=id,kind(id)").value();
  CHECK(embeds.read.scan.inner_columns.find(R"(("movies".*)::"public"."movies" AS r0)") != std::string::npos);
}

TEST_CASE("a volatile function is called once, and may write where the request may") {
  const auto f = volatile_function(function("f", {movie}));
  const auto reads = get(f, by("f", "movie"), {{"movie", "1"}});
  CHECK(reads.once);
  CHECK_FALSE(reads.writes);
  CHECK(reads.read.scan.statement(at_epoch_7(true)).read_only);
  const auto writes = post(f, by("f", "movie"), R"({"movie":1})");
  CHECK(writes.once);
  CHECK(writes.writes);
  CHECK_FALSE(writes.read.scan.statement(at_epoch_7(true)).read_only);
  CHECK_FALSE(post(function("f", {movie}), by("f", "movie"), R"({"movie":1})").writes);
}

TEST_CASE("rows are looked up in those of a volatile function that only reads") {
  // Films of a genre, which every shard has, are on all shards.
  Table films = movies();
  films.foreign_keys = {{"movies_primary_genre_fkey", {"primary_genre"}, "genres", {"name"}}};
  Catalogue catalogue = served();
  catalogue.tables["movies"] = films;
  const Relations relations(catalogue);
  const ShardMap map = hash_map();
  const auto f = volatile_function(returning(function("f"), genres_table));
  const auto planned = [&](bool may_write, std::string_view query) {
    const Query rows = parse_query("f", query, {}).value();
    const CallArguments none = arguments_of({});
    return plan_call(f, any("f"), {none, rows, may_write, CountKind::none, {}}, map, catalogue, relations,
                     {});
  };
  const auto read = planned(false, "select=name,movies(id)&movies.order=id");
  REQUIRE(read.has_value());
  CHECK(read->once);
  CHECK(read->read.lookups.size() == 1);
  check_refusal(planned(true, "select=name,movies(id)"), "SHARD400", "may write");
  CHECK(planned(true, "select=name").has_value());
}

TEST_CASE("rows of a volatile function that are out of bounds fail its statement") {
  auto f = volatile_function(function("f"));
  f.returns_set = true;
  const auto plan = post(f, any("f"), "", {.bounds = {1, 1}});
  CHECK(plan.read.scan.statement(for_reference()).sql ==
        "WITH \"shardplex_call\" AS (SELECT c.\"pgrst_scalar\" FROM (SELECT \"public\".\"f\"() AS "
        "\"pgrst_scalar\") AS c), "
        "\"shardplex_page\" AS (SELECT \"f\".\"pgrst_scalar\" AS c0 FROM \"shardplex_call\" AS \"f\") SELECT "
        "q.c0 FROM "
        "\"shardplex_page\" q WHERE (SELECT shardplex.check_rows(count(*), 1::int8, 1::int8) FROM "
        "\"shardplex_page\")");
  // Counted, a page comes with the rows before it.
  const auto counted =
      post(f, any("f"), "", {.query = "limit=1&offset=2", .count = CountKind::exact, .bounds = {1, 1}});
  CHECK(counted.read.scan.statement(for_reference())
            .sql.find("check_rows(least(greatest(count(*) - 2, 0), 1), 1::int8, 1::int8)") !=
        std::string::npos);
  ReadRules bounded;
  bounded.row_bound = 100;
  const auto most = post(f, any("f"), "", {.rules = bounded});
  CHECK(most.read.scan.statement(for_reference()).sql.find("0::int8, 100::int8") != std::string::npos);
  CHECK(get(function("f"), any("f"), {}, {.bounds = {1, 1}}).read.scan.bounds == RowBounds{});
}
