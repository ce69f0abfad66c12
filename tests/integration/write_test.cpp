// Writes through the router, and what they leave in the shards.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "shard_map/key.hpp"
#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const Headers as_json{{"Content-Type", "application/json"}};

Headers preferring(const std::string& preference) {
  auto headers = as_json;
  headers.emplace_back("Prefer", preference);
  return headers;
}

/// Two shards with a few films, and two routers over them.
struct Site {
  explicit Site(const std::string& map) : cluster({.shards = 2, .replicas = 0, .map = map}) {
    cluster.initialise();
    cluster.load("movies", make_movies({"--count", "60"}));
    cluster.load("ratings", make_movies({"--count", "60", "--ratings", "100"}));
    router.emplace(cluster.map_file());
    other_router.emplace(cluster.map_file());
  }

  Cluster cluster;
  std::optional<Router> router, other_router;

  HttpClient client() const { return HttpClient(router->port()); }

  /// Over all shards.
  std::int64_t count(const std::string& table, const std::string& where) const {
    std::int64_t rows = 0;
    for (const auto& shard : cluster.shards())
      rows += Database(cluster.conninfo(shard)).number("SELECT count(*) FROM " + table + " WHERE " + where);
    return rows;
  }
  /// The value of the one row with this id, from whichever shard has it.
  std::optional<std::string> value_of(const std::string& column, std::int64_t id) const {
    for (const auto& shard : cluster.shards()) {
      Database database(cluster.conninfo(shard));
      const auto where = " FROM movies WHERE id = " + std::to_string(id);
      if (database.number("SELECT count(*)" + where) > 0) return database.value("SELECT " + column + where);
    }
    return std::nullopt;
  }
  std::string shard_with(std::int64_t id) const {
    for (const auto& shard : cluster.shards())
      if (Database(cluster.conninfo(shard))
              .number("SELECT count(*) FROM movies WHERE id = " + std::to_string(id)) > 0)
        return shard;
    return "";
  }
};

Site& hash_site() {
  static Site site("hash");
  return site;
}
Site& genre_site() {
  static Site site("genre");
  return site;
}

/// Every row of every shard is in the slot of its key, on the shard that owns it.
void check_slots(const Cluster& cluster, const std::string& table) {
  const auto& placement = *cluster.map().find_table(table);
  const auto& group = cluster.map().group(*placement.group);
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  const std::string list_column = list == nullptr ? "NULL::text" : list->column;
  for (const auto& shard : cluster.shards()) {
    const auto rows =
        Database(cluster.conninfo(shard))
            .run("SELECT " + placement.key.one() + ", " + list_column + ", shardplex_slot FROM " + table);
    for (const auto& row : rows) {
      const auto key = canonical_bytes(row[0].as<std::int64_t>());
      const auto text = row[1].is_null() ? std::nullopt : std::optional(row[1].as<std::string>());
      const auto slot = slot_of_row(group, key, text);
      INFO(table, " ", row[0].c_str(), " on ", shard);
      CHECK(row[2].as<std::uint32_t>() == slot.value);
      CHECK(cluster.map().shard(group.placement[slot.value]).name == shard);
    }
  }
}

std::int64_t id_of(const HttpResponse& answer) {
  INFO(answer.body);
  REQUIRE(answer.status == 201);
  return json::parse(answer.body).at(0).at("id").to_number<std::int64_t>();
}

/// `count` ids from `from` on that are nobody's yet and live on `shard`.
std::vector<std::int64_t> ids_on(const Cluster& cluster, const std::string& shard, std::size_t count,
                                 std::int64_t from) {
  std::vector<std::int64_t> ids;
  for (auto id = from; ids.size() < count; ++id)
    if (cluster.shard_of("movies", id) == shard) ids.push_back(id);
  return ids;
}

std::string film(std::int64_t id, const std::string& name) {
  return R"({"id":)" + std::to_string(id) + R"(,"name":)" + json::serialize(json::string(name)) + '}';
}

void check_refused(const HttpResponse& answer, unsigned status, const std::string& code) {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
}

}  // namespace

