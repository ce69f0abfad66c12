// Shard keys of every type that can be one: the same requests to three shards and to one, and what the
// command line makes of the rows.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/process.hpp"

namespace shardplex::integration {
namespace {

struct Kind {
  std::string table, type;
  std::vector<std::string> keys;   ///< values, some of them in several spellings
  std::vector<std::string> wrong;  ///< what is no value of the type
  std::string group = "all", order = "key";
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"smalls", "smallint", {"1", "-7", "+7", "007", "32767"}, {"32768", "x", ""}},
      {"numbers", "count_of", {"1", "-7", "+7", "2147483647"}, {"2147483648", "x"}},
      {"texts", "text", {"a", "a ", " a", "A", "ä", "", "1"}, {}},
      {"labels", "title", {"a", "a ", "A", "ä"}, {}},
      {"short_texts", "varchar(3)", {"a", "a ", "äöü", "äöü  ", "abc"}, {"abcd"}},
      {"codes", "char(3)", {"a", "a ", "ab ", "äöü", "abc   ", ""}, {"abcd"}},
      {"uuids",
       "uuid",
       {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A12",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13}"},
       {"a0eebc99"}},
      {"days", "date", {"2024-02-29", "1999-12-31", "0001-01-01", "9999-12-31"}, {"2023-02-29", "x"}},
      {"holidays", "holiday", {"2024-02-29", "2024-12-25"}, {"2024-13-01"}},
      {"flags", "boolean", {"true", "off", "t", "FALSE", "1", " yes "}, {"maybe", "", "2"}},
      {"choices", "choice", {"no", "on"}, {"o"}},
      {"amounts",
       "numeric",
       {"1.50", "15e-1", "-0.0", "42", "4.20e1", "NaN", "1e30", "0.1", " 7 ", "-Infinity",
        "9223372036854775808"},
       {"1,5", "x", ""}},
      {"prices", "numeric(6,2)", {"1.01", "1.005", "9999.99", "2.50"}, {"10000", "x"}},
      {"moods", "mood", {"ok", "sad", "Very happy"}, {"glad", "OK", ""}},
      // No router can merge the order of citext.
      {"emails", "citext", {"Me@Example.org", "ME@example.ORG", "you", "A ", "a"}, {}, "letters", "note"}};
  return all;
}

std::string tables_sql() {
  std::string sql =
      "CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'ok', 'Very happy');"
      "CREATE DOMAIN count_of AS integer; CREATE DOMAIN title AS text; CREATE DOMAIN holiday AS date;"
      "CREATE DOMAIN choice AS boolean;";
  for (const auto& kind : kinds())
    sql += "CREATE TABLE " + kind.table + " (key " + kind.type + " PRIMARY KEY, note text);";
  return sql;
}

struct Site {
  explicit Site(int shard_count) : cluster({.shards = shard_count, .replicas = 0}) {
    std::ifstream in(cluster.map_file());
    std::string map(std::istreambuf_iterator<char>(in), {});
    map = map.substr(0, map.find("\ngroups:") + 1);
    if (shard_count > 1) map += "groups:\n";
    for (const std::string group : {"all", "letters"})
      if (shard_count > 1)
        map += "  " + group +
               ":\n    strategy: { hash: {} }\n"
               "    placement: { alpha: [0-340], beta: [341-681], gamma: [682-1023] }\n";
    map += "tables:\n";
    for (const auto& kind : kinds())
      map += "  " + kind.table +
             (shard_count > 1 ? ": { group: " + kind.group + ", key: key }\n" : ": { reference: true }\n");
    std::ofstream(cluster.map_file()) << map;
    cluster.run_everywhere(tables_sql());
    cluster.initialise();
    router.emplace(cluster.map_file());
  }
  HttpResponse request(std::string_view method, const std::string& target, std::string_view body = {}) const {
    return HttpClient(router->port())
        .request(method, target, {{"Content-Type", "application/json"}, {"Prefer", "return=representation"}},
                 body);
  }

  Cluster cluster;
  std::optional<Router> router;
};

Site& shards() {
  static Site site(3);
  return site;
}
Site& one() {
  static Site site(1);
  return site;
}

/// Both answer the same; false where they do not.
bool check_same(std::string_view method, const std::string& target, std::string_view body = {}) {
  INFO(std::string(method), ' ', target, ' ', std::string(body));
  const auto expected = one().request(method, target, body), got = shards().request(method, target, body);
  INFO("one shard: ", expected.status, ' ', expected.body, "\nshards:    ", got.status, ' ', got.body);
  CHECK(got.status == expected.status);
  if (expected.status < 400) CHECK(got.body == expected.body);
  if (expected.status >= 400) CHECK(got.error_code() == expected.error_code());
  return got.status == expected.status;
}

std::string json_row(const std::string& key, const std::string& note) {
  return R"({"key":")" + key + R"(","note":")" + note + "\"}";
}

}  // namespace

