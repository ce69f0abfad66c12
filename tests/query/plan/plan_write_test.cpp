#include <doctest/doctest.h>

#include <algorithm>

#include "query/grammar/body.hpp"
#include "query/grammar/parse.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/stored_values.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

using Params = std::vector<std::optional<std::string>>;

Preferences returning(ReturnKind kind) {
  Preferences prefer;
  prefer.returning = kind;
  return prefer;
}

const Preferences minimal = returning(ReturnKind::minimal),
                  representation = returning(ReturnKind::representation),
                  headers_only = returning(ReturnKind::headers_only);

/// A map, a table of it, and the requests on that table.
struct Subject {
  ShardMap map;
  Table table;

  Query query(std::string_view query_string) const {
    return parse_query(table.name, query_string, {}).value();
  }
  RoutedTable routed() const { return in_map(table, map); }

  Result<InsertPlan> insert_without_keys(std::string_view body) const {
    return plan_insert(query(""), body, minimal, routed());
  }
  /// Missing keys are 1000, 1001, …

  Result<WritePlan> insert(std::string_view body, std::string_view query_string = "",
                           const Preferences& prefer = minimal) const {
    auto insert = plan_insert(query(query_string), body, prefer, routed());
    if (!insert) return insert.error();
    std::vector<std::string> keys;
    while (keys.size() < insert->missing_keys()) keys.push_back(std::to_string(1000 + keys.size()));
    return std::move(*insert).with_keys(std::move(keys));
  }
  Result<WritePlan> update(std::string_view query_string, std::string_view body,
                           const Preferences& prefer = minimal) const {
    return plan_update(query(query_string), body, prefer, routed());
  }
  Result<WritePlan> remove(std::string_view query_string, const Preferences& prefer = minimal) const {
    return plan_delete(query(query_string), prefer, routed());
  }
  Result<WritePlan> put(std::string_view query_string, std::string_view body,
                        const Preferences& prefer = minimal) const {
    return plan_put(query(query_string), body, prefer, routed());
  }
};

const Subject hashed{hash_map(), movies()}, listed{list_map(), movies()}, rated{hash_map(), ratings()},
    reference{hash_map(), genres()};

Subject with_key_column(const Column& key) {
  Subject subject = hashed;
  subject.table.columns[0] = key;
  return subject;
}

Statement sql_of(const Result<WritePlan>& plan) {
  return plan.value().statement(std::nullopt, false);
}

Error error_of(const Result<WritePlan>& plan) {
  REQUIRE_FALSE(plan.has_value());
  return plan.error();
}

Slot slot_of_id(std::int64_t id) {
  return slot_of(canonical_bytes(id), 1024);
}

std::string slots_of_ids(std::initializer_list<std::int64_t> ids) {
  std::vector<std::string> slots;
  for (const auto id : ids) slots.push_back(std::to_string(slot_of_id(id).value));
  return array_literal(slots);
}

Slot listed_slot(std::int64_t id, std::optional<std::string_view> genre) {
  return slot_of_row(listed.map.group(GroupId{0}), canonical_bytes(id), genre);
}

/// What RETURNING says of a row of the table that is to be placed so.
std::string check(const std::string& placed, const std::string& table = "movies") {
  return "CASE WHEN " + placed + " THEN NULL ELSE shardplex.refuse_misplaced_row(\"" + table +
         "\".\"tableoid\") END AS placed";
}

Body body_of(std::string_view json, std::vector<std::string> watched = {}, bool equal_keys = true) {
  return read_body(json, watched, equal_keys).value();
}

Error body_error(std::string_view json) {
  const auto body = read_body(json, std::vector<std::string>{"id"}, true);
  REQUIRE_FALSE(body.has_value());
  return body.error();
}

BodyValue text(std::string value) {
  return {BodyValue::Kind::text, std::move(value)};
}

const BodyValue absent{}, null{BodyValue::Kind::null, ""}, nested{BodyValue::Kind::nested, ""};

}  // namespace

// ---- Bodies.

TEST_CASE("a body's values keep the spelling they came in") {
  const auto values = [](std::string_view json) { return body_of(json, {"id"}).watched.at(0); };
  CHECK(values(R"([{"id":5},{"id":5.0},{"id":1e3},{"id":-0},{"id":123456789012345678901234567890}])") ==
        std::vector{text("5"), text("5.0"), text("1e3"), text("-0"), text("123456789012345678901234567890")});
  CHECK(values(R"([{"id":"a\"\u00e9\n"},{"id":""},{"id":true},{"id":null},{"id":[1]},{"id":{"id":2}}])") ==
        std::vector{text("a\"é\n"), text(""), text("true"), null, nested, nested});
  CHECK(values(R"({"other":{"id":7}})") == std::vector{absent});
  CHECK(values(R"({"id":1,"id":2})") == std::vector{text("2")});
  CHECK(values(R"({"\u0069d":3})") == std::vector{text("3")});
}

TEST_CASE("a body is an object or an array of objects with equal keys") {
  CHECK(body_of(R"( {"a":1,"b":[{"c":2}],"a":3} )") == Body{false, 1, {"a", "b"}, {}});
  CHECK(body_of(R"([{"a":1,"b":2},{"b":3,"a":4}])") == Body{true, 2, {"a", "b"}, {}});
  CHECK(body_of("{}") == Body{false, 1, {}, {}});
  CHECK(body_of("[]") == Body{true, 0, {}, {}});
  CHECK(body_of("[{},{}]") == Body{true, 2, {}, {}});
  CHECK(body_of(R"([{"a":1},{"b":2}])", {"b"}, false).watched.at(0) == std::vector{absent, text("2")});
}

TEST_CASE("uneven keys are refused") {
  for (const std::string json :
       {R"([{"a":1},{"b":1}])", R"([{"a":1},{"a":1,"b":1}])", R"([{"a":1,"b":1},{"a":1}])",
        R"([{"a":1},{"a":1,"a":2,"b":1}])", R"([{"a":1,"b":1},{"a":1,"a":2}])", "[1]", R"([{"a":1},5])",
        R"([{"a":1},[]])", "[null]"}) {
    CAPTURE(json);
    CHECK(body_error(json).code == "PGRST102");
    CHECK(body_error(json).message == "All object keys must match");
  }
}

TEST_CASE("a body that is refused is refused with the place in it") {
  const auto details = [](std::string_view json) { return body_error(json).details.value_or(""); };
  CHECK(details("") == "incomplete JSON: line 1, column 1 (byte 0)");
  CHECK(details("{\n  \"é\": 1,\n  \"b\": ,\n}") == "syntax error: line 3, column 8 (byte 20)");
  CHECK(details("{\"é\": x}") == "syntax error: line 1, column 7 (byte 7)");
  CHECK(details("5").starts_with("the body has to be an object or an array: line 1, "));
  CHECK(details("[{\"a\":1},\n {\"b\":1}]").starts_with("row 2 has other keys than the first: line 2, "));
  CHECK(details("[{\"a\":1},\n 5]").starts_with("an item of the array is not an object: line 2, "));
}

