// Requests that name functions of a table's row like columns.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/group_states.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// Films with what is computed of them beside their ratings.
Catalogue tables_with_computed() {
  Table films = movies();
  films.computed = {computed(column("label", "text", "text")),
                    computed(column("decade", "integer", "int4")),
                    computed(column("json_of", "jsonb", "jsonb")),
                    computed(rating_enum("rated")),
                    computed(collated(column("german", "text", "text"), "de_DE.utf8")),
                    computed(column("undeclared", "text", "text")),
                    computed(column("differing", "text", "text")),
                    computed(column("votes_of", "bigint", "int8")),
                    computed(column("undeclared_json", "jsonb", "jsonb"))};
  films.computed[5].refused = "It could read tables.";
  films.computed[5].works = "Write computed: [undeclared] at movies in the map.";
  films.computed[6].column.conflict = "function public.differing(movies) is missing on beta";
  films.computed[7].volatility = Volatility::stable;
  films.computed[8].refused = "It could read tables.";
  Table scores = ratings();
  scores.foreign_keys = {{"ratings_movie_id_fkey", {"movie_id"}, "movies", {"id"}}};
  Catalogue catalogue;
  for (const auto& table : {films, scores, genres()}) catalogue.tables.emplace(table.name, table);
  return catalogue;
}

Result<RoutedPlan> try_plan(std::string_view query_string, const std::string& table = "movies") {
  static const Catalogue catalogue = tables_with_computed();
  static const Relations relations(catalogue);
  static const ShardMap map = hash_map();
  const auto query = parse_query(table, query_string, {}, Cursors::served);
  if (!query) return query.error();
  const auto tree = resolve(*query, *catalogue.find(table), catalogue, relations);
  if (!tree) return tree.error();
  return plan_routed_read(*tree, *query, in_map(*catalogue.find(table), map), CountKind::none, {});
}

RowsRead rows(std::string_view query_string, const std::string& table = "movies") {
  return std::get<RowsRead>(try_plan(query_string, table).value());
}

Error refusal(std::string_view query_string, const std::string& table = "movies") {
  const auto planned = try_plan(query_string, table);
  REQUIRE_FALSE(planned.has_value());
  return planned.error();
}

const ReadPlan::ForShard one_of_several{Epoch{7}, false, false, nullptr, std::nullopt};

std::string sql_of(std::string_view query_string, const std::string& table = "movies") {
  return rows(query_string, table).scan.statement(one_of_several).sql;
}

bool has(const std::string& sql, std::string_view part) {
  return sql.find(part) != std::string::npos;
}

const std::string label = "\"public\".\"label\"(\"movies\".*)";

}  // namespace

TEST_CASE("a computed column is a call of its function with the row, wherever a column can stand") {
  CHECK(sql_of("select=label,name&label=eq.x&order=label.desc&limit=5") ==
        "SELECT q.c0, q.c1, q.k1 FROM (SELECT " + label +
            " AS c0, \"movies\".\"name\" AS c1, \"movies\".\"id\" AS k1 FROM \"public\".\"movies\" AS "
            "\"movies\" WHERE shardplex.check_epoch($1::bigint) AND " +
            label + " = $2 ORDER BY " + label + " DESC NULLS FIRST, k1 ASC NULLS LAST LIMIT 5) q");
  CHECK(has(sql_of("select=l:label::varchar"), "CAST(" + label + " AS \"varchar\") AS c0"));
  CHECK(has(sql_of("select=json_of->a"), "(\"public\".\"json_of\"(\"movies\".*)->$2::text) AS c0"));
  CHECK(has(sql_of("select=id&label=fts.x"), "to_tsvector(" + label + ") @@ to_tsquery($2)"));
  CHECK(has(sql_of("select=id&or=(label.is.null,decade.gt.1990)"),
            '(' + label + " IS NULL OR \"public\".\"decade\"(\"movies\".*) > $2)"));
}

TEST_CASE("computed columns are none of all columns") {
  for (const auto* query : {"", "select=*"}) {
    const auto read = rows(query);
    for (const auto& field : read.scan.row.fields()) CHECK(field.name != "label");
  }
  CHECK_FALSE(has(sql_of("select=*"), "label"));
}

TEST_CASE("shards are merged by the type and the collation that a function returns") {
  const auto by_number = rows("select=id&order=decade");
  CHECK(by_number.scan.keys.front().kind == SortKind::int4);
  CHECK_FALSE(by_number.scan.not_mergeable);
  const auto by_enum = rows("select=id&order=rated");
  CHECK(by_enum.scan.keys.front().kind == SortKind::enumeration);
  CHECK_FALSE(by_enum.scan.enums_sql.empty());
  const auto by_german = rows("select=id&order=german");
  REQUIRE(by_german.scan.not_mergeable);
  CHECK(has(by_german.scan.not_mergeable->details.value(), "sorts by collation de_DE.utf8"));
  CHECK(has(by_german.scan.not_mergeable->hint.value(), "return a domain"));
  CHECK(rows("select=id&order=json_of").scan.keys.front().kind == SortKind::jsonb);
}

