// POST with what becomes of duplicates and of missing columns, in any format.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/failing_row.hpp"
#include "query/plan/plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Preferences resolving(Resolution resolution) {
  Preferences prefer;
  prefer.resolution = resolution;
  return prefer;
}

Preferences with_defaults(ReturnKind returning = ReturnKind::minimal) {
  Preferences prefer;
  prefer.missing = MissingColumns::column_default;
  prefer.returning = returning;
  return prefer;
}

const Preferences merging = resolving(Resolution::merge_duplicates),
                  ignoring = resolving(Resolution::ignore_duplicates);

Result<WritePlan> posted(const ShardMap& map, const Table& table, const BodyText& body,
                         const Preferences& prefer, std::string_view query_string = "") {
  const auto query = parse_query(table.name, query_string, {}).value();
  auto insert = plan_insert(query, body, prefer, in_map(table, map));
  if (!insert) return insert.error();
  std::vector<std::string> keys;
  while (keys.size() < insert->missing_keys()) keys.push_back(std::to_string(1000 + keys.size()));
  return std::move(*insert).with_keys(std::move(keys));
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string sent(const WritePlan& plan) {
  return plan.statement(std::nullopt, false).sql;
}

}  // namespace

TEST_CASE("duplicates by the primary key are merged with all that the body names") {
  const auto plan = posted(hash_map(), ratings(), R"({"movie_id":5,"user_id":1,"score":3})", merging).value();
  CHECK(
      holds(sent(plan),
            " AS r ON CONFLICT (\"movie_id\", \"user_id\") DO UPDATE SET \"movie_id\" = "
            "EXCLUDED.\"movie_id\", \"user_id\" = EXCLUDED.\"user_id\", \"score\" = EXCLUDED.\"score\" WHERE "
            "set_config('shardplex.replaced', 'yes', true) = 'yes' RETURNING "));
  CHECK(sent(plan).ends_with("ELSE true END) AS created"));
  CHECK(plan.reports_created);
  CHECK(plan.merges);
}

TEST_CASE("duplicates are ignored, and then nobody is told what was created") {
  const auto plan = posted(hash_map(), ratings(), R"({"movie_id":5,"user_id":1})", ignoring).value();
  CHECK(holds(sent(plan), " ON CONFLICT (\"movie_id\", \"user_id\") DO NOTHING RETURNING "));
  CHECK_FALSE(plan.reports_created);
  // Nothing to change them to.
  CHECK(holds(sent(posted(hash_map(), movies(), "{}", merging).value()), " ON CONFLICT (\"id\") DO NOTHING"));
}

TEST_CASE("a conflict target tells duplicates of one shard only with all that decides the slot") {
  const auto refused =
      posted(hash_map(), ratings(), R"({"movie_id":5,"user_id":1})", merging, "on_conflict=user_id").error();
  CHECK(refused.code == "SHARD400");
  CHECK(holds(*refused.details, "Duplicates are told by user_id, which does not contain movie_id."));
  CHECK(holds(*refused.hint, "a unique constraint that contains movie_id"));
  CHECK(holds(sent(posted(hash_map(), ratings(), R"({"movie_id":5,"user_id":1})", merging,
                          "on_conflict=user_id,movie_id")
                       .value()),
              " ON CONFLICT (\"user_id\", \"movie_id\") DO UPDATE SET "));
  CHECK(posted(hash_map(), ratings(), "{}", merging, "on_conflict=nothing").error().code == "42703");
  CHECK(posted(hash_map(), ratings(), "{}", merging, "on_conflict=shardplex_slot").error().code == "42703");
  // Under list the primary key alone does not say where a row is.
  CHECK(posted(list_map(), movies(), R"({"name":"a"})", merging).error().code == "SHARD400");
  // Every shard has all rows of a reference table.
  CHECK(holds(sent(posted(hash_map(), genres(), R"({"name":"Drama"})", ignoring).value()),
              " ON CONFLICT (\"name\") DO NOTHING"));
}

TEST_CASE("without a preference, or without anything that tells duplicates, an insert is one") {
  Table keyless = movies();
  keyless.primary_key.clear();
  CHECK_FALSE(holds(sent(posted(hash_map(), keyless, R"({"id":5})", merging).value()), "ON CONFLICT"));
  CHECK_FALSE(
      holds(sent(posted(hash_map(), movies(), R"({"id":5})", {}, "on_conflict=id").value()), "ON CONFLICT"));
}