TEST_CASE("what is not JSON, or neither object nor array, is refused") {
  for (const std::string json : {"", " ", "{", "{]", R"({"a":1)", R"({"a":1}})", "{'a':1}", "5", "null",
                                 R"("x")", "{\"a\":\"\xFF\"}", "nope", R"({"a":01})", R"({"a":"\ud800"})"}) {
    CAPTURE(json);
    CHECK(body_error(json).code == "PGRST102");
    CHECK(body_error(json).message == "Empty or invalid json");
  }
}

TEST_CASE("nesting is bounded") {
  const auto nested_arrays = [](std::size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + '}';
  };
  CHECK(body_of(nested_arrays(100)).rows == 1);
  CHECK(body_error(nested_arrays(100'000)).code == "PGRST102");
}

// ---- POST.

TEST_CASE("an inserted row's key and slot come from the router, the rest from the body") {
  const std::string body = R"({"name":"Alien","id":5,"imdb_score":8.5,"mpaa":"R"})";
  const auto plan = hashed.insert(body).value();
  CHECK(plan.statement(std::nullopt, false) ==
        Statement{
            "INSERT INTO \"public\".\"movies\" AS \"movies\" (\"name\", \"imdb_score\", \"mpaa\", \"id\", "
            "\"shardplex_slot\") SELECT r.* FROM ROWS FROM (json_to_recordset($1::json) AS (\"name\" text, "
            "\"imdb_score\" numeric(3,1), \"mpaa\" \"public\".\"mpaa\"), "
            "unnest($2::\"pg_catalog\".\"int8\"[]), unnest($3::int4[])) AS r RETURNING " +
                check("\"movies\".\"id\" = ($2::\"pg_catalog\".\"int8\"[])[1] AND "
                      "\"movies\".\"shardplex_slot\" = ($3::int4[])[1]"),
            {'[' + body + ']', "{\"5\"}", slots_of_ids({5})}});
  CHECK(plan.returns == WritePlan::Returns::nothing);
  CHECK(plan.group == "catalog");
  CHECK(plan.row_count == 1);
  CHECK(plan.slots->size() == 1);
  CHECK(plan.slots->contains(slot_of_id(5)));
}

TEST_CASE("rows without a key get one each") {
  const auto plan = hashed.insert(R"([{"name":"a"},{"name":"b"}])").value();
  CHECK(plan.head.params ==
        Params{R"([{"name":"a"},{"name":"b"}])", "{\"1000\",\"1001\"}", slots_of_ids({1000, 1001})});
  CHECK(plan.row_count == 2);
  CHECK(plan.slots->contains(slot_of_id(1001)));
  CHECK(hashed.insert(R"([{"name":"a","id":null},{"name":"b","id":7}])").value().head.params[1] ==
        "{\"1000\",\"7\"}");
  CHECK(sql_of(hashed.insert("{}")).params == Params{"{\"1000\"}", slots_of_ids({1000})});
}

TEST_CASE("an insert says how many keys of which column its rows lack") {
  const auto some = hashed.insert_without_keys(R"([{"id":null},{"id":7},{"id":null}])").value();
  CHECK(some.missing_keys() == 2);
  REQUIRE(some.key_column());
  CHECK(some.key_column()->name == "id");
  const auto none = hashed.insert_without_keys(R"({"id":7})").value();
  CHECK(none.missing_keys() == 0);
  CHECK_FALSE(none.key_column());
  CHECK(reference.insert_without_keys("{}").value().missing_keys() == 0);
}

TEST_CASE("a key that is part of a larger one is never made up") {
  CHECK(error_of(rated.insert(R"({"user_id":1})")) ==
        Error{"23502",
              "null value in column \"movie_id\" of relation \"ratings\" violates not-null constraint",
              {},
              {},
              {}});
  const auto plan = rated.insert(R"({"movie_id":5,"user_id":1,"score":3})").value();
  CHECK(plan.slots->contains(slot_of_id(5)));
  CHECK(plan.primary_key_columns == std::vector<std::string>{"movie_id", "user_id"});
}

TEST_CASE("keys are read exactly as PostgreSQL reads their text") {
  const auto key_sent = [](std::string_view key) {
    return sql_of(hashed.insert(R"({"id":)" + std::string(key) + '}')).params[0];
  };
  CHECK(key_sent("5") == "{\"5\"}");
  CHECK(key_sent("\" +05 \"") == "{\"5\"}");
  CHECK(key_sent("-0") == "{\"0\"}");
  CHECK(key_sent("9223372036854775807") == "{\"9223372036854775807\"}");
  const auto refused = [](std::string_view key) {
    const Error error = error_of(hashed.insert(R"({"id":)" + std::string(key) + '}'));
    return error.code + ' ' + error.message;
  };
  CHECK(refused("5.0") == "22P02 invalid input syntax for type bigint: \"5.0\"");
  CHECK(refused("1e3") == "22P02 invalid input syntax for type bigint: \"1e3\"");
  CHECK(refused("\"\"") == "22P02 invalid input syntax for type bigint: \"\"");
  CHECK(refused("true") == "22P02 invalid input syntax for type bigint: \"true\"");
  CHECK(refused("9223372036854775808") ==
        "22003 value \"9223372036854775808\" is out of range for type bigint");
  CHECK(refused("[5]").starts_with("22P02"));
  CHECK(refused("{}").starts_with("22P02"));
}

TEST_CASE("text keys are stored as they are hashed, length limits included") {
  const Subject limited = with_key_column(not_null(column("id", "character varying(3)", "varchar")));
  const auto sent = [&](std::string_view key) {
    return sql_of(limited.insert(R"({"id":")" + std::string(key) + "\"}")).params[0];
  };
  CHECK(sent("abc") == "{\"abc\"}");
  CHECK(sent("äöü") == "{\"äöü\"}");
  CHECK(sent("äöü  ") == "{\"äöü\"}");
  CHECK(sent("a  ") == "{\"a  \"}");
  CHECK(error_of(limited.insert(R"({"id":"abcd"})")) ==
        Error{"22001", "value too long for type character varying(3)", {}, {}, {}});
  const Subject any_text = with_key_column(not_null(column("id", "text", "text")));
  CHECK(sql_of(any_text.insert(R"({"id":5.0})")).params[0] == "{\"5.0\"}");
  CHECK(error_of(any_text.insert(R"({"id":"a\u0000b"})")).code == "22P02");
}

TEST_CASE("a uuid key is stored in its one form") {
  const Subject subject = with_key_column(not_null(column("id", "uuid", "uuid")));
  const auto plan = subject.insert(R"({"id":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"})").value();
  CHECK(plan.head.params[0] == "{\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"}");
  const auto braced = subject.insert(R"({"id":"{A0EEBC999C0B4EF8BB6D6BB9BD380A11}"})").value();
  CHECK(braced.head.params[0] == plan.head.params[0]);
  CHECK(braced.slots == plan.slots);
  CHECK(error_of(subject.insert(R"({"id":"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"})")).code == "22P02");
}

TEST_CASE("a date key is taken in its one form, and refused in PostgreSQL's words otherwise") {
  const Subject subject = with_key_column(not_null(column("id", "date", "date")));
  CHECK(subject.insert(R"({"id":"2024-02-29"})").value().head.params[0] == "{\"2024-02-29\"}");
  const auto refused = [&](const std::string& day) {
    const auto error = error_of(subject.insert(R"({"id":")" + day + "\"}"));
    return error.code + ' ' + error.message;
  };
  for (const auto* day : {"2023-02-29", "2024-13-01", "0000-01-01"})
    CHECK(refused(day) == "22008 date/time field value out of range: \"" + std::string(day) + '"');
  for (const auto* other : {"20240229", "2024-2-29", "infinity", "10000-01-01", "2024-02-29 BC", ""})
    CHECK(refused(other) == "22007 invalid input syntax for type date: \"" + std::string(other) + '"');
}

