#include "tests/integration/sample_rows.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <set>

namespace shardplex::integration {
namespace {

constexpr std::size_t movie_count = 400, rating_count = 700;

const std::vector<std::string> texts{"",
                                     " ",
                                     "a",
                                     "A",
                                     "B",
                                     "b",
                                     "The Shard",
                                     "the shard",
                                     "Léon",
                                     "Le\u0301on",
                                     "日本語",
                                     "ﬁne",
                                     "\U0001F600 smile",
                                     "\uFFFD",
                                     "ß",
                                     "O'Brien",
                                     "back\\slash",
                                     "quote\"d",
                                     "comma, brace}",
                                     "{curly}",
                                     "(paren)",
                                     "a.b.c",
                                     "100%",
                                     "under_score",
                                     "star*",
                                     "null",
                                     "NULL",
                                     "300",
                                     "tab\tbed",
                                     "new\nline",
                                     "plus+plus",
                                     "a&b=c;d",
                                     "#hash?query",
                                     "eq.5",
                                     "trailing ",
                                     " leading",
                                     "\x01\x7f"};

const std::vector<std::string> words{"The Golden River", "A River of Gold", "Running from the rivers",
                                     "Golden Rules",     "the silent city", "Cities of silence"};

std::vector<std::string> with(std::vector<std::string> values, const std::vector<std::string>& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

/// 1 to 360 and some far from there.
std::vector<std::string> movie_ids() {
  std::vector<std::string> ids{"0",
                               "-1",
                               "-5",
                               "9007199254740991",
                               "9007199254740992",
                               "9007199254740993",
                               "9223372036854775807",
                               "-9223372036854775808"};
  for (std::size_t id = 1; ids.size() < movie_count; ++id) ids.push_back(std::to_string(id));
  return ids;
}

SampleTable make_movies_table() {
  const std::vector<std::string> amounts{"0", "1", "7500", "7500", "300000000", "9223372036854775807"};
  SampleTable table{
      "movies",
      {{"id", "bigint", Kind::number, movie_ids(), 0, false, true},
       {"name", "text", Kind::text, with(texts, words), 10},
       {"director", "text", Kind::text, {"Ada Almeida", "Boris Berg", "boris berg", "Åse", ""}, 25},
       {"genre",
        "text[]",
        Kind::array,
        {"{}", "{Drama}", "{Drama,Comedy}", "{\"a,b\",NULL,\"q\\\"\"}", "{NULL}"},
        0},
       {"primary_genre",
        "text",
        Kind::text,
        {"Drama", "Drama", "Drama", "Comedy", "Comedy", "Action", "Thriller/Suspense", "Western", "drama",
         "Unheard of", "", "Black Comedy"},
        15},
       {"imdb_score", "numeric(3,1)", Kind::number, {"0.0", "5.5", "5.5", "7.1", "9.9", "10.0"}},
       {"99popularity", "double precision", Kind::number, {"0", "33.3", "50", "50", "99.9", "1e-300"}},
       {"release_date",
        "date",
        Kind::moment,
        {"1998-06-12", "1998-06-12", "2000-02-29", "-infinity", "infinity", "0044-03-15 BC", "294276-12-31"}},
       {"mpaa_rating", "text", Kind::text, {"G", "PG", "PG-13", "R", "Not Rated"}},
       {"running_time_min", "integer", Kind::number, {"1", "90", "90", "120", "2147483647"}, 40},
       {"distributor", "text", Kind::text, {"Old Mill Pictures", "Parallel", "Blue Harbor"}},
       {"production_budget", "bigint", Kind::number, amounts},
       {"us_gross", "bigint", Kind::number, amounts},
       {"worldwide_gross", "bigint", Kind::number, amounts},
       {"imdb_votes", "integer", Kind::number, {"0", "20", "500", "500", "100000"}}},
      {"id"},
      "primary_genre"};
  std::vector<SampleColumn> added{
      {"price",
       "numeric",
       Kind::number,
       {"0", "0.00", "-0.1", "1.1", "1.10", "1.100", "12345678901234567890.123456789",
        "12345678901234567890.12345678900", "-12345678901234567890.1", "1e-30", "9999.9999", "10000", "NaN",
        "Infinity", "-Infinity"}},
      {"ratio",
       "double precision",
       Kind::number,
       {"0", "-0", "0.1", "1.5", "1e300", "-1e300", "5e-324", "NaN", "Infinity", "-Infinity"}},
      {"share", "real", Kind::number, {"0", "0.1", "16777217", "NaN", "Infinity", "-Infinity", "-1.5"}},
      {"small", "smallint", Kind::number, {"-32768", "-1", "0", "1", "1", "32767"}},
      {"seen_at",
       "timestamptz",
       Kind::moment,
       {"2024-02-29 12:34:56.789012+00", "2024-02-29 14:34:56.789012+02", "1999-12-31 23:59:59+00",
        "0044-03-15 00:00:00+00 BC", "infinity", "-infinity", "2024-02-29 12:34:56.78+00"}},
      {"local_at",
       "timestamp",
       Kind::moment,
       {"2024-02-29 12:34:56.789012", "1999-12-31 23:59:59", "infinity", "-infinity"}},
      {"at_time", "time", Kind::moment, {"00:00:00", "24:00:00", "12:34:56.789", "12:34:56.7890"}},
      {"at_zone", "timetz", Kind::moment, {"10:00:00+02", "08:00:00+00", "09:00:00+01", "10:00:00-08"}},
      {"lasts",
       "interval",
       Kind::moment,
       {"1 mon", "30 days", "720:00:00", "-1 days +24:00:00", "00:00:00", "1 year -5 days", "-100:00:00.5"}},
      {"mood", "mood", Kind::enumeration, {"zero", "alpha", "middle", "odd, \"quoted\""}},
      {"token",
       "uuid",
       Kind::uuid,
       {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12"}},
      {"seen", "boolean", Kind::boolean, {"true", "false"}, 30},
      {"image", "bytea", Kind::bytes, {"\\x", "\\x00", "\\x00ff", "\\xff", "\\x7f00"}},
      {"code", "character(6)", Kind::text, {"", "ab", "ab    ", "AB", "a", "abcdef", " ab", "é"}},
      {"label", "character varying(20)", Kind::text, {"", "x", "x ", "X", "xy"}},
      {"odd, \"name\".x", "text", Kind::text, {"odd", "even", ""}},
      {"größe", "integer", Kind::number, {"1", "2", "3"}},
      {"tags", "text[]", Kind::array, {"{}", "{a,b}", "{a,NULL}", "{\"\",\"b,c\"}", "{{a,b},{c,d}}"}},
      {"numbers", "integer[]", Kind::array, {"{}", "{1}", "{1,2,3}", "{NULL,5}", "{3,1}"}},
      {"ids",
       "bigint[]",
       Kind::array,
       {"{}", "{9223372036854775807,-9223372036854775808}", "[0:1]={1,2}", "{{{1},{2}},{{3},{4}}}"}},
      {"flags", "boolean[]", Kind::array, {"{}", "{t,f,NULL}", "{t}"}},
      {"tokens", "uuid[]", Kind::array, {"{}", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12,NULL}"}},
      {"labels", "character varying(5)[]", Kind::array, {"{}", "{\"a b\",\"\",\"\\\"\"}", "{é,NULL}"}},
      {"days", "date[]", Kind::array, {"{}", "{1998-06-12,infinity,NULL}"}},
      {"bounds", "int4range", Kind::range, {"empty", "[1,5)", "[5,10)", "(,3)", "[4,)", "[2,3]"}},
      {"extra",
       "jsonb",
       Kind::json,
       {R"({"a": 1})", R"({"a": "1", "b": {"c": [1, 2, {"d": null}]}})", R"({"b": {"c": []}, "a": 10.50})",
        R"({"odd key": "x", "a": null})", "[1, 2, 3]", "\"text\"", "null", R"({"a": "Z", "n": 2})",
        R"({"a": "é", "n": 10})"}},
      {"raw", "json", Kind::written_json, {R"({"a" : 1, "a": 2})", "[ 1,2 ]", R"({"b":{"c":"x"}})"}},
      {"found", "tsvector", Kind::search, {"'golden':2 'river':3", "'citi':2", ""}},
  };
  static const std::set<std::string> of_many_looks{"price", "ratio", "lasts"};
  for (auto& column : added) {
    column.added = true;
    column.groups_one_way = !of_many_looks.contains(column.name);
    table.columns.push_back(std::move(column));
  }
  return table;
}

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

std::string make_row(const SampleTable& table, Random& random, std::size_t number) {
  std::string row = "{";
  for (const auto& column : table.columns) {
    if (row.size() > 1) row += ',';
    row += json_text(column.name) + ':';
    if (column.distinct) {
      row += json_text(column.values[number]);
    } else if (chance(random, static_cast<unsigned>(column.nulls))) {
      row += "null";
    } else {
      const auto& value = pick(random, column.values);
      const bool is_json = column.kind == Kind::json || column.kind == Kind::written_json;
      row += is_json ? value : json_text(value);
    }
  }
  return row + "}\n";
}

}  // namespace

const std::vector<std::string>& sample_texts() {
  return texts;
}

const SampleTable& sample_movies() {
  static const SampleTable table = make_movies_table();
  return table;
}

const SampleTable& sample_ratings() {
  static const SampleTable table{
      "ratings",
      {{"movie_id", "bigint", Kind::number, movie_ids(), 0},
       {"user_id", "bigint", Kind::number, {"-1", "1", "2", "3", "4", "5", "9007199254740993"}, 0},
       {"score", "smallint", Kind::number, {"1", "5", "7", "10"}, 0},
       {"rated_at",
        "timestamptz",
        Kind::moment,
        {"2011-05-01 10:00:00+00", "2011-05-01 10:00:00.000001+00", "infinity", "2019-01-01 00:00:00+00"},
        0}},
      {"movie_id", "user_id"}};
  return table;
}

const SampleTable& sample_genres() {
  static const SampleTable table{
      "genres",
      {{"name",
        "text",
        Kind::text,
        {"Drama", "Comedy", "Action", "drama", "", "a/b", "Léon", "it's"},
        0,
        false,
        true},
       {"number", "integer", Kind::number, {"1", "2", "3", "4", "5", "6", "7", "8"}, 0, false, true},
       {"description", "text", Kind::text, words, 30}},
      {"name"}};
  return table;
}

std::string create_sample_types() {
  return "CREATE TYPE mood AS ENUM ('zero', 'alpha', 'middle', 'odd, \"quoted\"', 'never')";
}

std::string add_sample_columns(bool reversed) {
  std::vector<std::string> additions;
  for (const auto& column : sample_movies().columns) {
    if (!column.added) continue;
    std::string name;
    for (const char c : column.name) name += c == '"' ? std::string("\"\"") : std::string(1, c);
    additions.push_back("ADD COLUMN \"" + name + "\" " + column.type);
  }
  if (reversed) std::reverse(additions.begin(), additions.end());
  std::string sql = "ALTER TABLE movies ";
  for (std::size_t i = 0; i < additions.size(); ++i) sql += (i > 0 ? ", " : "") + additions[i];
  return sql;
}

std::string computed_name(const SampleColumn& column) {
  return "of_" + column.name;
}

std::string create_computed_columns() {
  return create_computed_columns({&sample_movies(), &sample_ratings(), &sample_genres()});
}

std::string create_computed_columns(const std::vector<const SampleTable*>& tables) {
  const auto quoted = [](const std::string& name) {
    std::string out;
    for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return '"' + out + '"';
  };
  std::string sql;
  bool inlined = false;  // PostgreSQL puts the body of one in the place of its call, and calls the other
  for (const auto* table : tables)
    for (const auto& column : table->columns) {
      if (column.left_out) continue;
      const std::string value = "$1." + quoted(column.name);
      inlined = !inlined;
      sql += "CREATE FUNCTION public." + quoted(computed_name(column)) + "(public." + table->name +
             ") RETURNS " + column.type + " IMMUTABLE LANGUAGE " +
             (inlined ? "sql AS 'SELECT " + value + "';" : "plpgsql AS 'BEGIN RETURN " + value + "; END';");
    }
  return sql;
}

std::string make_rows(const SampleTable& table, std::uint64_t seed) {
  Random random(seed);
  std::string rows;
  const auto& first = table.columns.front();
  if (first.distinct) {
    for (std::size_t number = 0; number < first.values.size(); ++number)
      rows += make_row(table, random, number);
    return rows;
  }
  std::set<std::string> keys;
  while (keys.size() < rating_count) {
    auto row = make_row(table, random, 0);
    if (keys.insert(row.substr(0, row.find("\"score\""))).second) rows += row;
  }
  return rows;
}

}  // namespace shardplex::integration