TEST_CASE("generated columns follow from the others of a merged row") {
  Table generated = movies();
  for (auto& column : generated.columns)
    if (column.name == "votes") column.generated = true;
  const auto sql =
      sent(posted(hash_map(), generated, R"({"id":5,"name":"x"})", merging, "columns=id,name,votes").value());
  CHECK(holds(sql, "SET \"id\" = EXCLUDED.\"id\", \"name\" = EXCLUDED.\"name\" WHERE"));
}

TEST_CASE("a column that no row has gets its default") {
  const auto plan =
      posted(hash_map(), movies(), R"([{"name":"a"},{"name":"b"}])", with_defaults(), "columns=id,name,votes")
          .value();
  CHECK(plan.inserts.empty());
  CHECK(holds(sent(plan), "(\"name\", \"id\", \"shardplex_slot\") SELECT"));
  CHECK(plan.head.params[1] == "{\"1000\",\"1001\"}");
  // Merged, it is changed to that as well.
  auto prefer = with_defaults();
  prefer.resolution = Resolution::merge_duplicates;
  CHECK(holds(sent(posted(hash_map(), movies(), R"({"id":5})", prefer, "columns=id,votes").value()),
              "SET \"id\" = EXCLUDED.\"id\", \"votes\" = EXCLUDED.\"votes\" WHERE"));
}

TEST_CASE("rows that set different columns are inserts of their own, and come back in body order") {
  const std::string body = R"([{"id":5,"name":"a"},{"id":6,"votes":1},{"id":7,"name":"c"}])";
  const auto plan = posted(hash_map(), movies(), body, with_defaults(ReturnKind::representation),
                           "columns=id,name,votes&select=id")
                        .value();
  REQUIRE(plan.inserts.size() == 2);
  CHECK(plan.head.params == std::vector<std::optional<std::string>>{
                                R"([{"id":5,"name":"a"},{"id":7,"name":"c"}])", "{\"5\",\"7\"}",
                                plan.head.params[2], "{\"0\",\"2\"}", R"([{"id":6,"votes":1}])", "{\"6\"}",
                                plan.head.params[6], "{\"1\"}"});
  const auto sql = sent(plan);
  CHECK(
      sql.starts_with("WITH insert0 AS (INSERT INTO \"public\".\"movies\" AS \"movies\" (\"name\", \"id\", "
                      "\"shardplex_slot\") SELECT r.* FROM ROWS FROM (json_to_recordset($1::json) AS "));
  CHECK(holds(sql, "), insert1 AS (INSERT INTO \"public\".\"movies\" AS \"movies\" (\"votes\", \"id\", "));
  CHECK(holds(sql,
              "w AS (SELECT x.* FROM (SELECT *, ($4::int4[])[(row_number() OVER ())::int4] AS body_row "
              "FROM insert0 UNION ALL SELECT *, ($8::int4[])[(row_number() OVER ())::int4] AS body_row "
              "FROM insert1) AS x ORDER BY x.body_row) SELECT row_to_json(r.*)::text FROM w q "));
  CHECK(plan.slots->size() <= 3);
  const auto counted = posted(hash_map(), movies(), body, with_defaults(), "columns=id,name,votes").value();
  CHECK(counted.reports_count);
  CHECK(sent(counted).ends_with(" SELECT count(*) FROM w q"));
}

TEST_CASE("ways to leave columns out are bounded") {
  std::string names = "columns=id", body = "[";
  const std::vector<std::string> columns{"name", "genre", "votes", "imdb_score", "mpaa", "data", "title_de"};
  for (const auto& name : columns) names += ',' + name;
  for (std::size_t way = 0; way < 128; ++way) {
    body += (way == 0 ? "{\"id\":" : ",{\"id\":") + std::to_string(way);
    for (std::size_t i = 0; i < columns.size(); ++i)
      if ((way >> i) % 2 == 1) body += ",\"" + columns[i] + "\":null";
    body += '}';
  }
  CHECK(posted(hash_map(), movies(), body + ']', with_defaults(), names).error().code == "SHARD400");
  CHECK(posted(hash_map(), movies(), body + ']', {}, names).has_value());
}