TEST_CASE("a column that is not there is named as PostgREST names it, the slot column included") {
  for (const std::string column : {"foo", "shardplex_slot"}) {
    const Error expected{
        "PGRST204", "Could not find the '" + column + "' column of 'movies' in the schema cache", {}, {}, {}};
    const std::string body = "{\"" + column + "\":1}";
    CHECK(error_of(hashed.insert(body)) == expected);
    CHECK(error_of(hashed.update("id=eq.5", body)) == expected);
    CHECK(error_of(hashed.put("id=eq.5", body)) == expected);
    CHECK(error_of(hashed.insert("{}", "columns=" + column)) == expected);
  }
  CHECK(error_of(hashed.insert(R"({"nmae":"x"})")).hint == "Perhaps you meant the column 'name'");
}

TEST_CASE("columns= says which keys count, and excuses uneven ones") {
  const auto statement =
      sql_of(hashed.insert(R"([{"name":"a","id":5},{"votes":1,"junk":2}])", "columns=name,name"));
  CHECK(statement.sql.find("(\"name\", \"id\", \"shardplex_slot\")") != std::string::npos);
  CHECK(statement.params[1] == "{\"1000\",\"1001\"}");
  CHECK(sql_of(hashed.insert(R"({"name":"a","id":5})", "columns=name,id")).params[1] == "{\"5\"}");
}

TEST_CASE("an empty array inserts nothing and has no slots") {
  const auto plan = hashed.insert("[]").value();
  CHECK(plan.slots->empty());
  CHECK(plan.row_count == 0);
}

TEST_CASE("under list the list column picks the slot and travels beside the body") {
  const auto plan =
      listed.insert(R"([{"name":"a","primary_genre":"Drama"},{"name":"b","primary_genre":null}])").value();
  CHECK(plan.head.sql.find("(\"name\", \"id\", \"primary_genre\", \"shardplex_slot\")") != std::string::npos);
  const Slot first = listed_slot(1000, "Drama"), second = listed_slot(1001, std::nullopt);
  CHECK(Params(plan.head.params.begin() + 1, plan.head.params.end()) ==
        Params{"{\"1000\",\"1001\"}", "{\"Drama\",NULL}",
               '{' + ('"' + std::to_string(first.value) + "\",\"" + std::to_string(second.value)) + "\"}"});
  CHECK(plan.slots->contains(first));
  CHECK(plan.slots->contains(second));
  CHECK(listed.insert(R"({"name":"no genre"})").value().slots->contains(listed_slot(1000, std::nullopt)));
}

TEST_CASE("under list a client cannot choose the key") {
  const Error error = error_of(listed.insert(R"({"id":5,"name":"a"})"));
  CHECK(error.code == "SHARD400");
  CHECK(error.hint->find("Leave id out") != std::string::npos);
  CHECK(listed.insert(R"({"id":null,"name":"a"})").has_value());
}

TEST_CASE("an identity key that is generated always is handed out, and nobody else may say it") {
  Subject subject = hashed;
  Column& id = subject.table.columns[0];
  id.has_default = id.generated = id.identity_always = true;
  const auto plan = subject.insert(R"({"name":"a"})").value();
  CHECK(plan.head.sql.find("\"shardplex_slot\") OVERRIDING SYSTEM VALUE SELECT r.* FROM") !=
        std::string::npos);
  CHECK(hashed.insert(R"({"name":"a"})").value().head.sql.find("OVERRIDING") == std::string::npos);
  const std::string detail = "Column \"id\" is an identity column defined as GENERATED ALWAYS.";
  for (const auto& error :
       {error_of(subject.insert(R"({"id":5,"name":"a"})")), error_of(subject.insert(R"([{"id":null}])")),
        error_of(subject.insert(R"({"name":"a"})", "columns=id,name")),
        error_of(subject.put("id=eq.5", R"({"id":5,"name":"a"})"))}) {
    CHECK(error.code == "428C9");
    CHECK(error.message == "cannot insert a non-DEFAULT value into column \"id\"");
    CHECK(error.details == detail);
    CHECK(error.hint == "Use OVERRIDING SYSTEM VALUE to override.");
  }
  for (const auto* body : {R"({"id":5})", R"({"id":6,"votes":1})"}) {
    const auto error = error_of(subject.update("id=eq.5", body));
    CHECK(error.code == "428C9");
    CHECK(error.message == "column \"id\" can only be updated to DEFAULT");
    CHECK(error.details == detail);
    CHECK_FALSE(error.hint.has_value());
  }
  CHECK(subject.update("id=eq.5", R"({"votes":1})").has_value());
}

TEST_CASE("under list a default of the list column is nothing the router can know") {
  Subject subject = listed;
  subject.table.columns[3].has_default = true;
  CHECK(error_of(subject.insert(R"({"name":"a"})")).hint == "Say primary_genre in the body.");
  CHECK(subject.insert(R"({"primary_genre":null})").has_value());
  CHECK(error_of(subject.put("id=eq.5", R"({"name":"a"})")).code == "SHARD400");
}