TEST_CASE("ids are of 53 bits, in the order of time and unique over routers") {
  auto& site = hash_site();
  HttpClient clients[] = {HttpClient(site.router->port()), HttpClient(site.other_router->port())};
  std::set<std::int64_t> all;
  std::int64_t last[] = {0, 0};
  for (int i = 0; i < 300; ++i) {
    auto& client = clients[i % 2];
    const auto id =
        id_of(client.request("POST", "/movies", preferring("return=representation"), R"({"name":"new"})"));
    CHECK(id > last[i % 2]);
    CHECK(id < (std::int64_t{1} << 53));
    last[i % 2] = id;
    all.insert(id);
  }
  CHECK(all.size() == 300);
  using namespace std::chrono;
  const auto now = duration_cast<milliseconds>(system_clock::now() - sys_days{year{2024} / 1 / 1}).count();
  CHECK(std::abs((*all.rbegin() >> 12) - now) < 60'000);
  CHECK(site.count("movies", "name = 'new'") == 300);
  check_slots(site.cluster, "movies");
}

TEST_CASE("inserts that are committed together fail alone") {
  auto& site = hash_site();
  constexpr int clients = 24, rounds = 20;
  // Each id is inserted by three clients at once: one of them is answered 201, the others 409, and every
  // third row is refused.
  std::atomic<int> created{0}, conflicts{0}, refused{0}, other{0};
  std::vector<std::thread> threads;
  for (int c = 0; c < clients; ++c)
    threads.emplace_back([&, c] {
      HttpClient client(site.router->port());
      for (int round = 0; round < rounds; ++round) {
        const auto id = 7'000'000 + round * clients + c / 3;
        const bool bad = c % 3 == 2 && round % 2 == 0;
        const auto body = R"({"id":)" + std::to_string(id) + R"(,"name":"jointly","imdb_score":)" +
                          (bad ? "\"x\"" : "1") + "}";
        const auto status = client.request("POST", "/movies", as_json, body).status;
        ++(status == 201 ? created : status == 409 ? conflicts : status == 400 ? refused : other);
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(other == 0);
  CHECK(created == clients / 3 * rounds);
  CHECK(refused == clients / 3 * rounds / 2);
  CHECK(created + conflicts + refused == clients * rounds);
  CHECK(site.count("movies", "name = 'jointly'") == created);
  check_slots(site.cluster, "movies");
}

TEST_CASE("an insert answers what was preferred") {
  auto& site = hash_site();
  auto client = site.client();
  const auto ids = ids_on(site.cluster, "alpha", 5, 1000);

  auto answer = client.request("POST", "/movies", as_json, film(ids[0], "minimal"));
  CHECK(answer.status == 201);
  CHECK(answer.body.empty());
  CHECK_FALSE(answer.header("Location"));
  CHECK_FALSE(answer.header("Preference-Applied"));

  answer = client.request("POST", "/movies", preferring("return=headers-only"), film(ids[1], "headers"));
  CHECK(answer.status == 201);
  CHECK(answer.body.empty());
  CHECK(answer.header("Preference-Applied") == "return=headers-only");
  REQUIRE(answer.header("Location") == "/movies?id=eq." + std::to_string(ids[1]));
  answer = client.get(*answer.header("Location") + "&select=name", {{"Shardplex-Consistency", "strong"}});
  CHECK(answer.body == R"([{"name":"headers"}])");

  answer = client.request("POST", "/movies?select=name,id::text", preferring("return=representation"),
                          film(ids[2], "all of \"it\""));
  CHECK(answer.status == 201);
  CHECK(answer.body == R"([{"name":"all of \"it\"","id":")" + std::to_string(ids[2]) + R"("}])");
  CHECK(answer.header("Preference-Applied") == "return=representation");

  const std::string long_name(50'000, 'x');  // such an insert shares its transaction with no other
  answer = client.request("POST", "/movies?select=a:name,b:name", preferring("return=representation"),
                          film(ids[4], long_name));
  CHECK(answer.status == 201);
  CHECK(answer.body == R"([{"a":")" + long_name + R"(","b":")" + long_name + R"("}])");

  auto headers = preferring("return=representation, count=exact");
  headers.emplace_back("Accept", "application/vnd.pgrst.object+json");
  answer = client.request("POST", "/movies?select=id", headers, film(ids[3], "object"));
  CHECK(answer.status == 201);
  CHECK(answer.body == R"({"id":)" + std::to_string(ids[3]) + '}');
  CHECK(answer.header("Content-Range") == "*/1");
}

TEST_CASE("written rows come back in the format that was asked for") {
  auto& site = hash_site();
  auto client = site.client();
  const auto ids = ids_on(site.cluster, "alpha", 2, 1500);
  const auto asking = [](const std::string& type) {
    auto headers = preferring("return=representation");
    headers.emplace_back("Accept", type);
    return headers;
  };
  const std::string first = std::to_string(ids[0]), second = std::to_string(ids[1]);
  const std::string both = "/movies?select=id,name,director&id=in.(" + first + ',' + second + ')';
  auto answer = client.request("POST", "/movies?select=id,title:name,director,genre", asking("text/csv"),
                               '[' + film(ids[0], "all, of \"it\"\n\\") + ',' + film(ids[1], "") + ']');
  CHECK(answer.status == 201);
  CHECK(answer.header("Content-Type") == "text/csv; charset=utf-8");
  CHECK(answer.body ==
        "id,title,director,genre\n" + first + ",\"all, of \"\"it\"\"\n\\\\\",,{}\n" + second + ",\"\",,{}");

  answer = client.request("PATCH", both, asking("application/vnd.pgrst.array+json;nulls=stripped"),
                          R"({"name":"x"})");
  CHECK(answer.status == 200);
  CHECK(answer.header("Content-Type") == "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8");
  CHECK(answer.body == R"([{"id":)" + first + R"(,"name":"x"},{"id":)" + second + R"(,"name":"x"}])");

  answer = client.request("PUT", "/movies/" + first + "?select=id,director",
                          asking("application/vnd.pgrst.object+json;nulls=stripped"), R"({"name":"y"})");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"id":)" + first + '}');

  answer = client.request("PATCH", "/movies/" + first + "?select=id,name", asking("text/csv"), "{}");
  CHECK(answer.status == 200);
  CHECK(answer.body == "id,name\n" + first + ",y");

  answer = client.request("DELETE", both, asking("application/x-ndjson"));
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"id":)" + first + R"(,"name":"y","director":null})" + "\n" + R"({"id":)" + second +
                           R"(,"name":"x","director":null})" + "\n");
  CHECK(client.request("DELETE", both, asking("text/csv")).body == "\n");
  CHECK(client.request("POST", "/movies", asking("text/csv"), "[]").body == "\n");
  // Nothing is written where the answer could not be.
  check_refused(client.request("POST", "/movies", asking("text/plain"), film(ids[0], "refused")), 406,
                "PGRST107");
  CHECK(site.count("movies", "name = 'refused'") == 0);
}

