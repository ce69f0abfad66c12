// Tables without a primary key, and views, over three shards: compared with one PostgreSQL that has all rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/kinds_site.hpp"
#include "tests/integration/view_cases.hpp"
#include "tests/sanitized.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

/// One PostgreSQL with the rows of all shards, for SQL.
Database& database() {
  static Database one(KindsSite::one().cluster().conninfo("alpha"));
  return one;
}

/// Rows as PostgREST has PostgreSQL write them.
std::string rows_as_json(const std::string& sql) {
  return *database().value("SELECT coalesce(json_agg(t), '[]')::text FROM (" + sql + ") t");
}

/// A table or view, and an order of its columns, computed ones too, in which rows that are equal in it are
/// equal in all.
struct Kind {
  std::string name;
  std::vector<std::string> columns;
  std::string filter, condition;  ///< of some of the rows, as the URL and as SQL have it
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"events", {"movie_id", "kind", "place", "told"}, "told=eq.sold%20in%201", "events.told = 'sold in 1'"},
      {"tones", {"name", "shade"}, "name=eq.dark", "name = 'dark'"},
      {"dramas", {"id", "name", "imdb_votes", "scores"}, "scores=gt.1", "dramas.scores > 1"},
      {"rated", {"id", "name", "votes", "best"}, "best=gte.5", "best >= 5"},
      {"loud", {"film", "title"}, "title=like.*1*", "title LIKE '%1%'"},
      {"noisy", {"movie_id", "kind", "place"}, "place=not.is.null", "place IS NOT NULL"},
      {"top_genres", {"name", "number"}, "number=lt.3", "number < 3"},
      {"pairs", {"tone", "genre"}, "genre=neq.Drama", "genre <> 'Drama'"},
      {"kept", {"id", "name", "imdb_votes", "half"}, "imdb_votes=lt.7", "imdb_votes < 7"}};
  return all;
}

struct Read {
  std::string target, sql;
};

/// Ordered by all columns, in an order of them by chance.
Read ordered_read(std::mt19937& random) {
  const auto& kind = kinds()[random() % kinds().size()];
  auto order = kind.columns;
  std::shuffle(order.begin(), order.end(), random);
  Read read{"/" + kind.name + "?select=", "SELECT "};
  // PostgreSQL takes name.column for a function of the row where no column is called so.
  const std::string of = kind.name + '.';
  for (std::size_t i = 0; i < kind.columns.size(); ++i) {
    read.target += (i == 0 ? "" : ",") + kind.columns[i];
    read.sql += (i == 0 ? "" : ", ") + of + kind.columns[i];
  }
  read.sql += " FROM " + kind.name;
  if (random() % 2 == 0) {
    read.target += '&' + kind.filter;
    read.sql += " WHERE " + kind.condition;
  }
  read.target += "&order=";
  read.sql += " ORDER BY ";
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool descending = random() % 3 == 0;
    read.target += (i == 0 ? "" : ",") + order[i] + (descending ? ".desc" : "");
    read.sql += (i == 0 ? "" : ", ") + of + order[i] + (descending ? " DESC" : "");
  }
  if (random() % 2 == 0) {
    const auto limit = std::to_string(random() % 30), offset = std::to_string(random() % 12);
    read.target += "&limit=" + limit + "&offset=" + offset;
    read.sql += " LIMIT " + limit + " OFFSET " + offset;
  }
  return read;
}

void compare_ordered_reads(unsigned seed, unsigned long cases) {
  std::mt19937 random(seed);
  for (unsigned long i = 0; i < cases; ++i) {
    const auto read = ordered_read(random);
    INFO(i, ": GET ", read.target);
    const auto answer = KindsSite::shards().get(read.target);
    CHECK(answer.status == 200);
    CHECK(answer.body == rows_as_json(read.sql));
  }
}

/// Each row with how often it is there.
std::map<std::string, int> counted(const std::string& rows) {
  const auto parsed = json::parse(rows);
  std::map<std::string, int> counts;
  for (const auto& row : parsed.as_array()) ++counts[json::serialize(row)];
  return counts;
}

