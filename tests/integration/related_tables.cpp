#include "tests/integration/related_tables.hpp"

#include <cstddef>

#include "tests/integration/related_rows.hpp"

namespace shardplex::integration {
namespace {

const std::vector<std::string> critic_ids{"1", "2", "3", "4", "5", "6"};
const std::vector<std::string> numbers{"1", "2", "3", "4"};
const std::vector<std::string> names{"hat", "Hat", "O'Neil", "quote\"d", "comma, brace}", "é", "a.b"};
const std::vector<std::string> notes{"", "good", "a \"quote\"", "back\\slash", "Ünï\ncode", "(paren)"};

/// The values of a column of another table, so that keys to it hold.
const std::vector<std::string>& values_of(const SampleTable& table, const std::string& column) {
  for (const auto& each : table.columns)
    if (each.name == column) return each.values;
  static const std::vector<std::string> none;
  return none;
}

SampleColumn movie_id() {
  return {"movie_id", "bigint", Kind::number, values_of(sample_movies(), "id"), 0};
}

SampleColumn critic_id(int nulls) {
  return {"critic_id", "integer", Kind::number, critic_ids, nulls};
}

const SampleTable& critics() {
  static const SampleTable table{
      "critics",
      {{"id", "integer", Kind::number, critic_ids, 0, false, true},
       {"name", "text", Kind::text, names, 20},
       {"chief", "integer", Kind::number, {"1", "2", "3"}, 30},
       {"born", "date", Kind::moment, {"1950-01-01", "1950-01-01", "0044-03-15 BC", "infinity"}}},
      {"id"}};
  return table;
}

const SampleTable& reviews() {
  static const SampleTable table{
      "reviews",
      {movie_id(),
       {"number", "integer", Kind::number, numbers, 0},
       critic_id(30),
       {"stars", "smallint", Kind::number, {"1", "2", "3", "3", "5"}},
       {"body", "text", Kind::text, notes},
       {"weight", "numeric", Kind::number, {"0.10", "0.1", "NaN", "-Infinity", "12345678901234567890.5"}},
       {"extra",
        "jsonb",
        Kind::json,
        {R"({"a": 1})", R"({"a": "x", "b": [1, {"c": null}]})", "[1, 2]", "null"}}},
      {"movie_id", "number"}};
  return table;
}

const SampleTable& credits() {
  static const SampleTable table{
      "credits",
      {movie_id(), critic_id(0), {"role", "text", Kind::text, {"guest", "host", "é"}}},
      {"movie_id", "critic_id"}};
  return table;
}

const SampleTable& specs() {
  static const SampleTable table{
      "specs",
      {movie_id(),
       {"camera", "text", Kind::text, names},
       {"sound", "boolean", Kind::boolean, {"true", "false"}},
       {"serial", "uuid", Kind::uuid, {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
       {"made_at", "timestamptz", Kind::moment, {"2024-02-29 12:34:56.789012+00", "infinity"}},
       {"lenses", "integer[]", Kind::array, {"{}", "{35,50}", "{NULL}", "{{1,2},{3,4}}"}}},
      {"movie_id"}};
  return table;
}

const SampleTable& scenes() {
  static const SampleTable table{
      "scenes",
      {movie_id(), {"number", "integer", Kind::number, numbers, 0}, {"title", "text", Kind::text, notes}},
      {"movie_id", "number"}};
  return table;
}

const SampleTable& props() {
  static const SampleTable table{"props",
                                 {movie_id(),
                                  {"name", "text", Kind::text, names, 0},
                                  {"price", "real", Kind::number, {"0.5", "NaN", "1e10"}}},
                                 {"movie_id", "name"}};
  return table;
}

const SampleTable& scene_props() {
  static const SampleTable table{"scene_props",
                                 {movie_id(),
                                  {"number", "integer", Kind::number, numbers, 0},
                                  {"name", "text", Kind::text, names, 0},
                                  {"broken", "boolean", Kind::boolean, {"true", "false"}}},
                                 {"movie_id", "number", "name"}};
  return table;
}

const SampleTable& details() {
  static const SampleTable table{
      "details",
      {{"id", "bigint", Kind::number, values_of(sample_movies(), "id"), 0},
       {"number", "integer", Kind::number, numbers, 0},
       {"primary_genre", "text", Kind::text, values_of(sample_movies(), "primary_genre"), 10},
       critic_id(30),
       {"note", "text", Kind::text, notes}},
      {"id", "number"}};
  return table;
}

// ---- Views. Each shows columns as they are, under their names or others, beside what it works out.

/// A table's column under another name.
SampleColumn shown_as(const std::string& name, const SampleTable& table, const std::string& column) {
  for (auto each : table.columns) {
    if (each.name != column) continue;
    each.name = name;
    return each;
  }
  return {};
}

const SampleTable& seen() {
  const auto& movies = sample_movies();
  static const SampleTable view{
      .name = "seen",
      .columns = {shown_as("id", movies, "id"),
                  shown_as("title", movies, "name"),
                  shown_as("primary_genre", movies, "primary_genre"),
                  {"genre_number", "integer", Kind::number, numbers}},
      .primary_key = {},
      .told_apart_by = {"id"},
      .view_sql =
          "SELECT m.id, m.name AS title, m.primary_genre, g.number AS genre_number FROM "
          "public.movies m LEFT JOIN public.genres g ON g.name = m.primary_genre"};
  return view;
}

const SampleTable& reviewed() {
  static const SampleTable view{.name = "reviewed",
                                .columns = {movie_id(),
                                            {"number", "integer", Kind::number, numbers, 0},
                                            critic_id(30),
                                            shown_as("grade", reviews(), "stars")},
                                .primary_key = {},
                                .told_apart_by = {"movie_id", "number"},
                                .view_sql =
                                    "SELECT m.movie_id, m.number, m.critic_id, m.stars AS grade FROM "
                                    "public.reviews m WHERE m.stars IS DISTINCT FROM 5"};
  return view;
}

const SampleTable& elders() {
  static const SampleTable view{
      .name = "elders",
      .columns = {shown_as("id", critics(), "id"), shown_as("known_as", critics(), "name"),
                  shown_as("born", critics(), "born")},
      .primary_key = {},
      .told_apart_by = {"id"},
      .view_sql = "SELECT m.id, m.name AS known_as, m.born FROM public.critics m WHERE m.id <> 2"};
  return view;
}

const SampleTable& totals() {
  static const SampleTable view{
      .name = "totals",
      .columns = {shown_as("film", sample_movies(), "id"),
                  {"votes", "bigint", Kind::number, {"0", "1", "2"}},
                  {"best", "smallint", Kind::number, {"1", "5", "10"}}},
      .primary_key = {},
      .told_apart_by = {"film"},
      .view_sql =
          "SELECT m.id AS film, count(r.movie_id) AS votes, max(r.score) AS best FROM "
          "public.movies m LEFT JOIN public.ratings r ON r.movie_id = m.id GROUP BY m.id"};
  return view;
}

/// By the functions of make_relations().
template <class Add, class AmongAll, class LookedUp>
void add_relations_of_views(Add add, AmongAll among_all, LookedUp only_looked_up) {
  const auto *movies = &sample_movies(), *ratings = &sample_ratings(), *genres = &sample_genres();
  const ColumnPairs to_film{{"movie_id", "id"}}, of_film{{"id", "movie_id"}};
  const ColumnPairs to_critic{{"critic_id", "id"}}, of_critic{{"id", "critic_id"}};
  const ColumnPairs film_and_genre{{"id", "id"}, {"primary_genre", "primary_genre"}};
  among_all({ratings, &seen(), {"seen", "seen!movie_id", "seen!ratings_movie_id_fkey"}, true, to_film},
            false);
  among_all({&seen(), ratings, {"ratings", "ratings!movie_id"}, false, of_film}, false);
  among_all({&seen(), genres, {"genres", "primary_genre", "movies_genre"}, true, {{"primary_genre", "name"}}},
            true);
  among_all({&seen(), &details(), {"details", "details!details_film"}, false, film_and_genre}, true);
  among_all({&details(), &seen(), {"seen", "seen!details_film"}, true, film_and_genre}, true);
  among_all({&details(), &elders(), {"elders", "elders!critic_id"}, true, to_critic}, true);
  among_all({&critics(), &elders(), {"elders", "elders!chief"}, true, {{"chief", "id"}}}, true);
  among_all({&elders(), &critics(), {"critics", "critics!chief"}, false, {{"id", "chief"}}}, true);
  only_looked_up({genres, &seen(), {"seen"}, false, {{"name", "primary_genre"}}}, true);
  only_looked_up({&elders(), &details(), {"details"}, false, of_critic}, true);
  only_looked_up({&critics(), &seen(), {"seen"}, false, of_critic, "credits", to_film}, false);
  only_looked_up({&critics(), &reviewed(), {"reviewed"}, false, of_critic}, false);
  only_looked_up({&elders(), &reviewed(), {"reviewed"}, false, of_critic}, false);
  add({&reviews(), &seen(), {"seen", "seen!movie_id"}, true, to_film});
  add({&seen(), &reviews(), {"reviews"}, false, of_film});
  add({&seen(), &critics(), {"critics", "critics!credits"}, false, of_film, "credits", to_critic});
  add({&specs(), &seen(), {"seen"}, true, to_film});
  add({&seen(), &specs(), {"specs"}, true, of_film});
  add({movies, &reviewed(), {"reviewed", "reviewed!movie_id"}, false, of_film});
  add({&reviewed(), movies, {"movies", "movie_id", "reviews_film"}, true, to_film});
  add({&reviewed(), &critics(), {"critics", "critic_id"}, true, to_critic});
  add({&reviewed(), &elders(), {"elders"}, true, to_critic});
  add({&seen(), &reviewed(), {"reviewed"}, false, of_film});
  add({&reviewed(), &seen(), {"seen", "seen!movie_id"}, true, to_film});
  add({movies, &elders(), {"elders", "elders!credits"}, false, of_film, "credits", to_critic});
  add({&reviews(), &totals(), {"totals"}, true, {{"movie_id", "film"}}});
  add({&totals(), &reviews(), {"reviews", "reviews!film"}, false, {{"film", "movie_id"}}});
  add({&reviewed(), &totals(), {"totals!film"}, true, {{"movie_id", "film"}}});
}

// ---- Functions of a row that give rows.

/// One that gives what is equal in these columns.
struct RowFunctionSample {
  std::string name;
  const SampleTable *from, *to;
  bool to_one;
  ColumnPairs columns;
  bool declared = true;  ///< it gives rows of a sharded table or view
  bool in_genre_map = false;
};

const std::vector<RowFunctionSample>& row_functions() {
  const auto *movies = &sample_movies(), *ratings = &sample_ratings(), *genres = &sample_genres();
  const ColumnPairs to_film{{"movie_id", "id"}}, of_film{{"id", "movie_id"}};
  static const std::vector<RowFunctionSample> all{
      {"main_genre", movies, genres, true, {{"primary_genre", "name"}}, false, true},
      {"elder_chief", &critics(), &elders(), true, {{"chief", "id"}}, false, true},
      {"film_details",
       movies,
       &details(),
       false,
       {{"id", "id"}, {"primary_genre", "primary_genre"}},
       true,
       true},
      {"votes_of", movies, ratings, false, of_film},
      {"film_of", &reviews(), movies, true, to_film},
      {"shown_in", &reviews(), &seen(), true, to_film},
      {"votes_seen", &seen(), ratings, false, of_film}};
  return all;
}

std::string create(const RowFunctionSample& function) {
  std::string where;
  for (const auto& [mine, theirs] : function.columns)
    where += (where.empty() ? "" : " AND ") + ("f." + theirs + " = $1." + mine);
  return "CREATE FUNCTION public." + function.name + "(public." + function.from->name +
         ") RETURNS SETOF public." + function.to->name + " LANGUAGE sql STABLE" +
         (function.to_one ? " ROWS 1" : "") + " AS 'SELECT f.* FROM public." + function.to->name +
         " f WHERE " + where + "';\n";
}

std::vector<SampleRelation> make_relations() {
  const auto *movies = &sample_movies(), *ratings = &sample_ratings(), *genres = &sample_genres();
  const ColumnPairs to_film{{"movie_id", "id"}}, of_film{{"id", "movie_id"}};
  const ColumnPairs to_critic{{"critic_id", "id"}}, of_critic{{"id", "critic_id"}};
  const ColumnPairs scene{{"movie_id", "movie_id"}, {"number", "number"}};
  const ColumnPairs prop{{"movie_id", "movie_id"}, {"name", "name"}};
  std::vector<SampleRelation> relations;
  const auto add = [&](SampleRelation relation) { relations.push_back(std::move(relation)); };
  const auto among_all = [&](SampleRelation relation, bool local) {
    relation.in_genre_map = true;
    relation.local_by_genre = local;
    add(std::move(relation));
  };
  const auto only_looked_up = [&](SampleRelation relation, bool in_genre_map) {
    relation.in_genre_map = in_genre_map;
    relation.local_by_hash = false;
    add(std::move(relation));
  };
  among_all({movies, ratings, {"ratings", "ratings!movie_id"}, false, of_film}, false);
  among_all({ratings, movies, {"movies", "movie_id", "ratings_movie_id_fkey"}, true, to_film}, false);
  among_all({movies, genres, {"genres", "primary_genre", "movies_genre"}, true, {{"primary_genre", "name"}}},
            true);
  among_all({&critics(), &critics(), {"chief"}, true, {{"chief", "id"}}}, true);
  among_all({&critics(), &critics(), {"critics", "critics!chief"}, false, {{"id", "chief"}}}, true);
  const ColumnPairs film_and_genre{{"id", "id"}, {"primary_genre", "primary_genre"}};
  among_all({movies, &details(), {"details", "details!details_film"}, false, film_and_genre}, true);
  among_all({&details(), movies, {"movies", "details_film"}, true, film_and_genre}, true);
  among_all({&details(), &critics(), {"critics", "critic_id"}, true, to_critic}, true);
  only_looked_up({&critics(), &details(), {"details"}, false, of_critic}, true);
  only_looked_up({genres, movies, {"movies"}, false, {{"name", "primary_genre"}}}, true);
  only_looked_up({&critics(), &reviews(), {"reviews"}, false, of_critic}, false);
  only_looked_up({&critics(), &credits(), {"credits"}, false, of_critic}, false);
  only_looked_up({&critics(), movies, {"movies"}, false, of_critic, "credits", to_film}, false);
  add({movies, &reviews(), {"reviews", "reviews!movie_id"}, false, of_film});
  add({&reviews(), movies, {"movies", "movie_id"}, true, to_film});
  add({&reviews(), &critics(), {"critics", "critic_id", "critics!critic_id"}, true, to_critic});
  add({movies, &critics(), {"critics", "critics!credits"}, false, of_film, "credits", to_critic});
  add({movies, &credits(), {"credits"}, false, of_film});
  add({&credits(), movies, {"movies"}, true, to_film});
  add({&credits(), &critics(), {"critics", "critic_id"}, true, to_critic});
  add({movies, &specs(), {"specs"}, true, of_film});
  add({&specs(), movies, {"movies", "movie_id"}, true, to_film});
  add({movies, &scenes(), {"scenes"}, false, of_film});
  add({&scenes(), movies, {"movies"}, true, to_film});
  add({movies, &props(), {"props"}, false, of_film});
  add({&props(), movies, {"movies"}, true, to_film});
  add({&scenes(), &props(), {"props", "props!scene_props"}, false, scene, "scene_props", prop});
  add({&props(), &scenes(), {"scenes"}, false, prop, "scene_props", scene});
  add({&scenes(), &scene_props(), {"scene_props"}, false, scene});
  add({&scene_props(), &scenes(), {"scenes"}, true, scene});
  add({&scene_props(), &props(), {"props"}, true, prop});
  add_relations_of_views(add, among_all, only_looked_up);
  for (const auto& function : row_functions()) {
    SampleRelation relation{function.from, function.to, {function.name}, function.to_one, function.columns};
    relation.local_by_genre = relation.in_genre_map = function.in_genre_map;
    relation.by_function = true;
    add(std::move(relation));
  }
  return relations;
}

std::vector<SampleKey> foreign_keys_of(const std::string& table) {
  static const std::map<std::string, std::vector<SampleKey>> keys{
      {"critics", {{"critics_chief", {"chief"}, "critics", {"id"}}}},
      {"reviews",
       {{"reviews_film", {"movie_id"}, "movies", {"id"}},
        {"reviews_critic", {"critic_id"}, "critics", {"id"}}}},
      {"credits",
       {{"credits_film", {"movie_id"}, "movies", {"id"}},
        {"credits_critic", {"critic_id"}, "critics", {"id"}}}},
      {"specs", {{"specs_film", {"movie_id"}, "movies", {"id"}}}},
      {"scenes", {{"scenes_film", {"movie_id"}, "movies", {"id"}}}},
      {"props", {{"props_film", {"movie_id"}, "movies", {"id"}}}},
      {"scene_props",
       {{"scene_props_scene", {"movie_id", "number"}, "scenes", {"movie_id", "number"}},
        {"scene_props_prop", {"movie_id", "name"}, "props", {"movie_id", "name"}}}},
      {"details",
       {{"details_film", {"id", "primary_genre"}, "movies", {"id", "primary_genre"}},
        {"details_critic", {"critic_id"}, "critics", {"id"}}}}};
  return keys.at(table);
}

std::string listed(const std::vector<std::string>& columns) {
  std::string list;
  for (const auto& column : columns) list += (list.empty() ? "" : ", ") + column;
  return list;
}

std::string create(const SampleTable& table) {
  std::string sql = "CREATE TABLE public." + table.name + " (";
  for (const auto& column : table.columns) sql += column.name + ' ' + column.type + ", ";
  for (const auto& key : foreign_keys_of(table.name))
    sql += "CONSTRAINT " + key.name + " FOREIGN KEY (" + listed(key.columns) + ") REFERENCES public." +
           key.foreign_table + " (" + listed(key.foreign_columns) + "), ";
  return sql + "PRIMARY KEY (" + listed(table.primary_key) + "));\n";
}

}  // namespace

std::vector<const SampleTable*> related_tables(bool by_genre) {
  if (by_genre) return {&critics(), &details()};
  return {&critics(), &details(), &reviews(), &credits(), &specs(), &scenes(), &props(), &scene_props()};
}

std::vector<const SampleTable*> related_views(bool by_genre) {
  if (by_genre) return {&seen(), &elders()};
  return {&seen(), &elders(), &reviewed(), &totals()};
}

const std::vector<SampleRelation>& sample_relations() {
  static const std::vector<SampleRelation> relations = make_relations();
  return relations;
}

std::string create_related_tables(bool by_genre) {
  std::string sql = "ALTER TABLE movies ADD UNIQUE (id, primary_genre);\n";
  if (!by_genre)
    sql +=
        "ALTER TABLE ratings ADD CONSTRAINT ratings_movie_id_fkey FOREIGN KEY (movie_id) REFERENCES "
        "movies;\n";
  for (const auto* table : related_tables(by_genre)) sql += create(*table);
  return sql;
}

std::string create_related_views(bool by_genre) {
  std::string sql;
  for (const auto* view : related_views(by_genre)) {
    std::string definition = view->view_sql;
    if (view != &elders()) definition.replace(definition.find(" FROM "), 6, ", m.shardplex_slot FROM ");
    sql += "CREATE VIEW public." + view->name + " AS " + definition + ";\n";
  }
  for (const auto& function : row_functions())
    if (function.in_genre_map || !by_genre) sql += create(function);
  return sql;
}

std::string related_tables_in_map(bool by_genre) {
  std::string text = "\n  critics: { reference: true }\n";
  if (by_genre)
    text += "  details: { group: by_genre }\n";
  else
    text += "  details: { group: catalog, key: id }\n";
  for (const auto* table : related_tables(by_genre))
    if (table != &critics() && table != &details())
      text += "  " + table->name + ": { group: catalog, key: movie_id }\n";
  text +=
      "relations:\n"
      "  movies_genre: { table: movies, columns: [primary_genre], foreign_table: genres, foreign_columns: "
      "[name] "
      "}\n";
  if (by_genre)
    text +=
        "  ratings_movie_id_fkey: { table: ratings, columns: [movie_id], foreign_table: movies, "
        "foreign_columns: [id] }\n";
  text += "functions:\n";
  for (const auto& function : row_functions())
    if (function.declared && (function.in_genre_map || !by_genre)) text += "  " + function.name + ": any\n";
  text += "views:\n  elders: { reference: true }\n";
  if (by_genre) return text + "  seen: { group: by_genre, key: id }\n";
  return text +
         "  seen: { group: catalog, key: id }\n"
         "  reviewed: { group: catalog, key: movie_id }\n"
         "  totals: { group: catalog, key: film }\n";
}

std::map<std::string, std::string> make_related_rows(std::uint64_t seed) {
  constexpr std::size_t tries = 500;
  std::map<std::string, SampleObjects> made;
  made["movies"] = objects_of(make_rows(sample_movies(), seed));
  std::map<std::string, std::string> text;
  Random random(seed);
  for (const auto* table : related_tables(false)) {
    auto& rows = made[table->name];
    rows = make_related_objects(*table, foreign_keys_of(table->name), made, tries, random);
    text[table->name] = ndjson_of(rows);
  }
  return text;
}

}  // namespace shardplex::integration