TEST_CASE("rows of one shard are inserted together, rows of several are refused with nothing written") {
  auto& site = hash_site();
  auto client = site.client();
  const auto alpha = ids_on(site.cluster, "alpha", 3, 2000), beta = ids_on(site.cluster, "beta", 1, 2000);

  auto answer = client.request("POST", "/movies?select=id", preferring("return=representation, count=exact"),
                               '[' + film(alpha[1], "together") + ',' + film(alpha[0], "together") + ']');
  CHECK(answer.status == 201);
  CHECK(answer.header("Content-Range") == "*/2");
  CHECK(answer.body ==
        R"([{"id":)" + std::to_string(alpha[1]) + "}, \n {\"id\":" + std::to_string(alpha[0]) + "}]");
  CHECK(site.count("movies", "name = 'together'") == 2);
  answer = client.request("PATCH",
                          "/movies?select=id&order=id.desc&id=in.(" + std::to_string(alpha[0]) + ',' +
                              std::to_string(alpha[1]) + ')',
                          preferring("return=representation"), R"({"director":"d"})");
  CHECK(answer.body == R"([{"id":)" + std::to_string(std::max(alpha[0], alpha[1])) +
                           "}, \n {\"id\":" + std::to_string(std::min(alpha[0], alpha[1])) + "}]");

  answer = client.request("POST", "/movies", as_json,
                          '[' + film(alpha[2], "apart") + ',' + film(beta[0], "apart") + ']');
  check_refused(answer, 400, "SHARD400");
  CHECK(answer.body.find("alpha, beta") != std::string::npos);
  CHECK(site.count("movies", "name = 'apart'") == 0);

  answer = client.request("POST", "/movies", preferring("return=representation"), "[]");
  CHECK(answer.status == 201);
  CHECK(answer.body == "[]");

  // One row of two is taken already: neither is written.
  answer = client.request("POST", "/movies", as_json,
                          '[' + film(alpha[2], "half") + ',' + film(alpha[0], "half") + ']');
  check_refused(answer, 409, "23505");
  CHECK(site.count("movies", "name = 'half'") == 0);
  check_slots(site.cluster, "movies");
}

TEST_CASE("a value keeps every digit and character on its way in") {
  auto& site = hash_site();
  auto client = site.client();
  const auto name = std::string("\u65e5\u672c \"q\" \\ ' $1 {} \n \U0001F600");
  const auto id = id_of(client.request(
      "POST", "/movies", preferring("return=representation"),
      R"({"name":)" + json::serialize(json::string(name)) +
          R"(,"worldwide_gross":9223372036854775807,"imdb_score":7.1,"99popularity":0.30000000000000004,)"
          R"("genre":["a,b",null,"{c}"],"release_date":"2024-02-29"})"));
  CHECK(site.value_of("name", id) == name);
  CHECK(site.value_of("worldwide_gross", id) == "9223372036854775807");
  CHECK(site.value_of("\"99popularity\"", id) == "0.30000000000000004");
  CHECK(site.value_of("genre", id) == R"({"a,b",NULL,"{c}"})");
  CHECK(site.value_of("release_date", id) == "2024-02-29");
}

TEST_CASE("the slot column is nobody's business") {
  auto client = hash_site().client();
  CHECK(client.get("/movies?limit=1").body.find("shardplex_slot") == std::string::npos);
  check_refused(client.get("/movies?select=shardplex_slot"), 400, "42703");
  check_refused(client.get("/movies?shardplex_slot=eq.1"), 400, "42703");
  check_refused(client.get("/movies?order=shardplex_slot"), 400, "42703");
  check_refused(client.request("POST", "/movies", as_json, R"({"name":"x","shardplex_slot":1})"), 400,
                "PGRST204");
  check_refused(client.request("PATCH", "/movies?id=eq.1", as_json, R"({"shardplex_slot":1})"), 400,
                "PGRST204");
  const auto answer =
      client.request("POST", "/movies", preferring("return=representation"), R"({"name":"seen whole"})");
  CHECK(answer.status == 201);
  CHECK(answer.body.find("shardplex_slot") == std::string::npos);
}