TEST_CASE("rows are written and found by keys of every kind as one PostgreSQL does it") {
  for (const auto& kind : kinds()) {
    const auto table = '/' + kind.table;
    for (const auto& key : kind.keys) check_same("POST", table, json_row(key, "new"));
    for (const auto& key : kind.wrong) check_same("POST", table, json_row(key, "wrong"));
    for (const auto& key : kind.keys) {
      const auto by_key = table + "?key=eq." + percent_encode(key);
      check_same("GET", by_key);
      check_same("GET", by_key + "&select=note");
      check_same("GET", table + "?key=in.(" + percent_encode('"' + key + '"') + ")&order=" + kind.order);
      check_same("GET", table + "?key=gt." + percent_encode(key) + "&order=" + kind.order + ".desc");
      check_same("PATCH", by_key, R"({"note":"changed"})");
      if (!key.empty()) check_same("GET", table + '/' + percent_encode(key));
    }
    for (const auto& key : kind.wrong) check_same("GET", table + "?key=eq." + percent_encode(key));
    const auto& first = kind.keys.front();
    check_same("PUT", table + "?key=eq." + percent_encode(first), json_row(first, "put"));
    check_same("DELETE", table + "?key=eq." + percent_encode(kind.keys[1]));
    check_same("GET", table + "?order=" + kind.order);
    check_same("GET", table);
  }
}

TEST_CASE("keys that are numbers and booleans in JSON are what PostgreSQL makes of them") {
  for (auto* site : {&shards(), &one()})
    site->cluster.run_everywhere("DELETE FROM amounts; DELETE FROM flags");
  for (const auto* body :
       {R"({"key":7.50,"note":"a"})", R"({"key":8,"note":"b"})", R"([{"key":8.25,"note":"c"}])",
        R"({"key":1e2,"note":"d"})", R"({"key":7.5,"note":"again"})"})
    check_same("POST", "/amounts", body);
  check_same("GET", "/amounts?key=in.(7.5,8.0,0.0825e2,100)&order=key");
  check_same("PATCH", "/amounts?key=eq.7.5", R"({"key":7.500,"note":"changed"})");
  check_same("PUT", "/amounts?key=eq.8", R"({"key":8.0,"note":"put"})");
  check_same("PUT", "/amounts?key=eq.8", R"({"key":8.1,"note":"put"})");
  check_same("GET", "/amounts?order=key");
  for (const auto* body :
       {R"({"key":true,"note":"a"})", R"([{"key":false,"note":"b"}])", R"({"key":1,"note":"c"})"})
    check_same("POST", "/flags", body);
  check_same("GET", "/flags?key=is.true");
  check_same("PATCH", "/flags?key=eq.yes", R"({"key":true,"note":"changed"})");
  check_same("GET", "/flags?order=key");
}

TEST_CASE("a number is rounded to the digits of its column before it has a place") {
  for (auto* site : {&shards(), &one()}) site->cluster.run_everywhere("DELETE FROM prices");
  for (const auto* body : {R"({"key":1.005,"note":"a"})", R"({"key":-2.675,"note":"b"})",
                           R"({"key":0.004,"note":"c"})", R"({"key":99999.999,"note":"d"})"})
    check_same("POST", "/prices", body);
  for (const std::string key : {"1.01", "1.005", "-2.68", "-2.675", "0", "0.004"})
    check_same("GET", "/prices?key=eq." + key);
  check_same("PATCH", "/prices?key=eq.1.01", R"({"key":1.0099,"note":"changed"})");
  check_same("GET", "/prices?order=key");
}

TEST_CASE("citext beyond ASCII is refused as a key, and looked for on all shards") {
  const auto answer = shards().request("POST", "/emails", json_row("J\u00fcrgen", ""));
  INFO(answer.body);
  CHECK(answer.status == 400);
  CHECK(answer.error_code() == "SHARD400");
  CHECK(answer.body.find("has other characters than those of ASCII") != std::string::npos);
  for (auto* site : {&shards(), &one()}) site->request("POST", "/emails", json_row("K", "kelvin"));
  for (const std::string key : {"J\u00fcrgen", "\u212a", "k"})
    check_same("GET", "/emails?key=eq." + percent_encode(key));
  // What citext takes for equal is all that a change of the key may change.
  check_same("PATCH", "/emails?key=eq.K", R"({"key":"k"})");
  CHECK(shards().request("GET", "/emails?order=key").error_code() == "SHARD400");
}

TEST_CASE("a date that the router does not read like PostgreSQL is refused, not misplaced") {
  for (const auto* key :
       {"20240229", "2024-2-29", "Feb 29 2024", "infinity", "today", "0044-03-15 BC", "10000-01-01"}) {
    INFO(std::string(key));
    const auto answer = shards().request("POST", "/days", json_row(key, ""));
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "22007");
  }
  // Where it only looks for rows it need not know.
  check_same("GET", "/days?key=eq.20240229");
  check_same("GET", "/days?key=eq.Dec%2031%201999");
}