TEST_CASE("an enum can be the list column") {
  ListStrategy strategy = by_genre();
  strategy.column = "mpaa";
  strategy.lists = {{"PG", slots(0, 9)}};
  const Subject subject{ShardMap("movies", three_shards(), {{"by_mpaa", 1024, strategy, thirds(1024)}},
                                 {{"movies", false, GroupId{0}, "id"}}, {}),
                        movies()};
  const auto plan = subject.insert(R"({"mpaa":"PG"})").value();
  CHECK(plan.head.sql.find("unnest($2::\"public\".\"mpaa\"[])") != std::string::npos);
  plan.slots->for_each([](Slot slot) { CHECK(slot.value <= 9); });
  Subject with_new_label = subject;
  for (Column& column : with_new_label.table.columns)
    if (column.name == "mpaa") column.unplaced_labels = {"R"};
  CHECK(with_new_label.insert(R"({"mpaa":"PG"})").has_value());
  CHECK(error_of(with_new_label.insert(R"({"mpaa":"R"})")).hint == "Run shardplex cluster init.");
}

TEST_CASE("a reference table is written as it is, by every shard") {
  const auto plan = reference.insert(R"({"name":"Drama"})").value();
  CHECK_FALSE(plan.slots);
  CHECK(plan.group == "");
  CHECK(plan.statement(std::nullopt, false).sql ==
        "INSERT INTO \"public\".\"genres\" AS \"genres\" (\"name\") SELECT r.* FROM ROWS FROM "
        "(json_to_recordset($1::json) AS (\"name\" text)) AS r");
  CHECK(sql_of(reference.insert("[{},{}]")) ==
        Statement{"INSERT INTO \"public\".\"genres\" AS \"genres\" SELECT FROM generate_series(1, $1::int8)",
                  {"2"}});
  CHECK_FALSE(reference.remove("name=eq.x").value().slots);
  CHECK_FALSE(reference.update("name=eq.x", R"({"note":"y"})").value().slots);
}

// ---- What comes back.

TEST_CASE("an insert answers nothing, its keys or its rows in body order") {
  CHECK(reference.insert("{}").value().tail == "");
  const auto keys = rated.insert(R"({"movie_id":5,"user_id":1})", "", headers_only).value();
  CHECK(keys.returns == WritePlan::Returns::primary_key);
  CHECK(keys.tail ==
        " RETURNING \"ratings\".\"movie_id\"::text AS k0, \"ratings\".\"user_id\"::text AS k1, " +
            check("\"ratings\".\"movie_id\" = ($2::\"pg_catalog\".\"int8\"[])[1] AND "
                  "\"ratings\".\"shardplex_slot\" = ($3::int4[])[1]",
                  "ratings"));
  const auto rows = hashed.insert("{}", "select=name,data->x", representation).value();
  CHECK(rows.returns == WritePlan::Returns::representation);
  CHECK(rows.head.sql.starts_with("WITH w AS (INSERT INTO "));
  CHECK(rows.tail == " RETURNING \"movies\".\"name\" AS c0, (\"movies\".\"data\"->$3::text) AS c1, " +
                         check("\"movies\".\"id\" = ($1::\"pg_catalog\".\"int8\"[])[1] AND "
                               "\"movies\".\"shardplex_slot\" = ($2::int4[])[1]") +
                         ") SELECT row_to_json(r.*)::text "
                         "FROM w q CROSS JOIN LATERAL (SELECT q.c0 AS \"name\", q.c1 AS \"x\") r");
  CHECK(rows.head.params.back() == "x");
}

TEST_CASE("written rows come in the format that was asked for") {
  const auto of = [](RowFormat format) {
    return plan_delete(hashed.query("id=eq.5&select=id,b:name"), representation, hashed.routed(), {}, format)
        .value();
  };
  CHECK(of(RowFormat::json).tail.find(") SELECT row_to_json(r.*)::text FROM w q") != std::string::npos);
  CHECK(of(RowFormat::json).header == "");
  CHECK(
      of(RowFormat::stripped_json).tail.find(") SELECT json_strip_nulls(row_to_json(r.*))::text FROM w q") !=
      std::string::npos);
  CHECK(of(RowFormat::csv).tail.find(") SELECT left(substr((r.*)::text, 2), -1) FROM w q") !=
        std::string::npos);
  CHECK(of(RowFormat::csv).header == "id,b");
  CHECK(plan_delete(hashed.query("id=eq.5&select=id,b:name"), representation, hashed.routed(), {},
                    RowFormat::feature)
            .error()
            .code == "22023");  // a film has no geometry
}

TEST_CASE("changed rows come ordered by primary key") {
  const auto plan = rated.remove("score=eq.1&select=score", representation).value();
  CHECK(
      plan.statement(std::nullopt, false).sql ==
      "WITH w AS (DELETE FROM \"public\".\"ratings\" AS \"ratings\" WHERE \"ratings\".\"score\" = $1 "
      "RETURNING "
      "\"ratings\".\"score\" AS c0, \"ratings\".\"movie_id\" AS k0, \"ratings\".\"user_id\" AS k1) SELECT "
      "row_to_json(r.*)::text FROM w q CROSS JOIN LATERAL (SELECT q.c0 AS \"score\") r ORDER BY q.k0, q.k1");
  CHECK(hashed.update("id=eq.5", R"({"votes":1})", headers_only).value().returns ==
        WritePlan::Returns::nothing);
  CHECK(error_of(hashed.remove("id=eq.5&select=foo", representation)).code == "42703");
}

// ---- PATCH.

TEST_CASE("an update reads its values out of the body once and chooses rows by the filters") {
  const std::string body = R"({"name":"x","votes":3})";
  const auto plan = hashed.update("id=eq.5&name=like.a*", body).value();
  CHECK(plan.statement(std::nullopt, false) ==
        Statement{"WITH w AS (UPDATE \"public\".\"movies\" AS \"movies\" SET (\"name\", \"votes\") = (SELECT "
                  "j.* FROM "
                  "ROWS FROM (json_to_recordset($3::json) AS (\"name\" text, \"votes\" integer)) AS j) WHERE "
                  "\"movies\".\"id\" = $1 AND \"movies\".\"name\" LIKE $2 RETURNING " +
                      check("\"movies\".\"id\" = $4 AND \"movies\".\"shardplex_slot\" = $5::int4") +
                      ") SELECT count(*) FROM w q",
                  {"5", "a%", '[' + body + ']', "5", std::to_string(slot_of_id(5).value)}});
  CHECK(plan.reports_count);
  CHECK(plan.slots->size() == 1);
  CHECK_FALSE(plan.locate);
  CHECK_FALSE(plan.new_slot);
  CHECK(hashed.update("name=eq.x", body).value().slots->is_all());
}