TEST_CASE("a write that fails says why, as PostgreSQL and PostgREST do") {
  auto& site = hash_site();
  auto client = site.client();
  const auto before = site.count("movies", "true") + site.count("ratings", "true");
  struct Wrong {
    std::string method, target, body;
    unsigned status;
    std::string code;
  };
  const Wrong wrongs[] = {
      {"POST", "/movies", R"({"id":1})", 409, "23505"},
      {"POST", "/movies", R"({"id":"abc"})", 400, "22P02"},
      {"POST", "/movies", R"({"id":99999999999999999999})", 400, "22003"},
      {"POST", "/movies", R"({"imdb_score":"high"})", 400, "22P02"},
      {"POST", "/movies", R"({"imdb_score":11})", 400, "23514"},
      {"POST", "/movies", R"({"genre":null})", 400, "23502"},
      {"POST", "/movies", R"({"title":"x"})", 400, "PGRST204"},
      {"POST", "/movies", R"({"name":)", 400, "PGRST102"},
      {"POST", "/movies", "", 400, "PGRST102"},
      {"POST", "/movies", "5", 400, "PGRST102"},
      {"POST", "/movies", R"([{"name":"x"},{"director":"y"}])", 400, "PGRST102"},
      {"POST", "/movies?columns=no_such", R"({"name":"x"})", 400, "PGRST204"},
      {"POST", "/ratings", R"({"user_id":1,"score":5})", 400, "23502"},
      {"POST", "/ratings", R"({"movie_id":1,"user_id":99,"score":null})", 400, "23502"},
      {"POST", "/ratings", R"({"movie_id":1,"user_id":99,"score":77})", 400, "23514"},
      {"POST", "/genres", R"({"name":"New","number":99})", 400, "SHARD400"},
      {"POST", "/nothing", "{}", 404, "PGRST205"},
      {"PATCH", "/movies?id=eq.1", R"({"title":"x"})", 400, "PGRST204"},
      {"PATCH", "/movies?id=eq.1", R"([{"name":"x"},{"name":"y"}])", 400, "PGRST102"},
      {"PATCH", "/movies?id=eq.1&no_such=eq.1", R"({"name":"x"})", 400, "42703"},
      {"PATCH", "/movies?id=eq.1", R"({"imdb_score":-1})", 400, "23514"},
      {"PATCH", "/movies?id=eq.1", R"({"id":2})", 400, "SHARD400"},
      {"PATCH", "/movies?id=eq.1&limit=1", R"({"name":"x"})", 400, "SHARD400"},
      {"PATCH", "/movies", R"({"name":"x"})", 400, "SHARD400"},
      {"PUT", "/movies?name=eq.x", R"({"name":"x"})", 405, "PGRST105"},
      {"PUT", "/movies?id=eq.1", R"({"id":2})", 400, "PGRST115"},
      {"PUT", "/movies?id=eq.1&limit=1", R"({"id":1})", 400, "PGRST114"},
      {"PUT", "/movies?id=eq.abc", R"({"id":"abc"})", 400, "22P02"},
      {"DELETE", "/movies?id=eq.abc", "", 400, "22P02"},
      {"DELETE", "/movies/abc", "", 400, "22P02"},
      {"PATCH", "/movies?id=eq.99999999999999999999", R"({"name":"x"})", 400, "22003"},
      {"DELETE", "/movies", "", 400, "SHARD400"},
      {"DELETE", "/movies?imdb_score=gt.1", "", 400, "SHARD400"},
      {"DELETE", "/movies?select=*,nobody(*)&id=eq.1", "", 400, "PGRST200"},
  };
  for (const auto& wrong : wrongs) {
    INFO(wrong.method, " ", wrong.target, " ", wrong.body);
    check_refused(client.request(wrong.method, wrong.target, as_json, wrong.body), wrong.status, wrong.code);
  }
  check_refused(client.request("POST", "/movies", {{"Content-Type", "text/csv"}}, "name\nx\n"), 400,
                "PGRST102");
  for (const auto* preference : {"resolution=merge-duplicates", "missing=default", "tx=rollback"}) {
    INFO(preference);
    check_refused(client.request("POST", "/movies", preferring(preference), R"({"name":"x"})"), 400,
                  "SHARD400");
  }
  check_refused(
      client.request("POST", "/movies", preferring("handling=strict, sauce=hot"), R"({"name":"x"})"), 400,
      "PGRST122");
  CHECK(site.count("movies", "true") + site.count("ratings", "true") == before);
}

TEST_CASE("PATCH changes rows by key and by filters") {
  auto& site = hash_site();
  auto client = site.client();
  const auto ids = ids_on(site.cluster, "beta", 3, 3000);
  for (const auto id : ids)
    REQUIRE(client.request("POST", "/movies", as_json, film(id, "to change")).status == 201);
  const auto row = "/movies/" + std::to_string(ids[0]);

  auto answer = client.request("PATCH", row, as_json, R"({"name":"by path"})");
  CHECK(answer.status == 204);
  CHECK(answer.body.empty());
  CHECK(site.value_of("name", ids[0]) == "by path");

  answer = client.request("PATCH", row + "?select=id,name", preferring("return=representation"),
                          R"({"id":)" + std::to_string(ids[0]) + R"(,"name":"with its key"})");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"id":)" + std::to_string(ids[0]) + R"(,"name":"with its key"})");

  std::string list;
  for (const auto id : ids) list += (list.empty() ? "" : ",") + std::to_string(id);
  answer = client.request("PATCH", "/movies?id=in.(" + list + ")&name=eq.to%20change&select=id",
                          preferring("return=representation, count=exact"),
                          R"({"name":"by filter","imdb_score":9})");
  CHECK(answer.status == 200);
  CHECK(answer.header("Content-Range") == "0-1/2");
  CHECK(answer.body ==
        R"([{"id":)" + std::to_string(ids[1]) + "}, \n {\"id\":" + std::to_string(ids[2]) + "}]");
  CHECK(site.value_of("imdb_score", ids[2]) == "9.0");

  answer = client.request("PATCH", "/movies?id=eq." + std::to_string(ids[0]),
                          preferring("return=representation"), "{}");
  CHECK(answer.status == 200);
  CHECK(answer.body == "[]");

  answer = client.request("PATCH", "/movies?id=eq.999999", preferring("count=exact"), R"({"name":"nobody"})");
  CHECK(answer.status == 204);
  CHECK(answer.header("Content-Range") == "*/0");
  check_refused(client.request("PATCH", "/movies/999999", as_json, R"({"name":"nobody"})"), 404, "PGRST116");

  answer = client.request("PATCH", "/movies?name=eq.by%20filter", as_json, R"({"name":"everywhere"})");
  check_refused(answer, 400, "SHARD400");
  CHECK(site.count("movies", "name = 'everywhere'") == 0);
  check_slots(site.cluster, "movies");
}