TEST_CASE("load, moves and verify know keys of every kind") {
  const TemporaryFolder folder;
  for (const auto& kind : kinds()) {
    INFO(kind.table);
    for (auto* site : {&shards(), &one()}) {
      site->cluster.run_everywhere("DELETE FROM " + kind.table);
      // Several spellings of one key are several rows of it: each is tried alone.
      for (const auto& key : kind.keys) {
        const auto file = folder.write("rows.ndjson", json_row(key, "loaded") + "\n");
        run_shardplex({"load", "--map", site->cluster.map_file(), "--table", kind.table, file});
      }
    }
    check_same("GET", '/' + kind.table + "?order=" + kind.order);
    CHECK(shards().request("GET", '/' + kind.table + "?select=count()").body != R"([{"count":0}])");
  }
  // The whole of beta.
  const auto plan = folder.write("plan.yaml",
                                 "version: 1\ncluster: movies\nmoves:\n"
                                 "  - {group: all, slots: [341-500], from: beta, to: alpha}\n"
                                 "  - {group: all, slots: [501-681], from: beta, to: gamma}\n"
                                 "  - {group: letters, slots: [341-681], from: beta, to: gamma}\n");
  const auto moved =
      run_shardplex({"rebalance", "run", "--map", shards().cluster.map_file(), plan, "--finish"});
  INFO(moved.output, moved.errors);
  REQUIRE(moved.status == 0);
  for (const auto& kind : kinds()) check_same("GET", '/' + kind.table + "?order=" + kind.order);
  const auto verified = run_shardplex({"verify", "--map", shards().cluster.map_file()});
  INFO(verified.output, verified.errors);
  CHECK(verified.status == 0);
}

TEST_CASE("load refuses keys that decide no place, and says which") {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& table, const std::string& key) {
    const auto file = folder.write("rows.ndjson", json_row(key, "refused") + "\n");
    const auto loaded = run_shardplex({"load", "--map", shards().cluster.map_file(), "--table", table, file});
    CHECK(loaded.status != 0);
    return loaded.output + loaded.errors;
  };
  CHECK(load("emails", "J\u00fcrgen").find("is not a key of type citext (only ASCII is)") !=
        std::string::npos);
  CHECK(load("prices", "1.005").find("\"1.005\" is too long for numeric(6,2)") != std::string::npos);
  CHECK(load("moods", "glad").find("\"glad\" is no label of mood by which rows are placed") !=
        std::string::npos);
  CHECK(load("flags", "maybe").find("\"maybe\" is not a key of type boolean") != std::string::npos);
  CHECK(load("amounts", "1,5").find("\"1,5\" is not a key of type numeric") != std::string::npos);
}

TEST_CASE("labels of keys are not renamed unnoticed, and new ones wait until they are written down") {
  const auto& site = shards();
  const auto get = [&] { return site.request("GET", "/moods?key=eq.ok"); };
  const auto rename = [&](const std::string& from, const std::string& to) {
    site.cluster.run_everywhere("ALTER TYPE mood RENAME VALUE '" + from + "' TO '" + to + "'");
  };
  const auto init = [&] { return run_shardplex({"cluster", "init", "--map", site.cluster.map_file()}); };
  const std::string placed_by =
      "rows of moods were placed by the labels sad, ok, Very happy of key, which are ";
  CHECK(get().status == 200);
  const auto before = get().body;

  rename("ok", "fine");
  wait_until("a label is missed", [&] { return get().status == 404; });
  CHECK(get().error_code() == "SHARD404");
  CHECK(get().body.find(placed_by) != std::string::npos);
  CHECK(init().status != 0);
  CHECK(init().errors.find(placed_by) != std::string::npos);
  rename("sad", "ok");
  rename("fine", "sad");  // they have changed places
  CHECK(init().errors.find("which are ok, sad, Very happy now") != std::string::npos);
  wait_until("labels have changed places", [&] {
    const auto answer = get();
    return answer.status == 404 && answer.body.find("which are ok, sad, Very happy now") != std::string::npos;
  });
  rename("ok", "fine");
  rename("sad", "ok");
  rename("fine", "sad");
  wait_until("the labels are back", [&] { return get().status == 200; });
  CHECK(get().body == before);

  site.cluster.run_everywhere("ALTER TYPE mood ADD VALUE 'new' BEFORE 'ok'");
  const auto post = [&] { return site.request("POST", "/moods", json_row("new", "")); };
  wait_until("a new label is seen", [&] { return post().error_code() == "SHARD400"; });
  CHECK(post().body.find("shardplex cluster init") != std::string::npos);
  CHECK(get().body == before);
  const auto written = init();
  INFO(written.output, written.errors);
  CHECK(written.status == 0);
  CHECK((written.output + written.errors).find("wrote down the form of the keys of 1 table") !=
        std::string::npos);
  wait_until("rows are placed by the new label", [&] { return post().status == 201; });
  CHECK(site.request("GET", "/moods?key=eq.new&select=key").body == R"([{"key":"new"}])");
  CHECK(run_shardplex({"verify", "--map", site.cluster.map_file()}).status == 0);
}

}  // namespace shardplex::integration
