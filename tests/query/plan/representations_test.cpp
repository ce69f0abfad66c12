// Columns whose domain has casts to show and read its values by.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

using Params = std::vector<std::optional<std::string>>;

const Representations by_casts{.to_json = "public.shown",
                               .from_json = "public.of_json",
                               .from_text = "public.of_text",
                               .definition = "1",
                               .unsafe = ""};

Column represented(Column column) {
  column.base_type_name = std::exchange(column.type_name, "colour");
  column.base_type_schema = std::exchange(column.type_schema, "public");
  column.type = "colour";
  column.representations = by_casts;
  return column;
}

/// Votes are colours.
Table coloured() {
  Table table = movies();
  table.columns[11] = represented(table.columns[11]);
  return table;
}

/// The key is a colour.
Table keyed_by_colour() {
  Table table = movies();
  table.columns[0] = represented(table.columns[0]);
  return table;
}

Query parsed(std::string_view query_string) {
  return parse_query("movies", query_string, {}).value();
}

ReadPlan read(std::string_view query_string, const Table& table = coloured()) {
  const ShardMap map = hash_map();
  return plan_read(parsed(query_string), in_map(table, map), false, true).value();
}

Result<RoutedPlan> routed_read(std::string_view query_string, const std::string& from = "movies") {
  Catalogue catalogue;
  Table scores = ratings();
  scores.foreign_keys = {{"ratings_movie_id_fkey", {"movie_id"}, "movies", {"id"}}};
  for (const auto& table : {coloured(), scores, genres()}) catalogue.tables.emplace(table.name, table);
  const Relations relations(catalogue);
  const ShardMap map = hash_map();
  const auto query = parse_query(from, query_string, {}).value();
  const auto tree = resolve(query, *catalogue.find(from), catalogue, relations).value();
  return plan_routed_read(tree, query, in_map(*catalogue.find(from), map), CountKind::none, {});
}

std::string sql_of(const RowsRead& read) {
  return read.scan.statement({.epoch = Epoch{7}, .only_owned = false, .alone = false, .slots = nullptr}).sql;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Preferences returning(ReturnKind kind) {
  Preferences prefer;
  prefer.returning = kind;
  return prefer;
}

}  // namespace

TEST_CASE("a represented column is shown by its function, wherever it is named") {
  CHECK(read("select=votes").inner_columns.starts_with("public.shown(\"movies\".\"votes\") AS c0"));
  CHECK(has(read("").inner_columns, "public.shown(\"movies\".\"votes\") AS c11"));
  CHECK(has(read("select=*").inner_columns, "public.shown(\"movies\".\"votes\") AS c11"));
  CHECK(has(read("select=v:votes").values, "c0"));
  // As with PostgREST, a cast is of what is shown, and a path is of what is stored.
  CHECK(read("select=votes::text")
            .inner_columns.starts_with("CAST(public.shown(\"movies\".\"votes\") AS \"text\") AS c0"));
  CHECK_FALSE(has(read("select=votes->a").inner_columns, "shown"));
}

TEST_CASE("rows are sorted and merged by what is stored") {
  const auto plan = read("select=votes&order=votes.desc");
  CHECK(plan.keys.front() == MergeKey{SortKind::int4, true, true, {}});
  CHECK(has(plan.inner_columns, "\"movies\".\"votes\" AS k0"));
  CHECK(plan.order_by.starts_with("k0 DESC"));
}

TEST_CASE("values of a filter are read by the function, and patterns are none") {
  const auto where = [](std::string_view query_string) { return read(query_string).where; };
  CHECK(where("votes=eq.red") == "\"movies\".\"votes\" = public.of_text($2::text)");
  CHECK(where("votes=not.gte.red") == "NOT (\"movies\".\"votes\" >= public.of_text($2::text))");
  CHECK(where("votes=in.(red,blue)") ==
        "\"movies\".\"votes\" = ANY(SELECT public.of_text(v.v) FROM unnest($2::text[]) AS v(v))");
  CHECK(read("votes=in.(red,blue)").params == Params{"{\"red\",\"blue\"}"});
  CHECK(where("votes=like.r*") == "\"movies\".\"votes\" LIKE $2");
  CHECK(where("votes=isdistinct.red") == "\"movies\".\"votes\" IS DISTINCT FROM $2");
  CHECK(where("votes=is.null") == "\"movies\".\"votes\" IS NULL");
}