TEST_CASE("a write that asks for a single object changes exactly one row, or nothing") {
  auto& site = hash_site();
  auto client = site.client();
  const auto id = ids_on(site.cluster, "beta", 1, 3500).front();
  REQUIRE(client.request("POST", "/movies", as_json, film(id, "single")).status == 201);
  const auto of_movie = "/ratings?movie_id=eq." + std::to_string(id);
  for (const auto* user : {"1", "2", "3"})
    REQUIRE(client
                .request("POST", "/ratings", as_json,
                         R"({"movie_id":)" + std::to_string(id) + R"(,"user_id":)" + user + R"(,"score":5})")
                .status == 201);
  const auto ratings = [&](const std::string& of) {
    return site.count("ratings", "movie_id = " + std::to_string(id) + " AND " + of);
  };
  // Any case, and without return=representation as well.
  const Headers object{{"Content-Type", "application/json"}, {"Accept", "Application/VND.pgrst.object+json"}},
      seen{{"Content-Type", "application/json"},
           {"Accept", "application/vnd.pgrst.object+json"},
           {"Prefer", "return=representation"}};
  for (const auto& headers : {object, seen})
    for (const auto& [filter, rows] :
         {std::pair("", 3), std::pair("&user_id=lt.3", 2), std::pair("&user_id=eq.9", 0)})
      for (const auto* method : {"DELETE", "PATCH"}) {
        INFO(method, " ", filter);
        const auto answer = client.request(method, of_movie + filter, headers, R"({"score":1})");
        check_refused(answer, 406, "PGRST116");
        CHECK(json::parse(answer.body).at("details").as_string() ==
              "The result contains " + std::to_string(rows) + " rows");
        CHECK(ratings("score = 5") == 3);
      }
  CHECK(client.request("PATCH", of_movie + "&user_id=eq.1", object, R"({"score":2})").status == 204);
  CHECK(ratings("score = 2") == 1);
  const auto answer = client.request("DELETE", of_movie + "&user_id=gt.2&select=user_id", seen);
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"user_id":3})");
  CHECK(ratings("true") == 2);
  // Nothing to change is not one row.
  check_refused(client.request("PATCH", "/movies?id=eq." + std::to_string(id), object, "{}"), 406,
                "PGRST116");
  check_refused(client.request("PATCH", "/movies?id=in.()", object, R"({"name":"x"})"), 406, "PGRST116");
  check_refused(client.request("DELETE", "/movies/999999", object), 404, "PGRST116");
  check_refused(client.request("POST", "/movies", object, "[]"), 406, "PGRST116");
  check_refused(client.request("POST", "/movies", object, "[{},{}]"), 406, "PGRST116");
  CHECK(client.request("POST", "/movies", object, R"({"name":"one"})").status == 201);
  CHECK(client.request("PUT", "/movies/" + std::to_string(id), object, R"({"name":"put"})").status == 204);
}

TEST_CASE("max-affected is kept under handling=strict") {
  auto& site = hash_site();
  auto client = site.client();
  const auto id = ids_on(site.cluster, "alpha", 1, 3600).front();
  REQUIRE(client.request("POST", "/movies", as_json, film(id, "rated")).status == 201);
  const auto of_movie = "/ratings?movie_id=eq." + std::to_string(id);
  for (const auto* user : {"1", "2"})
    REQUIRE(client
                .request("POST", "/ratings", as_json,
                         R"({"movie_id":)" + std::to_string(id) + R"(,"user_id":)" + user + R"(,"score":5})")
                .status == 201);
  const auto refused = client.request("DELETE", of_movie, preferring("handling=strict, max-affected=1"));
  check_refused(refused, 400, "PGRST124");
  CHECK(refused.body.find("The query affects 2 rows") != std::string::npos);
  CHECK(site.count("ratings", "movie_id = " + std::to_string(id)) == 2);
  auto answer =
      client.request("PATCH", of_movie, preferring("handling=strict, max-affected=2"), R"({"score":4})");
  CHECK(answer.status == 204);
  CHECK(answer.header("Preference-Applied") == "handling=strict, max-affected=2");
  answer = client.request("DELETE", of_movie, preferring("max-affected=1"));
  CHECK(answer.status == 204);
  CHECK_FALSE(answer.header("Preference-Applied"));
  CHECK(site.count("ratings", "movie_id = " + std::to_string(id)) == 0);
}