TEST_CASE("a write is limited to a slot or to owned slots when it is told so") {
  const auto plan = hashed.remove("name=eq.x").value();
  const Statement pinned = plan.statement(Slot{9}, false);
  CHECK(pinned.sql.ends_with("WHERE \"movies\".\"name\" = $1 AND \"movies\".\"shardplex_slot\" = $2"));
  CHECK(pinned.params == Params{"x", "9"});
  CHECK(plan.statement(std::nullopt, true).sql.find("$1 AND \"movies\".\"shardplex_slot\" IN (SELECT") !=
        std::string::npos);
  CHECK(hashed.remove("").value().statement(Slot{9}, false).sql ==
        "DELETE FROM \"public\".\"movies\" AS \"movies\" WHERE \"movies\".\"shardplex_slot\" = $1");
  const auto insert = hashed.insert("{}").value();
  CHECK(insert.statement(Slot{9}, true) == insert.statement(std::nullopt, false));
}

TEST_CASE("row bounds are checked by the statement itself, also where it touches no row") {
  const auto plan = plan_delete(hashed.query("id=eq.5"), minimal, hashed.routed(), {1, 1}).value();
  CHECK(
      plan.statement(Slot{7}, false) ==
      Statement{"WITH w AS (DELETE FROM \"public\".\"movies\" AS \"movies\" WHERE \"movies\".\"id\" = $1 AND "
                "\"movies\".\"shardplex_slot\" = $4 RETURNING 1) SELECT  FROM w q WHERE (SELECT "
                "shardplex.check_rows(count(*), $2::int8, $3::int8) FROM w)",
                {"5", "1", "1", "7"}});
  const auto unbounded = plan_update(hashed.query("id=eq.5&select=id"), R"({"name":"x"})", representation,
                                     hashed.routed(), {2, {}})
                             .value()
                             .statement(std::nullopt, false);
  CHECK(unbounded.sql.ends_with(
      " r WHERE (SELECT shardplex.check_rows(count(*), $5::int8, $6::int8) FROM w) ORDER BY q.k0"));
  CHECK(unbounded.params.back() == std::nullopt);
}

TEST_CASE("a parameter of RETURNING keeps its number when a slot is pinned") {
  const auto plan = hashed.remove("name=eq.x&select=data->a", representation).value();
  const Statement pinned = plan.statement(Slot{9}, false);
  CHECK(pinned.params == Params{"x", "a", "9"});
  CHECK(pinned.sql.find("\"shardplex_slot\" = $3 RETURNING (\"movies\".\"data\"->$2::text)") !=
        std::string::npos);
}

TEST_CASE("an empty body changes nothing") {
  for (const std::string body : {"{}", "[]", "[{}]"}) {
    CAPTURE(body);
    CHECK(hashed.update("id=gt.5", body).value().slots->empty());
    const auto plan = reference.update("name=eq.x", body, representation).value();
    CHECK_FALSE(plan.slots);
    CHECK(plan.statement(std::nullopt, false) == Statement{"SELECT WHERE false", {}});
  }
  CHECK(error_of(hashed.update("foo=eq.5", "{}")).code == "42703");
}

TEST_CASE("an update has one object for a body") {
  CHECK(error_of(hashed.update("id=eq.5", R"([{"votes":1},{"votes":2}])")).code == "PGRST102");
  CHECK(sql_of(hashed.update("id=eq.5", R"([{"votes":1}])")).params[1] == R"([{"votes":1}])");
}

TEST_CASE("a key may be set to what it is, and to nothing else") {
  const auto plan = hashed.update("id=eq.05", R"({"id":5,"votes":1})").value();
  CHECK(plan.head.sql.ends_with("AS j), \"id\" = $3"));
  CHECK(plan.head.params[2] == "5");
  CHECK(sql_of(hashed.update("id=eq.5", R"({"id":"5"})")) ==
        Statement{
            "WITH w AS (UPDATE \"public\".\"movies\" AS \"movies\" SET \"id\" = $2 WHERE \"movies\".\"id\" = "
            "$1 RETURNING " +
                check("\"movies\".\"id\" = $3 AND \"movies\".\"shardplex_slot\" = $4::int4") +
                ") SELECT count(*) FROM w q",
            {"5", "5", "5", std::to_string(slot_of_id(5).value)}});
  CHECK(error_of(hashed.update("id=eq.5", R"({"id":6})")).code == "SHARD400");
  CHECK(error_of(hashed.update("id=eq.5", R"({"id":null})")).code == "SHARD400");
  CHECK(error_of(hashed.update("id=in.(5)", R"({"id":5})")).code == "SHARD400");
  CHECK(error_of(hashed.update("name=eq.x", R"({"id":5})")).code == "SHARD400");
  CHECK(error_of(hashed.update("id=eq.5", R"({"id":5.0})")).code == "22P02");
  CHECK(error_of(listed.update("id=eq.5", R"({"id":6})")).code == "SHARD400");
}

TEST_CASE("PATCH and DELETE do not page") {
  for (const std::string paging : {"limit=1", "offset=1", "order=name&limit=2"}) {
    CAPTURE(paging);
    CHECK(error_of(hashed.update("id=gt.5&" + paging, R"({"votes":1})")).code == "SHARD400");
    CHECK(error_of(hashed.remove("id=gt.5&" + paging)).code == "SHARD400");
  }
}

TEST_CASE("returned rows come in the order that is asked for") {
  Preferences returning;
  returning.returning = ReturnKind::representation;
  const auto tail_of = [](const Result<WritePlan>& plan) {
    return plan.value().tail.substr(plan.value().tail.find(" ORDER BY "));
  };
  CHECK(tail_of(hashed.update("id=eq.5&order=name.desc,data->>a.nullsfirst", R"({"votes":1})", returning)) ==
        " ORDER BY q.o0 DESC NULLS FIRST, q.o1 ASC NULLS FIRST, q.k0");
  CHECK(tail_of(hashed.remove("id=eq.5&order=name", returning)) == " ORDER BY q.o0 ASC NULLS LAST, q.k0");
  CHECK(tail_of(hashed.insert(R"([{"id":5,"name":"a"},{"id":4,"name":"a"}])", "order=name", returning)) ==
        " ORDER BY q.o0 ASC NULLS LAST, q.k0");
  CHECK(hashed.insert(R"({"id":5,"name":"a"})", "", returning).value().tail.find("ORDER BY") ==
        std::string::npos);
  CHECK(error_of(hashed.update("id=eq.5&order=nothing", R"({"votes":1})", returning)).code == "42703");
}

TEST_CASE("under list a row named by its key alone is located first") {
  const auto plan = listed.update("id=eq.5&name=eq.x", R"({"votes":1})").value();
  CHECK(plan.slots->size() == 4);
  REQUIRE(plan.locate);
  CHECK(*plan.locate ==
        Statement{
            "SELECT DISTINCT \"movies\".\"shardplex_slot\"::int4 FROM \"public\".\"movies\" AS \"movies\" "
            "WHERE "
            "shardplex.check_epoch($1::bigint) AND \"movies\".\"id\" = $2 AND \"movies\".\"name\" = $3 AND "
            "\"movies\".\"shardplex_slot\" IN (SELECT s.slot FROM shardplex.slots s WHERE s.grp = 'by_genre' "
            "AND s.state IN ('owned', 'fenced'))",
            {std::nullopt, "5", "x"}});
  CHECK(listed.remove("id=eq.5").value().locate);
  CHECK_FALSE(listed.update("id=eq.5&primary_genre=eq.Drama", R"({"votes":1})").value().locate);
  CHECK_FALSE(listed.remove("primary_genre=eq.Drama").value().locate);
  CHECK_FALSE(listed.remove("id=gt.5").value().locate);
}

