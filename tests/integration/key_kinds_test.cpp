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
      {"holidays", "holiday", {"2024-02-29", "2024-12-25"}, {"2024-13-01"}}};
  return all;
}

std::string tables_sql() {
  std::string sql =
      "CREATE DOMAIN count_of AS integer; CREATE DOMAIN title AS text; CREATE DOMAIN holiday AS date;";
  for (const auto& kind : kinds())
    sql += "CREATE TABLE " + kind.table + " (key " + kind.type + " PRIMARY KEY, note text);";
  return sql;
}

struct Site {
  explicit Site(int shard_count) : cluster({.shards = shard_count, .replicas = 0}) {
    std::ifstream in(cluster.map_file());
    std::string map(std::istreambuf_iterator<char>(in), {});
    map = map.substr(0, map.find("\ngroups:") + 1);
    if (shard_count > 1)
      map +=
          "groups:\n  all:\n    strategy: { hash: {} }\n"
          "    placement: { alpha: [0-340], beta: [341-681], gamma: [682-1023] }\n";
    map += "tables:\n";
    for (const auto& kind : kinds())
      map +=
          "  " + kind.table + (shard_count > 1 ? ": { group: all, key: key }\n" : ": { reference: true }\n");
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
      check_same("GET", table + "?key=in.(" + percent_encode('"' + key + '"') + ")&order=key");
      check_same("GET", table + "?key=gt." + percent_encode(key) + "&order=key.desc");
      check_same("PATCH", by_key, R"({"note":"changed"})");
      if (!key.empty()) check_same("GET", table + '/' + percent_encode(key));
    }
    for (const auto& key : kind.wrong) check_same("GET", table + "?key=eq." + percent_encode(key));
    const auto& first = kind.keys.front();
    check_same("PUT", table + "?key=eq." + percent_encode(first), json_row(first, "put"));
    check_same("DELETE", table + "?key=eq." + percent_encode(kind.keys[1]));
    check_same("GET", table + "?order=key");
  }
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
    check_same("GET", '/' + kind.table + "?order=key");
    CHECK(shards().request("GET", '/' + kind.table + "?select=count()").body != R"([{"count":0}])");
  }
  // The whole of beta.
  const auto plan = folder.write("plan.yaml",
                                 "version: 1\ncluster: movies\nmoves:\n"
                                 "  - {group: all, slots: [341-500], from: beta, to: alpha}\n"
                                 "  - {group: all, slots: [501-681], from: beta, to: gamma}\n");
  const auto moved =
      run_shardplex({"rebalance", "run", "--map", shards().cluster.map_file(), plan, "--finish"});
  INFO(moved.output, moved.errors);
  REQUIRE(moved.status == 0);
  for (const auto& kind : kinds()) check_same("GET", '/' + kind.table + "?order=key");
  const auto verified = run_shardplex({"verify", "--map", shards().cluster.map_file()});
  INFO(verified.output, verified.errors);
  CHECK(verified.status == 0);
}

}  // namespace shardplex::integration