TEST_CASE("a PATCH of one row that sets nothing answers the row, and 404 only where there is none") {
  auto& site = hash_site();
  auto client = site.client();
  const auto id = ids_on(site.cluster, "beta", 1, 3700).front();
  REQUIRE(client.request("POST", "/movies", as_json, film(id, "as it is")).status == 201);
  const auto row = "/movies/" + std::to_string(id);
  auto answer = client.request("PATCH", row, as_json, "{}");
  CHECK(answer.status == 204);
  CHECK(answer.body.empty());
  CHECK(answer.header("Content-Range") == "*/*");
  answer = client.request("PATCH", row + "?select=name", preferring("return=representation"), "{}");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"name":"as it is"})");
  CHECK(answer.header("Preference-Applied") == "return=representation");
  check_refused(client.request("PATCH", "/movies/999999", as_json, "{}"), 404, "PGRST116");
}

TEST_CASE("PUT creates a row and replaces it whole") {
  auto& site = hash_site();
  auto client = site.client();
  const auto id = ids_on(site.cluster, "alpha", 1, 4000).front();
  const auto row = "/movies/" + std::to_string(id);

  auto answer = client.request(
      "PUT", row, preferring("return=representation"),
      R"({"id":)" + std::to_string(id) + R"(,"name":"put","director":"Ada","genre":["Drama"]})");
  CHECK(answer.status == 201);
  CHECK(json::parse(answer.body).at("director").as_string() == "Ada");

  answer = client.request("PUT", row, preferring("return=representation"), R"({"name":"put again"})");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("name").as_string() == "put again");
  CHECK(json::parse(answer.body).at("director").is_null());
  CHECK(json::parse(answer.body).at("genre").as_array().empty());

  answer =
      client.request("PUT", "/movies?id=eq." + std::to_string(id), as_json, R"({"name":"without answer"})");
  CHECK(answer.status == 204);
  CHECK(site.value_of("name", id) == "without answer");

  answer = client.request("PUT", "/ratings?movie_id=eq." + std::to_string(id) + "&user_id=eq.7", as_json,
                          R"({"movie_id":)" + std::to_string(id) + R"(,"user_id":7,"score":3})");
  CHECK(answer.status == 201);
  CHECK(site.count("ratings", "movie_id = " + std::to_string(id) + " AND user_id = 7 AND score = 3") == 1);
  check_slots(site.cluster, "movies");
  check_slots(site.cluster, "ratings");
}

TEST_CASE("DELETE removes rows by key and by filters") {
  auto& site = hash_site();
  auto client = site.client();
  const auto ids = ids_on(site.cluster, "beta", 3, 5000);
  for (const auto id : ids)
    REQUIRE(client.request("POST", "/movies", as_json, film(id, "to go")).status == 201);
  const auto row = "/movies/" + std::to_string(ids[0]);

  CHECK(client.request("DELETE", row).status == 204);
  CHECK(site.shard_with(ids[0]).empty());
  check_refused(client.request("DELETE", row), 404, "PGRST116");

  auto answer = client.request(
      "DELETE", "/movies?select=id&id=in.(" + std::to_string(ids[2]) + ',' + std::to_string(ids[1]) + ')',
      {{"Prefer", "return=representation,count=exact"}});
  CHECK(answer.status == 200);
  CHECK(answer.header("Content-Range") == "*/2");
  CHECK(answer.body ==
        R"([{"id":)" + std::to_string(ids[1]) + "}, \n {\"id\":" + std::to_string(ids[2]) + "}]");
  CHECK(site.count("movies", "name = 'to go'") == 0);

  answer = client.request("DELETE", "/movies?id=eq.999999", {{"Prefer", "return=representation"}});
  CHECK(answer.status == 200);
  CHECK(answer.body == "[]");
}

TEST_CASE("under a list the id comes from the router, and a client's own is refused with a hint") {
  auto& site = genre_site();
  auto client = site.client();
  auto answer =
      client.request("POST", "/movies", as_json, R"({"id":424242,"primary_genre":"Drama","name":"own"})");
  check_refused(answer, 400, "SHARD400");
  CHECK_FALSE(json::parse(answer.body).at("hint").is_null());
  CHECK(site.count("movies", "name = 'own'") == 0);

  for (const auto* genre :
       {R"("Drama")", R"("Comedy")", R"("Western")", R"("on no list")", R"("")", "null"}) {
    INFO(genre);
    const auto id = id_of(client.request("POST", "/movies", preferring("return=representation"),
                                         R"({"name":"listed","primary_genre":)" + std::string(genre) + '}'));
    CHECK_FALSE(site.shard_with(id).empty());
    answer =
        client.get("/movies/" + std::to_string(id) + "?select=name", {{"Shardplex-Consistency", "strong"}});
    CHECK(answer.body == R"({"name":"listed"})");
  }
  const auto id = id_of(client.request("POST", "/movies", preferring("return=representation"),
                                       R"({"name":"without any genre"})"));
  CHECK(site.value_of("primary_genre", id) == std::nullopt);
  check_slots(site.cluster, "movies");
}

TEST_CASE("under a list no key comes from a sequence, which could give one twice") {
  auto& site = genre_site();
  site.cluster.run_everywhere(
      "CREATE TABLE public.numbered (id serial PRIMARY KEY, primary_genre text COLLATE \"C\")");
  std::ifstream file(site.cluster.map_file());
  std::ostringstream map;
  map << file.rdbuf() << "\n  numbered: { group: by_genre }\n";
  const TemporaryFolder folder;
  const auto map_file = folder.write("map.yaml", map.str());
  site.cluster.initialise(map_file);
  const Router router(map_file);
  HttpClient client(router.port());
  const auto answer = client.request("POST", "/numbered", as_json, R"({"primary_genre":"Drama"})");
  check_refused(answer, 400, "SHARD400");
  CHECK(answer.body.find("bigint") != std::string::npos);
}