TEST_CASE("a change of list needs the key and sets the slot with it") {
  const auto plan = listed.update("id=eq.5", R"({"primary_genre":"Horror","votes":1})").value();
  CHECK(plan.new_slot == listed_slot(5, "Horror"));
  CHECK(plan.head.sql.ends_with("AS j), \"primary_genre\" = $3, \"shardplex_slot\" = $4"));
  CHECK(Params(plan.head.params.begin() + 2, plan.head.params.end()) ==
        Params{"Horror", std::to_string(plan.new_slot->value), "5", std::to_string(plan.new_slot->value),
               "Horror"});
  CHECK(plan.placed ==
        "\"movies\".\"id\" = $5 AND \"movies\".\"shardplex_slot\" = $6::int4 AND "
        "\"movies\".\"primary_genre\" IS NOT DISTINCT FROM $7");
  CHECK(listed.update("id=eq.5", R"({"primary_genre":null})").value().new_slot ==
        listed_slot(5, std::nullopt));
  CHECK(error_of(listed.update("name=eq.x", R"({"primary_genre":"Horror"})")).code == "SHARD400");
  CHECK(error_of(listed.update("primary_genre=eq.Drama", R"({"primary_genre":"Horror"})")).code ==
        "SHARD400");
  const auto same = listed.update("primary_genre=eq.Drama", R"({"primary_genre":"Drama"})").value();
  CHECK_FALSE(same.new_slot);
  CHECK(same.head.sql.find("SET \"shardplex_slot\" = CASE WHEN set_config(") != std::string::npos);
  CHECK(same.head.sql.ends_with(", \"primary_genre\" = $2"));
}

TEST_CASE("rows of several are each held to the key, list and slot of one of them") {
  CHECK(hashed.insert("[{},{}]").value().placed ==
        "(\"movies\".\"id\", \"movies\".\"shardplex_slot\") IN (SELECT g.g0, g.g1 FROM "
        "unnest($1::\"pg_catalog\".\"int8\"[], $2::int4[]) AS g(g0, g1))");
  CHECK(listed.insert("[{},{}]").value().placed ==
        "(\"movies\".\"id\", coalesce('+' || \"movies\".\"primary_genre\"::text, '-'), "
        "\"movies\".\"shardplex_slot\") IN (SELECT g.g0, coalesce('+' || g.g1::text, '-'), g.g2 FROM "
        "unnest($1::\"pg_catalog\".\"int8\"[], $2::\"pg_catalog\".\"text\"[], $3::int4[]) AS g(g0, g1, g2))");
  CHECK(
      listed.insert("{}").value().placed ==
      "\"movies\".\"id\" = ($1::\"pg_catalog\".\"int8\"[])[1] AND \"movies\".\"primary_genre\" IS NOT "
      "DISTINCT FROM ($2::\"pg_catalog\".\"text\"[])[1] AND \"movies\".\"shardplex_slot\" = ($3::int4[])[1]");
  CHECK(reference.insert("[{},{}]").value().placed.empty());
  CHECK(hashed.remove("id=eq.5").value().placed.empty());
}

TEST_CASE("changed rows that are not named by their key are held to where they were when they were changed") {
  const auto check = [](const WritePlan& plan, const std::string& place) {
    CHECK(plan.head.sql.ends_with("AS j WHERE set_config('shardplex.place', " + place +
                                  ", true) IS NOT NULL)"));
    CHECK(plan.placed == "current_setting('shardplex.place', true) = " + place);
  };
  check(hashed.update("name=eq.x", R"({"votes":1})").value(),
        "ROW(\"movies\".\"id\", \"movies\".\"shardplex_slot\")::text");
  check(listed.update("id=eq.5", R"({"votes":1})").value(),
        "ROW(\"movies\".\"id\", \"movies\".\"primary_genre\", \"movies\".\"shardplex_slot\")::text");
  CHECK(hashed.update("id=eq.5", R"({"votes":1})").value().head.sql.find("set_config") == std::string::npos);
}

// ---- PUT.

TEST_CASE("a put creates the row or replaces all of it") {
  const auto plan =
      rated.put("movie_id=eq.5&user_id=eq.1", R"({"movie_id":5,"user_id":"1","score":3})").value();
  CHECK(plan.reports_created);
  CHECK(plan.slots->contains(slot_of_id(5)));
  CHECK(
      plan.statement(std::nullopt, true) ==
      Statement{"INSERT INTO \"public\".\"ratings\" AS \"ratings\" (\"score\", \"movie_id\", \"user_id\", "
                "\"shardplex_slot\") SELECT r.* FROM ROWS FROM (json_to_recordset($1::json) AS (\"score\" "
                "integer), "
                "unnest($2::\"pg_catalog\".\"int8\"[]), unnest($3::\"pg_catalog\".\"int4\"[]), "
                "unnest($4::int4[])) AS r ON CONFLICT (\"movie_id\", \"user_id\") DO UPDATE SET \"score\" = "
                "EXCLUDED.\"score\" WHERE set_config('shardplex.replaced', 'yes', true) = 'yes' RETURNING " +
                    check("\"ratings\".\"movie_id\" = ($2::\"pg_catalog\".\"int8\"[])[1] AND "
                          "\"ratings\".\"shardplex_slot\" = ($4::int4[])[1]",
                          "ratings") +
                    ", (current_setting('shardplex.replaced', true) IS DISTINCT FROM 'yes') AS created",
                {R"([{"movie_id":5,"user_id":"1","score":3}])", "{\"5\"}", "{\"1\"}", slots_of_ids({5})}});
}

TEST_CASE("a put sets every column that is not the key's, generated ones aside") {
  Subject subject = hashed;
  subject.table.columns[10].generated = true;  // title_de
  const auto sql = sql_of(subject.put("id=eq.5", R"({"name":"x"})")).sql;
  const auto begin = sql.find("DO UPDATE SET ");
  const auto assignments = sql.substr(begin, sql.find(" RETURNING ") - begin);
  CHECK(assignments.find("\"votes\" = EXCLUDED.\"votes\"") != std::string::npos);
  CHECK(assignments.find("\"title_de\"") == std::string::npos);
  CHECK(assignments.find("\"id\"") == std::string::npos);
}