TEST_CASE("embeds show and filter as their tables do, and are ordered by what is stored") {
  const auto plan = std::get<RowsRead>(
      routed_read("select=score,movies(votes)&movies.votes=eq.red&order=movies(votes)", "ratings").value());
  const auto sql = sql_of(plan);
  CHECK(has(sql, "public.shown(\"e"));
  CHECK(has(sql, " = public.of_text($"));
  CHECK(has(sql, "(SELECT \"e"));
}

TEST_CASE("rows are not grouped by what is shown, and it can be counted") {
  for (const std::string query : {"select=votes,count()", "select=votes.max()", "select=votes::text,count()",
                                  "select=votes::text.min()", "select=v:votes,id.sum()"}) {
    CAPTURE(query);
    const auto plan = routed_read(query);
    REQUIRE_FALSE(plan.has_value());
    CHECK(plan.error().code == "SHARD400");
    CHECK(has(plan.error().details.value_or(""), "Column votes is shown by public.shown"));
  }
  CHECK(routed_read("select=votes.count()").has_value());
}

TEST_CASE("no slot is known of a key whose text PostgreSQL alone reads") {
  const ShardMap map = hash_map();
  const Table plain = movies(), colour = keyed_by_colour();
  for (const std::string query : {"id=eq.5", "id=in.(5,6)", "or=(id.eq.5,id.eq.6)"}) {
    CAPTURE(query);
    CHECK_FALSE(candidate_slots(parsed(query).filters, in_map(plain, map)).is_all());
    CHECK(candidate_slots(parsed(query).filters, in_map(colour, map)).is_all());
  }
  CHECK_FALSE(read("id=in.(5,6)", colour).key_list);
  CHECK(point_key(parsed("id=eq.5"), in_map(plain, map)) != nullptr);
  CHECK(point_key(parsed("id=eq.5"), in_map(colour, map)) == nullptr);
  const Table shown = coloured();
  CHECK(point_key(parsed("id=eq.5"), in_map(shown, map)) == nullptr);
}

TEST_CASE("values of a body are read by the function, and shown by the other") {
  const ShardMap map = hash_map();
  const Table table = coloured();
  auto inserted = plan_insert(parsed(""), R"([{"id":5,"votes":"red","name":"x"}])",
                              returning(ReturnKind::representation), in_map(table, map))
                      .value()
                      .with_keys({});
  const auto sql = inserted.statement(std::nullopt, false).sql;
  CHECK(has(sql, "\"votes\" json"));
  CHECK(has(sql, "public.of_json(r.c"));
  CHECK(has(sql, ") AS r(c0, c1, c2, c3)"));
  CHECK(has(sql, "public.shown(\"movies\".\"votes\")"));
  const auto updated = plan_update(parsed("id=eq.5"), R"({"votes":"red","name":"x"})",
                                   returning(ReturnKind::minimal), in_map(table, map))
                           .value()
                           .statement(std::nullopt, false)
                           .sql;
  CHECK(has(updated, "public.of_json(j.\"votes\")"));
  CHECK(has(updated, "j.\"name\""));
  // Nothing is said of columns where none is read so.
  const auto other =
      plan_update(parsed("id=eq.5"), R"({"name":"x"})", returning(ReturnKind::minimal), in_map(table, map))
          .value()
          .statement(std::nullopt, false)
          .sql;
  CHECK(has(other, "SELECT j.* FROM"));
}

TEST_CASE("a write is refused where the router has to know what PostgreSQL alone reads") {
  const ShardMap map = hash_map();
  const Table table = keyed_by_colour();
  const auto routed = in_map(table, map);
  const auto minimal = returning(ReturnKind::minimal);
  const auto check_unread = [](const auto& plan) {
    REQUIRE_FALSE(plan.has_value());
    CHECK(plan.error().code == "SHARD400");
    CHECK(has(plan.error().details.value_or(""), "Column id "));
  };
  check_unread(plan_insert(parsed(""), R"({"id":5,"name":"x"})", minimal, routed));
  check_unread(plan_update(parsed("id=eq.5"), R"({"id":5})", minimal, routed));
  check_unread(plan_put(parsed("id=eq.5"), R"({"id":5,"name":"x"})", minimal, routed));
  // Changes look for the row on all shards.
  const auto updated = plan_update(parsed("id=eq.5"), R"({"name":"x"})", minimal, routed).value();
  CHECK(updated.slots->is_all());
  CHECK(plan_delete(parsed("id=eq.5"), minimal, routed).value().slots->is_all());
}