TEST_CASE("under a list a row is found by its id alone, to be changed, replaced and removed") {
  auto& site = genre_site();
  auto client = site.client();
  const auto id = id_of(client.request("POST", "/movies", preferring("return=representation"),
                                       R"({"name":"to find","primary_genre":"Horror"})"));
  const auto row = "/movies/" + std::to_string(id);

  CHECK(client.request("PATCH", row, as_json, R"({"name":"found"})").status == 204);
  CHECK(site.value_of("name", id) == "found");
  auto answer = client.request("PATCH", "/movies?select=name&id=eq." + std::to_string(id),
                               preferring("return=representation"), R"({"name":"found again"})");
  CHECK(answer.body == R"([{"name":"found again"}])");
  check_refused(client.request("PATCH", "/movies/999999", as_json, R"({"name":"nobody"})"), 404, "PGRST116");

  answer = client.request("PUT", row, preferring("return=representation"),
                          R"({"name":"put","primary_genre":"Horror"})");
  CHECK(answer.status == 200);
  CHECK(site.value_of("name", id) == "put");
  answer =
      client.request("PUT", "/movies/999999", as_json, R"({"name":"new by put","primary_genre":"Horror"})");
  check_refused(answer, 400, "SHARD400");
  CHECK(site.count("movies", "name = 'new by put'") == 0);

  CHECK(client.request("DELETE", row).status == 204);
  CHECK(site.shard_with(id).empty());
  check_refused(client.request("DELETE", row), 404, "PGRST116");
}

TEST_CASE("a change of genre on the same shard changes the slot, one to another shard is refused") {
  auto& site = genre_site();
  auto client = site.client();
  const auto id = id_of(client.request("POST", "/movies", preferring("return=representation"),
                                       R"({"name":"to change","primary_genre":"Action"})"));
  const auto row = "/movies/" + std::to_string(id), home = site.shard_with(id);
  std::optional<std::string> near, far;
  for (const auto* genre : {"Drama", "Comedy", "Adventure", "Horror", "Musical", "Documentary", "Western"})
    (site.cluster.shard_of("movies", id, genre) == home ? near : far) = genre;
  REQUIRE(near.has_value());
  REQUIRE(far.has_value());

  CHECK(client.request("PATCH", row, as_json, R"({"primary_genre":")" + *near + "\"}").status == 204);
  CHECK(site.value_of("primary_genre", id) == *near);
  CHECK(site.shard_with(id) == home);
  check_slots(site.cluster, "movies");

  for (const auto* method : {"PATCH", "PUT"}) {
    check_refused(client.request(method, row, as_json, R"({"name":"moved","primary_genre":")" + *far + "\"}"),
                  400, "SHARD400");
    CHECK(site.value_of("primary_genre", id) == *near);
    CHECK(site.value_of("name", id) == "to change");
  }
  CHECK(client.request("PUT", row, as_json, R"({"name":"put","primary_genre":"Action"})").status == 204);
  CHECK(site.value_of("primary_genre", id) == "Action");
  check_slots(site.cluster, "movies");

  // One that comes between a write's looking for the row and its changing it.
  const auto& group = site.cluster.map().group(*site.cluster.map().find_table("movies")->group);
  const auto slot = slot_of_row(group, canonical_bytes(id), *near).value;
  const std::string by_key = "id=eq." + std::to_string(id),
                    by_lists = "id=in.(" + std::to_string(id) + ")&primary_genre=in.(Action," + *near + ')';
  for (const auto& [accept, chosen] :
       {std::pair<std::string, std::string>{"application/vnd.pgrst.object+json", by_key},
        {"application/json", by_key},
        {"application/json", by_lists}}) {
    CAPTURE(chosen);
    CAPTURE(accept);
    Database shard(site.cluster.conninfo(home)), watcher(site.cluster.conninfo(home));
    shard.run("UPDATE movies SET primary_genre = 'Action', shardplex_slot = " +
              std::to_string(slot_of_row(group, canonical_bytes(id), "Action").value) +
              " WHERE id = " + std::to_string(id));
    std::optional<HttpResponse> answer;
    {
      pqxx::work change(shard.connection());
      change.exec("UPDATE movies SET primary_genre = '" + *near +
                  "', shardplex_slot = " + std::to_string(slot) + " WHERE id = " + std::to_string(id));
      std::jthread patching([&] {
        HttpClient other(site.router->port());
        answer = other.request(
            "PATCH", "/movies?select=director&" + chosen,
            {{"Content-Type", "application/json"}, {"Prefer", "return=representation"}, {"Accept", accept}},
            R"({"director":"in between"})");
      });
      wait_until("the write waits for the row", [&] {
        return watcher.number(
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                   "application_name = 'shardplexd'") > 0;
      });
      change.commit();
    }
    INFO(answer->body);
    CHECK(answer->status == 200);
    CHECK(answer->body.find(R"({"director":"in between"})") != std::string::npos);
  }
  check_slots(site.cluster, "movies");
}

