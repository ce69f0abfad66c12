// Shard keys of every type that can be one: the same requests to three shards and to one, and what the
// command line makes of the rows.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/integration/key_kinds_site.hpp"

namespace shardplex::integration {

TEST_CASE("rows are written and found by keys of every kind as one PostgreSQL does it") {
  for (const auto& kind : key_kinds()) {
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

TEST_CASE(
    "rows are written through views by keys of every kind as one PostgreSQL writes them in their tables") {
  const auto check_view = [](std::string_view method, const std::string& table, const std::string& filter,
                             std::string_view body = {}) {
    const std::string select = (filter.empty() ? "?" : "&") + std::string("select=key,note");
    check_same(method, "/seen_" + table + filter + select, '/' + table + filter + select, body);
  };
  for (const auto& kind : key_kinds()) {
    for (auto* site : {&KeySite::shards(), &KeySite::one()})
      site->cluster().run_everywhere("DELETE FROM " + kind.table);
    for (const auto& key : kind.keys) check_view("POST", kind.table, "", json_row(key, "new"));
    for (const auto& key : kind.wrong) check_view("POST", kind.table, "", json_row(key, "wrong"));
    for (const auto& key : kind.keys) {
      const auto by_key = "?key=eq." + percent_encode(key);
      check_view("GET", kind.table, by_key);
      check_view("PATCH", kind.table, by_key, R"({"note":"changed"})");
    }
    check_view("DELETE", kind.table, "?key=eq." + percent_encode(kind.keys[1]));
    check_same("GET", '/' + kind.table + "?order=" + kind.order);
  }
  // Spelled anew.
  check_view("PATCH", "emails", "?key=eq.you", R"({"key":"YOU","note":"spelled"})");
  check_view("PATCH", "amounts", "?key=eq.42", R"({"key":"42.00","note":"spelled"})");
  check_same("GET", "/emails?order=note");
}

TEST_CASE("keys that are numbers and booleans in JSON are what PostgreSQL makes of them") {
  for (auto* site : {&KeySite::shards(), &KeySite::one()})
    site->cluster().run_everywhere("DELETE FROM amounts; DELETE FROM flags");
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
  for (auto* site : {&KeySite::shards(), &KeySite::one()})
    site->cluster().run_everywhere("DELETE FROM prices");
  for (const auto* body : {R"({"key":1.005,"note":"a"})", R"({"key":-2.675,"note":"b"})",
                           R"({"key":0.004,"note":"c"})", R"({"key":99999.999,"note":"d"})"})
    check_same("POST", "/prices", body);
  for (const std::string key : {"1.01", "1.005", "-2.68", "-2.675", "0", "0.004"})
    check_same("GET", "/prices?key=eq." + key);
  check_same("PATCH", "/prices?key=eq.1.01", R"({"key":1.0099,"note":"changed"})");
  check_same("GET", "/prices?order=key");
}

TEST_CASE("load, moves and verify know keys of every kind") {
  const TemporaryFolder folder;
  for (const auto& kind : key_kinds()) {
    INFO(kind.table);
    for (auto* site : {&KeySite::shards(), &KeySite::one()}) {
      site->cluster().run_everywhere("DELETE FROM " + kind.table);
      // Several spellings of one key are several rows of it: each is tried alone.
      for (const auto& key : kind.keys) {
        const auto file = folder.write("rows.ndjson", json_row(key, "loaded") + "\n");
        run_shardplex({"load", "--map", site->cluster().map_file(), "--table", kind.table, file});
      }
    }
    check_same("GET", '/' + kind.table + "?order=" + kind.order);
    CHECK(KeySite::shards().request("GET", '/' + kind.table + "?select=count()").body != R"([{"count":0}])");
  }
  // The whole of beta.
  const auto plan = folder.write("plan.yaml",
                                 "version: 1\ncluster: movies\nmoves:\n"
                                 "  - {group: all, slots: [341-500], from: beta, to: alpha}\n"
                                 "  - {group: all, slots: [501-681], from: beta, to: gamma}\n"
                                 "  - {group: letters, slots: [341-681], from: beta, to: gamma}\n");
  const auto moved =
      run_shardplex({"rebalance", "run", "--map", KeySite::shards().cluster().map_file(), plan, "--finish"});
  INFO(moved.output, moved.errors);
  REQUIRE(moved.status == 0);
  for (const auto& kind : key_kinds()) check_same("GET", '/' + kind.table + "?order=" + kind.order);
  const auto verified = run_shardplex({"verify", "--map", KeySite::shards().cluster().map_file()});
  INFO(verified.output, verified.errors);
  CHECK(verified.status == 0);
}

}  // namespace shardplex::integration