TEST_CASE("a list's column that a row lacks has a default that only PostgreSQL knows") {
  Table listed = movies();
  for (auto& column : listed.columns)
    if (column.name == "primary_genre") column.has_default = true;
  const std::string body = R"([{"name":"a","primary_genre":"Drama"},{"name":"b"}])";
  CHECK(posted(list_map(), listed, body, with_defaults(), "columns=name,primary_genre").error().hint ==
        "Say primary_genre in the body.");
  CHECK(posted(list_map(), listed, body, {}, "columns=name,primary_genre").has_value());
}

TEST_CASE("a change sets what its body lacks to the default, but nothing that decides the slot") {
  const auto change = [](std::string_view query_string, std::string_view body) {
    const Table table = movies();
    const ShardMap map = hash_map();
    return plan_update(parse_query("movies", query_string, {}).value(), BodyText(body), with_defaults(),
                       in_map(table, map));
  };
  const auto plan = change("id=eq.5&columns=name,votes", R"({"name":"x"})").value();
  CHECK(holds(sent(plan), ", \"votes\" = DEFAULT WHERE"));
  CHECK_FALSE(change("id=eq.5&columns=votes", "{}").value().sets_nothing);
  CHECK(change("id=eq.5&columns=id,votes", R"({"votes":1})").error().code == "SHARD400");
}

TEST_CASE("CSV and forms are planned as JSON is") {
  const BodyText csv("name,id,votes\nx,5,NULL\ny,6,3", BodyFormat::csv);
  const auto plan = posted(hash_map(), movies(), csv, {}).value();
  CHECK(holds(sent(plan),
              "(\"name\", \"votes\", \"id\", \"shardplex_slot\") SELECT r.* FROM ROWS FROM "
              "(json_to_recordset($1::json) AS (\"0\" text, \"2\" integer), "));
  CHECK(plan.head.params[0] == R"([{"0":"x","2":null},{"0":"y","2":"3"}])");
  CHECK(plan.head.params[1] == "{\"5\",\"6\"}");
  CHECK(posted(hash_map(), movies(), BodyText("nmae\nx", BodyFormat::csv), {}).error().hint ==
        "Perhaps you meant the column 'name'");
  // Of columns= those that it lacks are null.
  const auto some = posted(hash_map(), movies(), csv, {}, "columns=votes,genre").value();
  CHECK(holds(sent(some), " AS (\"2\" integer, \"none1\" text[]), "));

  const auto form = posted(hash_map(), movies(), BodyText("name=a+b&id=5", BodyFormat::form), {}).value();
  CHECK(form.head.params[0] == R"([{"id":"5","name":"a b"}])");
  CHECK(form.head.params[1] == "{\"5\"}");
}

TEST_CASE("a row that fails is shown without its slot") {
  Table table = movies();
  table.behind_slot = 0;
  const auto shown = [&](const std::string& details, const std::string& relation = "movies") {
    const auto plan = posted(hash_map(), table, R"({"id":5})", {}).value();
    std::string slot;
    plan.slots->for_each([&](Slot each) { slot = std::to_string(each.value); });
    std::string text = details;
    if (const auto at = text.find("SLOT"); at != std::string::npos) text.replace(at, 4, slot);
    const Error error{"23502", "null value in column \"name\" of relation \"" + relation + "\" violates …",
                      text, std::nullopt, std::nullopt};
    return details_of_failing_row(error, plan).value_or("-");
  };
  CHECK(shown("Failing row contains (5, null, a, b, SLOT).") == "Failing row contains (5, null, a, b).");
  CHECK(shown("Failing row contains (5, null, 99999).") == "-");
  CHECK(shown("Failing row contains (5, null, SLOT).", "others") == "-");
  CHECK(shown("Failing row contains (id, shardplex_slot) = (5, SLOT).") == "-");
  CHECK(shown("The row is wrong.") == "-");
  table.columns.resize(4);
  table.behind_slot = 1;
  CHECK(shown("Failing row contains (5, null, x, SLOT, y).") == "Failing row contains (5, null, x, y).");
  CHECK(shown("Failing row contains (5, null, x, z, SLOT, y).") == "-");
  CHECK(shown("Failing row contains (5, null, x, SLOT).") == "-");
  table.behind_slot.reset();
  CHECK(shown("Failing row contains (5, null, x, y, SLOT).") == "-");
}