TEST_CASE("uuid keys in any spelling, partitioned tables and domains over tsvector are served") {
  auto& site = hash_site();
  site.cluster.run_everywhere(
      "SET search_path = public; CREATE DOMAIN terms AS tsvector;"
      "CREATE TABLE codes (code uuid PRIMARY KEY, words terms);"
      "CREATE TABLE counted (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text);"
      "CREATE TABLE uncounted (id integer PRIMARY KEY);"
      "CREATE TABLE ever (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);"
      "CREATE TABLE small (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);"
      "CREATE TABLE parts (id bigint PRIMARY KEY, name text) PARTITION BY HASH (id);"
      "CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
      "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1)");
  std::ifstream file(site.cluster.map_file());
  std::ostringstream map;
  map << file.rdbuf() << "\n  codes: { group: catalog, key: code }\n";
  for (const auto* table : {"parts", "counted", "uncounted", "ever", "small"})
    map << "  " << table << ": { group: catalog, key: id }\n";
  const TemporaryFolder folder;
  const auto map_file = folder.write("map.yaml", map.str());
  site.cluster.initialise(map_file);
  const Router router(map_file);
  HttpClient client(router.port());

  const std::string written = "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}",
                    stored = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
  auto answer = client.request("POST", "/codes?select=code", preferring("return=representation"),
                               R"({"code":")" + written + R"(","words":"'alien':1"})");
  CHECK(answer.status == 201);
  CHECK(answer.body == R"([{"code":")" + stored + "\"}]");
  for (const auto& target :
       {"/codes?code=eq." + stored, "/codes?code=eq.%7B" + written.substr(1, 32) + "%7D"}) {
    const auto found = client.get(target);
    CHECK(json::parse(found.body).as_array().size() == 1);
    CHECK(found.header("Shardplex-Shards").value_or("").find(',') == std::string::npos);
  }
  CHECK(client.request("PATCH", "/codes/" + stored, as_json, R"({"code":")" + written + "\"}").status == 204);
  CHECK(json::parse(client.get("/codes?words=fts.alien").body).as_array().size() == 1);
  CHECK(client.get("/codes?words=not.fts.alien").body == "[]");

  answer = client.request("PUT", "/parts/5", preferring("return=representation"), R"({"name":"new"})");
  CHECK(answer.status == 201);
  answer = client.request("PUT", "/parts/5", preferring("return=representation"), R"({"name":"replaced"})");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"id":5,"name":"replaced"})");
  CHECK(client.request("PUT", "/parts?id=eq.6", as_json, R"({"id":6})").status == 201);
  CHECK(client.request("PUT", "/parts?id=eq.6", as_json, R"({"id":6})").status == 204);

  for (const auto* id : {"1", "2", "3"})
    CHECK(client.request("POST", "/counted?select=id", preferring("return=representation"), R"({"name":"x"})")
              .body == "[{\"id\":" + std::string(id) + "}]");
  CHECK(client.request("POST", "/counted", as_json, R"({"id":4})").status == 201);
  check_refused(client.request("POST", "/counted", as_json, "{}"), 409, "23505");  // as in one PostgreSQL
  check_refused(client.request("POST", "/uncounted", as_json, "{}"), 400, "23502");

  CHECK(client.request("POST", "/small?select=id", preferring("return=representation"), R"({"name":"x"})")
            .body == "[{\"id\":1}]");
  const auto id =
      id_of(client.request("POST", "/ever", preferring("return=representation"), R"({"name":"x"})"));
  const auto ever = "/ever?id=eq." + std::to_string(id);
  CHECK(client.request("PATCH", ever, as_json, R"({"name":"y"})").status == 204);
  CHECK(json::parse(client.get(ever).body).as_array().size() == 1);
  // What is said of identities is what PostgreSQL itself says.
  pqxx::connection alone(site.cluster.conninfo("alpha"));
  const auto said_alone = [&](const std::string& sql) {
    try {
      pqxx::work(alone).exec(sql);
    } catch (const pqxx::sql_error& error) {
      return error.sqlstate() + ' ' + error.what();
    }
    return std::string("nothing");
  };
  for (const auto& [refusal, sql] :
       {std::pair{client.request("POST", "/ever", as_json, R"({"id":1,"name":"z"})"),
                  std::string("INSERT INTO ever (id, name, shardplex_slot) VALUES (1, 'z', 1)")},
        {client.request("PUT", "/ever?id=eq.1", as_json, R"({"id":1,"name":"z"})"),
         "INSERT INTO ever (id, name, shardplex_slot) SELECT 1, 'z', 1 ON CONFLICT (id) DO UPDATE SET name = "
         "'z'"},
        {client.request("PATCH", ever, as_json, R"({"id":1,"name":"z"})"), "UPDATE ever SET id = 1"}}) {
    check_refused(refusal, 400, "428C9");
    const auto error = json::parse(refusal.body).as_object();
    const auto alone_said = said_alone(sql);
    CAPTURE(alone_said);
    CHECK(alone_said.starts_with("428C9 ERROR:  " + std::string(error.at("message").as_string()) + '\n'));
    CHECK(alone_said.find("\nDETAIL:  " + std::string(error.at("details").as_string())) != std::string::npos);
    if (error.at("hint").is_null())
      CHECK(alone_said.find("HINT") == std::string::npos);
    else
      CHECK(alone_said.find("\nHINT:  " + std::string(error.at("hint").as_string())) != std::string::npos);
  }
}

}  // namespace shardplex::integration