/// Whether one PostgreSQL could have answered the page: its rows are there, none more often than there, and
/// where an order is asked for they have the page's values of it.
void check_possible(const std::string& name, const std::string& order, unsigned limit, unsigned offset) {
  std::string target = "/" + name + "?limit=" + std::to_string(limit) + "&offset=" + std::to_string(offset);
  if (!order.empty()) target += "&order=" + order;
  INFO("GET ", target);
  const auto answer = KindsSite::shards().get(target);
  REQUIRE(answer.status == 200);
  auto columns = *database().value(
      "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '" +
      name + "'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'shardplex_slot'");
  const auto all = counted(rows_as_json("SELECT " + columns + " FROM " + name));
  const auto page = json::parse(answer.body).as_array();
  const auto total = static_cast<std::size_t>(database().number("SELECT count(*) FROM " + name));
  CHECK(page.size() == std::min<std::size_t>(limit, total - std::min<std::size_t>(total, offset)));
  for (const auto& [row, times] : counted(answer.body)) {
    CAPTURE(row);
    CHECK(all.contains(row));
    if (all.contains(row)) CHECK(times <= all.at(row));
  }
  if (order.empty()) return;
  json::array values;
  for (const auto& row : page) values.push_back(row.as_object().at(order));
  const auto expected =
      json::parse(rows_as_json("SELECT " + order + " FROM " + name + " ORDER BY " + order + " LIMIT " +
                               std::to_string(limit) + " OFFSET " + std::to_string(offset)));
  json::array wanted;
  for (const auto& row : expected.as_array()) wanted.push_back(row.as_object().at(order));
  CHECK(values == wanted);
}