TEST_CASE("rows are grouped by computed columns, and these are aggregated") {
  const auto plan = rows("select=label,decade.sum(),n:count()&order=label").scan;
  REQUIRE(plan.states);
  const auto parts = partial_groups(plan, one_of_several).sql;
  CHECK(has(parts, label + " AS g0, \"public\".\"decade\"(\"movies\".*) AS a0"));
  CHECK(has(plan.states->as_planned, "pg_catalog.pg_typeof(p.g0) = '\"pg_catalog\".\"text\"'::regtype"));
  CHECK(refusal("select=id.count(),name&order=label").code == "42803");
}

TEST_CASE("embedded rows have the computed columns of their table") {
  const auto embedded = sql_of("select=score,movies(label)&movies.label=eq.x", "ratings");
  CHECK(has(embedded, "\"public\".\"label\"(\"e1\".*) AS \"label\""));
  CHECK(has(embedded, "\"public\".\"label\"(\"e1\".*) = $"));
  CHECK(has(sql_of("select=score,movies(label)&order=movies(label)", "ratings"),
            "(SELECT \"public\".\"label\"(\"e"));
}

TEST_CASE("a row whose computed columns are asked for shares no statement with others, which it could fail") {
  CHECK(std::holds_alternative<PointRead>(try_plan("id=eq.5&select=name").value()));
  CHECK(std::holds_alternative<RowsRead>(try_plan("id=eq.5&select=name,label").value()));
  CHECK(std::holds_alternative<RowsRead>(try_plan("id=eq.5&select=name&order=label").value()));
}

TEST_CASE("a computed column that is not served is refused alone, with what would make it served") {
  const auto undeclared = refusal("select=undeclared");
  CHECK(undeclared.code == "SHARD404");
  CHECK(http_status(undeclared) == 404);
  CHECK(undeclared.message == "Computed column undeclared of movies is not served");
  CHECK(undeclared.details == "It could read tables.");
  CHECK(undeclared.hint == "Write computed: [undeclared] at movies in the map.");
  for (const auto* query : {"undeclared=eq.x", "order=undeclared", "select=undeclared.max()",
                            "or=(id.eq.1,undeclared.is.null)", "id=eq.5&select=undeclared"}) {
    CAPTURE(std::string(query));
    CHECK(refusal(query).code == "SHARD404");
  }
  CHECK(refusal("select=score,movies(undeclared)", "ratings").code == "SHARD404");
  const auto differing = refusal("select=differing");
  CHECK(differing.code == "SHARD503");
  CHECK(differing.details == "function public.differing(movies) is missing on beta");
  CHECK(refusal("select=nothing").code == "42703");
  CHECK(refusal("select=label", "ratings").code == "42703");
}

TEST_CASE("rows are paged by a computed column that depends on the row alone") {
  const auto first = rows("select=id&order=label.desc&limit=5&after=");
  REQUIRE(first.page);
  CHECK(first.page->keys == 2);
  const auto next = rows("select=id&order=label.desc&limit=5&after=" +
                         encode_cursor({false, first.page->order, {"x", "7"}}));
  CHECK(has(next.scan.where, label + " <= CAST($2 AS \"pg_catalog\".\"text\")"));
  const auto error = refusal("order=votes_of&limit=5&after=");
  CHECK(error.code == "SHARD400");
  CHECK(has(error.details.value(), "computed column votes_of, whose function is not IMMUTABLE"));
  for (const auto* query : {"order=undeclared&limit=5&after=", "order=undeclared_json&limit=5&after="})
    CHECK(refusal(query).code == "SHARD404");
  CHECK(refusal("order=json_of&limit=5&after=").code == "SHARD400");
  CHECK(try_plan("select=votes_of&votes_of=gt.1&order=name&limit=5&after=").has_value());
}

TEST_CASE("count is a column where a function of a row is called so") {
  Table films = movies();
  const ShardMap map = hash_map();
  const auto is_grouped = [&] {
    const auto query = parse_query("movies", "select=count", {}).value();
    const auto tree = ResolvedNode{&query, &films, {}};
    return plan_read(tree, in_map(films, map), false, true).value().groups.has_value();
  };
  CHECK(is_grouped());
  films.computed = {computed(column("count", "integer", "int4"))};
  CHECK_FALSE(is_grouped());
}