TEST_CASE("a put reports last whether it created the row") {
  const auto plan = hashed.put("id=eq.5", R"({"name":"x"})", representation).value();
  CHECK(plan.tail.find(
            " IS DISTINCT FROM 'yes') AS created) SELECT row_to_json(r.*)::text, q.created FROM w q") !=
        std::string::npos);
  CHECK(plan.tail.find("ORDER BY") == std::string::npos);
}

TEST_CASE("a put of nothing but a key still answers the row") {
  Subject subject = reference;
  subject.table.columns.pop_back();
  CHECK(sql_of(subject.put("name=eq.x", "{}")).sql.find("SET \"name\" = EXCLUDED.\"name\" WHERE") !=
        std::string::npos);
}

TEST_CASE("a put names exactly the primary key") {
  for (const std::string filters : {"", "name=eq.x", "id=gt.5", "id=eq.5&name=eq.x", "id=eq.5&id=eq.5",
                                    "id=in.(5)", "id=not.eq.5", "or=(id.eq.5,id.eq.6)"}) {
    CAPTURE(filters);
    CHECK(error_of(hashed.put(filters, R"({"id":5})")).code == "PGRST105");
  }
  CHECK(error_of(rated.put("movie_id=eq.5", R"({"movie_id":5})")).code == "PGRST105");
}

TEST_CASE("a put's body agrees with its key, or leaves it out") {
  CHECK(hashed.put("id=eq.05", R"({"id":"5"})").has_value());
  CHECK(hashed.put("id=eq.5", R"({"name":"x"})").has_value());
  for (const std::string body :
       {R"({"id":6})", R"({"id":null})", R"({"id":5.0})", R"({"id":[5]})", "[]", R"([{"id":5},{"id":5}])"}) {
    CAPTURE(body);
    CHECK(error_of(hashed.put("id=eq.5", body)).code == "PGRST115");
  }
  CHECK(error_of(hashed.put("id=eq.five", "{}")).code == "22P02");
}

TEST_CASE("a put does not page") {
  CHECK(error_of(hashed.put("id=eq.5&limit=1", "{}")).code == "PGRST114");
  CHECK(error_of(hashed.put("id=eq.5&offset=1", "{}")).code == "PGRST114");
}

TEST_CASE("under list a put replaces the row where it is located and creates none") {
  const auto plan = listed.put("id=eq.5", R"({"id":5,"name":"x","primary_genre":"Drama"})").value();
  REQUIRE(plan.locate);
  REQUIRE(plan.not_located);
  CHECK(plan.not_located->code == "SHARD400");
  CHECK(plan.new_slot == listed_slot(5, "Drama"));
  const Statement statement = plan.statement(Slot{9}, false);
  CHECK(statement.sql.starts_with(
      "UPDATE \"public\".\"movies\" AS \"movies\" SET (\"name\") = (SELECT j.* FROM "));
  CHECK(statement.sql.find("AS j), \"primary_genre\" = $3, \"shardplex_slot\" = $4, \"genre\" = DEFAULT, "
                           "\"imdb_score\" = DEFAULT") != std::string::npos);
  CHECK(statement.sql.find("\"id\" = DEFAULT") == std::string::npos);
  CHECK(statement.sql.ends_with(
      "WHERE \"movies\".\"id\" = $1 AND \"movies\".\"shardplex_slot\" = $8 RETURNING " +
      check("\"movies\".\"id\" = $5 AND \"movies\".\"shardplex_slot\" = $6::int4 AND "
            "\"movies\".\"primary_genre\" IS NOT DISTINCT FROM $7") +
      ", false AS created"));
  CHECK(listed.put("id=eq.5", R"({"name":"x"})").value().new_slot == listed_slot(5, std::nullopt));
}

TEST_CASE("under list a primary key that decides the slot is put as under hash") {
  Subject subject = listed;
  subject.table.primary_key = {"primary_genre", "id"};
  const auto plan = subject.put("primary_genre=eq.Drama&id=eq.5", R"({"name":"x"})").value();
  CHECK_FALSE(plan.locate);
  CHECK(plan.slots->size() == 1);
  CHECK(plan.slots->contains(listed_slot(5, "Drama")));
  CHECK(plan.head.sql.find("ON CONFLICT (\"primary_genre\", \"id\")") != std::string::npos);
}

TEST_CASE("a primary key without the shard key cannot be put") {
  Subject subject = rated;
  subject.table.primary_key = {"user_id"};
  CHECK(error_of(subject.put("user_id=eq.1", R"({"movie_id":5})")).code == "SHARD400");
}

TEST_CASE("rows without a primary key are inserted, changed and removed, and none is put") {
  Subject keyless{hash_map(), movies()};
  keyless.table.primary_key.clear();
  CHECK(keyless.insert(R"({"name":"a"})").error().code == "23502");
  const auto inserted = keyless.insert(R"({"id":1,"name":"a"})", "", headers_only);
  REQUIRE(inserted.has_value());
  CHECK(inserted->returns == WritePlan::Returns::nothing);
  CHECK(keyless.insert(R"({"id":1,"name":"a"})", "", representation).has_value());
  CHECK(keyless.update("id=eq.1", R"({"name":"b"})", representation).has_value());
  CHECK(keyless.remove("id=eq.1").has_value());
  for (const char* named : {"", "id=eq.1"}) {
    CHECK(keyless.put(named, R"({"id":1,"name":"a"})").error().code == "PGRST105");
  }
  // Under list no row is taken for another by its key, so clients may choose it.
  Subject listed{list_map(), movies()};
  CHECK(listed.insert(R"({"id":1,"name":"a","primary_genre":"Drama"})").error().code == "SHARD400");
  listed.table.primary_key.clear();
  CHECK(listed.insert(R"({"id":1,"name":"a","primary_genre":"Drama"})").has_value());
}

TEST_CASE("written rows show computed columns and are chosen by them, and none can be written") {
  Subject labelled = hashed;
  labelled.table.computed = {computed(column("label", "text", "text"))};
  const std::string label = "\"public\".\"label\"(\"movies\".*)";
  const auto has = [](const std::string& sql, const std::string& part) {
    return sql.find(part) != std::string::npos;
  };
  CHECK(has(labelled.insert("{}", "select=label", representation).value().tail,
            " RETURNING " + label + " AS c0"));
  const auto changed =
      labelled.update("label=eq.x&select=label&order=label", R"({"votes":1})", representation);
  CHECK(has(changed.value().where, label + " = $1"));
  CHECK(has(changed.value().tail, label + " AS c0, " + label + " AS o0"));
  CHECK(has(labelled.remove("label=eq.x").value().where, label + " = $1"));
  for (const auto& error :
       {labelled.insert(R"({"label":"x"})").error(), labelled.insert("[]", "columns=label").error(),
        labelled.update("id=eq.5", R"({"label":"x"})").error(),
        labelled.put("id=eq.5", R"({"label":"x"})").error()})
    CHECK(error.code == "PGRST204");
}

