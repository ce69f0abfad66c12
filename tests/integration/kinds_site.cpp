#include "tests/integration/kinds_site.hpp"

#include <fstream>
#include <iterator>
#include <random>

#include "tests/integration/view_cases.hpp"

namespace shardplex::integration {
namespace {

const std::string create_tables =
    "CREATE TABLE events (movie_id bigint NOT NULL, kind text, place integer, note jsonb);"
    "CREATE TABLE tones (name text, shade integer);";

// As the map has them, with those of view_cases(). `page` is none that shards could answer for, and `nowhere`
// is not there.
const std::string create_views =
    "SET search_path TO public;"  // the schema shardplex is there by now, and named like the user
    "CREATE VIEW dramas AS SELECT * FROM movies WHERE primary_genre = 'Drama';"
    "CREATE VIEW rated AS SELECT m.id, m.name, count(r.score) AS votes, max(r.score) AS best, "
    "m.shardplex_slot"
    " FROM movies m LEFT JOIN ratings r ON r.movie_id = m.id GROUP BY m.id;"
    "CREATE VIEW loud AS SELECT id AS film, upper(name) AS title, shardplex_slot FROM dramas;"
    "CREATE VIEW noisy AS SELECT movie_id, kind, place, shardplex_slot FROM events WHERE kind <> 'quiet';"
    "CREATE VIEW top_genres AS SELECT name, number FROM genres ORDER BY number LIMIT 3;"
    "CREATE VIEW pairs AS SELECT t.name AS tone, g.name AS genre FROM tones t CROSS JOIN genres g;"
    "CREATE MATERIALIZED VIEW kept AS SELECT id, name, imdb_votes, shardplex_slot FROM movies WHERE "
    "imdb_votes > 3;"
    "CREATE VIEW page AS SELECT id, shardplex_slot FROM movies ORDER BY imdb_votes LIMIT 5;"
    "CREATE FUNCTION best() RETURNS integer STABLE LANGUAGE sql AS 'SELECT max(score)::integer FROM ratings';"
    "CREATE FUNCTION initial(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT left($1, 1)';"
    "CREATE FUNCTION told(events) RETURNS text IMMUTABLE LANGUAGE sql AS "
    "$$SELECT coalesce($1.kind, 'none') || ' in ' || coalesce($1.place, 0)$$;"
    "CREATE FUNCTION scores(dramas) RETURNS bigint STABLE LANGUAGE sql AS "
    "'SELECT count(*) FROM ratings WHERE movie_id = $1.id';"
    "CREATE FUNCTION half(kept) RETURNS numeric IMMUTABLE LANGUAGE plpgsql AS "
    "'BEGIN RETURN $1.imdb_votes / 2.0; END';";

const std::string views_in_map =
    "views:\n"
    "  dramas: { group: catalog, key: id, computed: [scores] }\n"
    "  rated: { group: catalog, key: id }\n"
    "  loud: { group: catalog, key: film }\n"
    "  noisy: { group: catalog, key: movie_id }\n"
    "  top_genres: { reference: true }\n"
    "  pairs: { reference: true }\n"
    "  kept: { group: catalog, key: id }\n"
    "  page: { group: catalog, key: id }\n"
    "  nowhere: { group: catalog, key: id }\n";

std::string create_view_cases() {
  std::string sql;
  for (const auto& each : view_cases()) sql += "CREATE VIEW " + each.name + " AS " + each.sql + ';';
  return sql;
}

std::string view_cases_in_map() {
  std::string map;
  for (const auto& each : view_cases()) map += "  " + each.name + ": { group: catalog, key: id }\n";
  return map;
}

std::string text(const std::string& value) {
  return '"' + value + '"';
}

/// The films are the same for every cluster.
std::string films() {
  std::mt19937 random(20261126);
  const std::vector<std::string> genres{"Drama", "Comedy", "Horror"};
  std::string rows;
  for (unsigned id = 1; id <= 120; ++id)
    rows += "{\"id\":" + std::to_string(id * 7919) +
            ",\"name\":" + text("film " + std::to_string(random() % 40)) +
            ",\"primary_genre\":" + text(genres[random() % 3]) +
            ",\"imdb_votes\":" + std::to_string(random() % 9) + "}\n";
  return rows;
}

std::string scores() {
  std::mt19937 random(7);
  std::string rows;
  for (unsigned id = 1; id <= 120; ++id)
    for (unsigned user = 0; user < random() % 4; ++user)
      rows += "{\"movie_id\":" + std::to_string(id * 7919) + ",\"user_id\":" + std::to_string(user) +
              ",\"score\":" + std::to_string(1 + random() % 10) + ",\"rated_at\":\"2024-05-01T10:00:00Z\"}\n";
  return rows;
}

/// Among them rows that are equal in all.
std::string events() {
  std::mt19937 random(11);
  const std::vector<std::string> kinds{"\"shown\"", "\"quiet\"", "\"sold\"", "null"};
  std::string rows;
  for (unsigned i = 0; i < 400; ++i)
    rows += "{\"movie_id\":" + std::to_string((1 + random() % 120) * 7919) +
            ",\"kind\":" + kinds[random() % 4] +
            ",\"place\":" + (random() % 5 == 0 ? "null" : std::to_string(random() % 4)) +
            ",\"note\":" + (random() % 2 == 0 ? "null" : "{\"a\": 1}") + "}\n";
  return rows;
}

const std::string genre_rows =
    "{\"name\":\"Drama\",\"number\":1}\n{\"name\":\"Comedy\",\"number\":2}\n"
    "{\"name\":\"Horror\",\"number\":3}\n{\"name\":\"Opera\",\"number\":4}\n";
const std::string tone_rows =
    "{\"name\":\"dark\",\"shade\":1}\n{\"name\":\"dark\",\"shade\":1}\n{\"name\":\"light\",\"shade\":null}\n";

std::string array_of(const std::vector<int>& slots) {
  std::string out = "{";
  for (const auto slot : slots) out += (out.size() > 1 ? "," : "") + std::to_string(slot);
  return "'" + out + "}'::integer[]";
}

}  // namespace

KindsSite::KindsSite(int shards) : cluster_({.shards = shards, .replicas = 0}) {
  std::ifstream in(cluster_.map_file());
  std::string map(std::istreambuf_iterator<char>(in), {});
  map += "  events: { group: catalog, key: movie_id }\n  tones: { reference: true }\n" + views_in_map +
         view_cases_in_map();
  std::ofstream(cluster_.map_file()) << map;
  cluster_.run_everywhere(create_tables);
  cluster_.initialise();
  cluster_.load("movies", films());
  cluster_.load("ratings", scores());
  cluster_.load("events", events());
  cluster_.load("genres", genre_rows);
  cluster_.load("tones", tone_rows);
  cluster_.run_everywhere(create_views + create_view_cases());
  router_.emplace(cluster_.map_file());
}

HttpResponse KindsSite::send(const std::string& method, const std::string& target, const std::string& body,
                             const Headers& headers) const {
  Headers all = headers;
  all.emplace_back("Content-Type", "application/json");
  return HttpClient(router_->port()).request(method, target, all, body);
}

KindsSite& KindsSite::shards() {
  static KindsSite site(3);
  return site;
}

KindsSite& KindsSite::one() {
  static KindsSite site(1);
  return site;
}

void hand_over_leaving_rows(const Cluster& cluster, const std::vector<int>& slots, const std::string& from,
                            const std::string& to) {
  Database source(cluster.conninfo(from)), target(cluster.conninfo(to));
  const auto which = array_of(slots);
  const auto change = [&](Database& shard, const std::string& function) {
    shard.run("SELECT shardplex." + function + "('catalog', " + which + ')');
  };
  change(target, "receive_slots");
  change(source, "fence_slots");
  for (const std::string table : {"movies", "ratings", "events"}) {
    const auto rows = source.value("SELECT coalesce(json_agg(t), '[]')::text FROM " + table +
                                   " t WHERE shardplex_slot = ANY (" + which + ')');
    target.run("INSERT INTO " + table + " SELECT * FROM json_populate_recordset(NULL::" + table + ", " +
               target.quote(*rows) + "::json)");
  }
  change(source, "hand_over_slots");
  change(target, "own_slots");
}

}  // namespace shardplex::integration