void check_refused(const HttpResponse& answer, unsigned status, const std::string& code,
                   const std::string& says = "") {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
  CHECK(answer.body.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("tables without a primary key and views are read as from one PostgreSQL") {
  compare_ordered_reads(1, tests::fewer_if_sanitized(600));
}

TEST_CASE("rows without an order, or with equal values of it, are some that one PostgreSQL could answer") {
  for (const std::string name : {"events", "tones", "dramas", "noisy", "kept"})
    for (const auto& [limit, offset] : std::initializer_list<std::pair<unsigned, unsigned>>{
             {5, 0}, {40, 3}, {7, 90}, {1000, 0}, {3, 1000}}) {
      check_possible(name, "", limit, offset);
      if (name == "events" || name == "noisy") check_possible(name, "place", limit, offset);
    }
  // All rows at once, and in a stream.
  for (const std::string name : {"events", "noisy", "rated"})
    CHECK(json::parse(KindsSite::shards().get("/" + name).body).as_array().size() ==
          static_cast<std::size_t>(database().number("SELECT count(*) FROM " + name)));
}

TEST_CASE("a filter on the key of a keyless table or a view asks one shard") {
  const auto film = database().value("SELECT id FROM dramas ORDER BY id LIMIT 1").value();
  for (const auto& [target, sql] : std::initializer_list<std::pair<std::string, std::string>>{
           {"/dramas?select=id,name&id=eq." + film, "SELECT id, name FROM dramas WHERE id = " + film},
           {"/loud?film=eq." + film, "SELECT film, title FROM loud WHERE film = " + film},
           {"/rated?select=id,votes&id=eq." + film, "SELECT id, votes FROM rated WHERE id = " + film},
           {"/noisy?select=kind,place&order=kind,place&movie_id=eq." + film,
            "SELECT kind, place FROM noisy WHERE movie_id = " + film + " ORDER BY kind, place"},
           {"/events?select=kind,place&order=kind,place&movie_id=eq." + film,
            "SELECT kind, place FROM events WHERE movie_id = " + film + " ORDER BY kind, place"}}) {
    CAPTURE(target);
    const auto answer = KindsSite::shards().get(target);
    CHECK(answer.body == rows_as_json(sql));
    CHECK(answer.header("Shardplex-Shards").value_or(",").find(',') == std::string::npos);
  }
}

TEST_CASE("views and keyless tables are counted, grouped, and sent in other formats") {
  const auto& site = KindsSite::shards();
  for (const std::string name : {"events", "rated", "kept", "pairs"}) {
    const auto total = *database().value("SELECT count(*) FROM " + name);
    const auto answer = site.get("/" + name + "?limit=2", {{"Prefer", "count=exact"}});
    CHECK(answer.status == 206);
    CHECK(answer.header("Content-Range") == "0-1/" + total);
  }
  CHECK(site.get("/events?select=kind,count(),place.sum()").body ==
        rows_as_json("SELECT kind, count(*), sum(place) FROM events GROUP BY kind ORDER BY kind"));
  CHECK(site.get("/rated?select=votes,best.max(),count()").body ==
        rows_as_json("SELECT votes, max(best), count(*) FROM rated GROUP BY votes ORDER BY votes"));
  CHECK(site.get("/dramas?select=imdb_votes.avg()").body ==
        rows_as_json("SELECT avg(imdb_votes) FROM dramas"));
  CHECK(site.get("/top_genres?order=number", {{"Accept", "text/csv"}}).body ==
        "name,number\nDrama,1\nComedy,2\nHorror,3");
  const auto one = site.get("/tones?name=eq.light", {{"Accept", "application/vnd.pgrst.object+json"}});
  CHECK(one.body == R"({"name":"light","shade":null})");
  check_refused(site.get("/tones", {{"Accept", "application/vnd.pgrst.object+json"}}), 406, "PGRST116");
  CHECK(site.router().admin("/ready").status == 200);
}

TEST_CASE("a row cannot be named where nothing tells it from others, and not all views are written") {
  const auto& site = KindsSite::shards();
  for (const std::string name : {"events", "tones", "dramas", "kept"}) {
    CAPTURE(name);
    check_refused(site.get("/" + name + "/7919"), 404, "PGRST125", "has no single-column key");
  }
  check_refused(site.send("PUT", "/events?movie_id=eq.7919", R"({"movie_id":7919})"), 405, "PGRST105");
  check_refused(site.send("PUT", "/events", R"({"movie_id":7919})"), 405, "PGRST105");
  check_refused(site.send("PATCH", "/events/7919", R"({"place":1})"), 404, "PGRST125");
  for (const std::string name : {"rated", "top_genres", "kept"}) {
    CAPTURE(name);
    for (const std::string method : {"POST", "PATCH", "PUT", "DELETE"})
      check_refused(site.send(method, "/" + name + "?id=eq.7919", "{}"), 400, "SHARD400", "is a view");
    CHECK(HttpClient(KindsSite::shards().router().port()).request("OPTIONS", "/" + name).header("Allow") ==
          "OPTIONS,GET,HEAD");
  }
  // No key relates the tables here.
  check_refused(site.get("/movies?select=id,dramas(id)"), 400, "PGRST200");
  check_refused(site.get("/dramas?select=id,ratings(score)"), 400, "PGRST200");
  check_refused(site.get("/dramas?shardplex_slot=eq.1"), 400, "42703");
  CHECK(site.get("/dramas?limit=1").body.find("shardplex_slot") == std::string::npos);
}

TEST_CASE("rows without a primary key are inserted, changed and removed where their key says") {
  const auto& site = KindsSite::shards();
  const Headers representation{{"Prefer", "return=representation"}};
  const std::string row = R"({"movie_id":4242,"kind":"made","place":9})";
  check_refused(site.send("POST", "/events", R"({"kind":"made"})"), 400, "23502", "movie_id");
  CHECK(site.send("POST", "/events", row).status == 201);
  const auto again = site.send("POST", "/events", row, {{"Prefer", "return=headers-only"}});
  CHECK(again.status == 201);
  CHECK_FALSE(again.header("Location"));
  const std::string these = "/events?movie_id=eq.4242&select=movie_id,kind,place";
  CHECK(site.get(these).body == '[' + row + ", \n " + row + ']');
  const auto changed = site.send("PATCH", these, R"({"place":8})", representation);
  CHECK(changed.body == R"([{"movie_id":4242,"kind":"made","place":8}, )"
                        "\n"
                        R"( {"movie_id":4242,"kind":"made","place":8}])");
  CHECK(site.send("DELETE", these, "", representation).status == 200);
  CHECK(site.get(these).body == "[]");
}

TEST_CASE("a view is answered as by one PostgreSQL, or refused with the reason") {
  for (const auto& view : view_cases()) {
    CAPTURE(view.name);
    const auto answer =
        KindsSite::shards().get("/" + view.name + "?select=" + view.columns + "&order=" + view.columns);
    if (!view.refused.empty()) {
      check_refused(answer, 404, "SHARD404", view.refused);
      continue;
    }
    CAPTURE(answer.body.substr(0, 400));
    CHECK(answer.status == 200);
    CHECK(answer.body ==
          rows_as_json("SELECT " + view.columns + " FROM " + view.name + " ORDER BY " + view.columns));
  }
}

TEST_CASE("a view that shards could not answer for is refused with the reason, and nothing else is") {
  auto& site = KindsSite::shards();
  check_refused(site.get("/page"), 404, "SHARD404", "its definition has LIMIT, OFFSET or FETCH");
  check_refused(site.get("/nowhere"), 404, "SHARD404", "the view is missing on alpha");
  const auto ready = site.router().admin("/ready?strict");
  CHECK(ready.status == 200);
  CHECK(ready.body.find("view page is not served") != std::string::npos);
  CHECK(ready.body.find("view nowhere is not served") != std::string::npos);
  const auto metrics = site.router().admin("/metrics").body;
  CHECK(metrics.find("shardplex_table_refused{table=\"page\"} 1") != std::string::npos);
  CHECK(metrics.find("shardplex_table_refused{table=\"dramas\"} 0") != std::string::npos);
  const auto map = json::parse(site.router().admin("/map").body);
  CHECK(map.at("views").at("page").as_object().contains("refused"));
  CHECK_FALSE(map.at("views").at("dramas").as_object().contains("refused"));
}

TEST_CASE("the command line tells what of keyless tables and views it can do") {
  auto& site = KindsSite::shards();
  const auto& map = site.cluster().map_file();
  const auto init = run_shardplex({"cluster", "init", "--map", map});
  CAPTURE(init.errors);
  CHECK(init.status == 0);
  CHECK(
      init.errors.find("events: without a primary key its rows cannot be told apart, so the slots of catalog "
                       "can be neither moved nor verified") != std::string::npos);
  CHECK(init.errors.find("page: its definition has LIMIT") != std::string::npos);
  CHECK(init.errors.find("best_of_all: a subquery in it reads ratings") != std::string::npos);
  CHECK(init.errors.find("rated: ") == std::string::npos);
  const auto check = run_shardplex({"rebalance", "check", "--map", map});
  CAPTURE(check.output);
  CHECK(check.status == 1);
  const auto said = check.output + check.errors;
  CHECK(said.find("table events has no primary key") != std::string::npos);
  CHECK(said.find("the rows of materialized view kept do not move with their slots") != std::string::npos);
  CHECK(said.find("materialized view dramas") == std::string::npos);
  const auto verify = run_shardplex({"verify", "--map", map});
  CHECK(verify.status == 1);
  CHECK(verify.errors.find("table events cannot be verified: it has no primary key") != std::string::npos);
  const auto verified = run_shardplex({"verify", "--map", map, "--table", "movies"});
  CHECK_MESSAGE(verified.status == 0, verified.output << verified.errors);
  const auto shown = run_shardplex({"map", "show", map});
  CHECK(shown.output.find("dramas (view)") != std::string::npos);
}

TEST_CASE("views show no rows of slots that their shard does not own") {
  auto& site = KindsSite::shards();
  std::vector<int> slots;
  for (int slot = 0; slot < 200; ++slot) slots.push_back(slot);
  // The materialized view has its rows where they were; on the new owner it is filled anew.
  hand_over_leaving_rows(site.cluster(), slots, "alpha", "beta");
  Database(site.cluster().conninfo("beta")).run("REFRESH MATERIALIZED VIEW kept");
  compare_ordered_reads(2, tests::fewer_if_sanitized(300));
  // Nor do writes through one touch them.
  Database old_owner(site.cluster().conninfo("alpha"));
  const auto moved = "(SELECT min(id) FROM movies WHERE shardplex_slot < 200 AND primary_genre = 'Drama')";
  const auto film = old_owner.value(std::string("SELECT ") + moved).value();
  const auto version = [&] {
    return old_owner.value("SELECT xmin::text || ' ' || name FROM movies WHERE id = " + film);
  };
  const auto before = version();
  const auto same = site.send("PATCH", "/dramas?id=eq." + film + "&select=id", R"({"primary_genre":"Drama"})",
                              {{"Prefer", "return=representation"}});
  CHECK(same.body == "[{\"id\":" + film + "}]");
  CHECK(same.header("Shardplex-Shards") == "beta");
  CHECK(version() == before);
  for (const std::string name : {"events", "noisy", "kept"}) check_possible(name, "", 1000, 0);
  // Once the rows are gone the shard is clean, and the view still has them.
  Database alpha(site.cluster().conninfo("alpha"));
  for (const std::string table : {"movies", "ratings", "events"})
    alpha.run("DELETE FROM " + table + " WHERE shardplex_slot < 200");
  alpha.run("SELECT shardplex.forget_slots('catalog', ARRAY(SELECT generate_series(0, 199)))");
  CHECK(alpha.number("SELECT count(*) FROM kept WHERE shardplex_slot < 200") > 0);
  compare_ordered_reads(3, tests::fewer_if_sanitized(300));
}

}  // namespace shardplex::integration