// ---- Keys of types whose equal values have several texts.

TEST_CASE("a boolean key is stored in words that PostgreSQL prints") {
  const Subject subject = with_key_column(column("id", "boolean", "bool"));
  CHECK(sql_of(subject.insert(R"([{"id":true},{"id":"off"}])")).params[0] == R"({"true","false"})");
  const auto error = error_of(subject.insert(R"({"id":"maybe"})"));
  CHECK(error.code == "22P02");
  CHECK(error.message == "invalid input syntax for type boolean: \"maybe\"");
  CHECK(error_of(subject.update("id=eq.maybe", R"({"name":"x"})")).code == "22P02");
  CHECK(subject.update("id=eq.t", R"({"id":"yes","name":"x"})").has_value());
  CHECK(subject.put("id=eq.t", R"({"id":true})").has_value());
  CHECK(error_of(subject.put("id=eq.t", R"({"id":false})")).code == "PGRST115");
}

TEST_CASE("a numeric key is stored as it is spelled, in the slot of its value") {
  const Subject subject = with_key_column(column("id", "numeric", "numeric"));
  const auto plan = subject.insert(R"({"id":42.00})").value();
  CHECK(plan.head.params[0] == R"({"42.00"})");
  CHECK(plan.slots->contains(slot_of_id(42)));
  CHECK(subject.insert(R"({"id":"4.2e1"})").value().slots->contains(slot_of_id(42)));
  const auto error = error_of(subject.insert(R"({"id":"1,5"})"));
  CHECK(error.code == "22P02");
  CHECK(error.message == "invalid input syntax for type numeric: \"1,5\"");

  const auto changed = subject.update("id=eq.42", R"({"id":"42.0"})").value();
  CHECK(changed.head.sql.find("SET \"id\" = $2") != std::string::npos);
  CHECK(changed.head.params[1] == "42.0");
  CHECK(error_of(subject.update("id=eq.42", R"({"id":42.01})")).code == "SHARD400");
  CHECK(sql_of(subject.put("id=eq.42", R"({"id":42.0})")).params[0] == R"({"42.0"})");
  CHECK(error_of(subject.put("id=eq.42", R"({"id":43})")).code == "PGRST115");
}

TEST_CASE("a key of numeric(p, s) is rounded before it has a slot") {
  const Subject subject = with_key_column(column("id", "numeric(10,2)", "numeric"));
  const auto rounds = subject.insert(R"({"id":41.999})").value();
  CHECK(rounds.head.params[0] == R"({"42"})");
  CHECK(rounds.slots->contains(slot_of_id(42)));
  CHECK(subject.insert(R"({"id":1.005})").value().head.params[0] == R"({"101e-2"})");
  CHECK(subject.insert(R"({"id":1.50})").value().head.params[0] == R"({"1.50"})");
  CHECK(is_cut("numeric(10,2)", "1.005"));
  CHECK_FALSE(is_cut("numeric(10,2)", "1.0050e3"));
  CHECK(is_cut("numeric(5,0)", "0.5"));
  CHECK(is_cut("numeric(3,-2)", "12345"));
  CHECK_FALSE(is_cut("numeric", "1.005"));
  CHECK_FALSE(is_cut("numeric(10,2)", "NaN"));
}

TEST_CASE("a key of citext keeps its letters, and lies where it does in small ones") {
  const Subject subject = with_key_column(citext("id"));
  const auto plan = subject.insert(R"({"id":"Me@Example.org"})").value();
  CHECK(plan.head.params[0] == R"({"Me@Example.org"})");
  CHECK(plan.head.sql.find("::\"extensions\".\"citext\"[])") != std::string::npos);
  CHECK(plan.slots->contains(slot_of("me@example.org", 1024)));
  CHECK(subject.update("id=eq.ME@EXAMPLE.ORG", R"({"id":"me@example.org"})").value().head.params[1] ==
        "me@example.org");
  CHECK(error_of(subject.update("id=eq.me", R"({"id":"you"})")).code == "SHARD400");
  CHECK(subject.put("id=eq.ME", R"({"id":"me"})").has_value());
  for (const auto& error : {error_of(subject.insert(R"({"id":"J\u00fcrgen"})")),
                            error_of(subject.put("id=eq.J%C3%BCrgen", R"({"name":"x"})"))}) {
    CHECK(error.code == "SHARD400");
    CHECK(error.details->find("has other characters than those of ASCII") != std::string::npos);
  }
}

TEST_CASE("a key may be spelled anew by a change, and the row is where it was") {
  const auto under_list = [](const Column& key) {
    Subject subject = listed;
    subject.table.columns[0] = key;
    return subject;
  };
  const auto place = [](const std::string& key) {
    return "current_setting('shardplex.place', true) = ROW(" + key +
           ", \"movies\".\"primary_genre\", \"movies\".\"shardplex_slot\")::text";
  };
  const Subject numbers = under_list(column("id", "numeric", "numeric")), letters = under_list(citext("id"));
  CHECK(numbers.update("id=eq.1.5", R"({"id":1.50})").value().placed ==
        place("pg_catalog.trim_scale(\"movies\".\"id\")"));
  CHECK(letters.update("id=eq.me", R"({"id":"ME"})").value().placed ==
        place("pg_catalog.lower(\"movies\".\"id\"::text)"));
  // Under hash the value is sure, and is named as it is spelled then.
  const auto changed = with_key_column(citext("id")).update("id=eq.me", R"({"id":"ME"})").value();
  CHECK(changed.placed == "\"movies\".\"id\" = $3 AND \"movies\".\"shardplex_slot\" = $4::int4");
  CHECK(changed.head.params[2] == "ME");
}

TEST_CASE("a key that is an enum has a label by which rows are placed") {
  Column mood = rating_enum("id");
  mood.unplaced_labels = {"R"};
  const Subject subject = with_key_column(mood);
  CHECK(subject.insert(R"({"id":"PG"})").value().slots->contains(slot_of("PG", 1024)));
  const auto unknown = error_of(subject.insert(R"({"id":"X"})"));
  CHECK(unknown.code == "22P02");
  CHECK(unknown.message == "invalid input value for enum mpaa: \"X\"");
  const auto added = error_of(subject.insert(R"({"id":"R"})"));
  CHECK(added.code == "SHARD400");
  CHECK(added.hint == "Run shardplex cluster init.");
  CHECK(error_of(subject.put("id=eq.R", "{}")).code == "SHARD400");
  CHECK(error_of(subject.remove("id=eq.X")).code == "22P02");
  CHECK(subject.remove("id=eq.PG").has_value());
}
