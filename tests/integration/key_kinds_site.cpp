#include "tests/integration/key_kinds_site.hpp"

#include <doctest/doctest.h>

namespace shardplex::integration {

const std::vector<KeyKind>& key_kinds() {
  static const std::vector<KeyKind> all{
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

namespace {

std::string tables_sql() {
  std::string sql =
      "CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'ok', 'Very happy');"
      "CREATE DOMAIN count_of AS integer; CREATE DOMAIN title AS text; CREATE DOMAIN holiday AS date;"
      "CREATE DOMAIN choice AS boolean;";
  for (const auto& kind : key_kinds())
    sql += "CREATE TABLE " + kind.table + " (key " + kind.type + " PRIMARY KEY, note text);";
  return sql;
}

std::string views_sql() {
  std::string sql;
  for (const auto& kind : key_kinds())
    sql += "CREATE VIEW public.seen_" + kind.table + " AS SELECT note, key, shardplex_slot FROM " +
           kind.table + ';';
  return sql;
}

}  // namespace

KeySite::KeySite(int shard_count) : cluster_({.shards = shard_count, .replicas = 0}) {
  std::string map = shard_count > 1 ? "groups:\n" : "";
  for (const std::string group : {"all", "letters"})
    if (shard_count > 1)
      map += "  " + group +
             ":\n    strategy: { hash: {} }\n"
             "    placement: { alpha: [0-340], beta: [341-681], gamma: [682-1023] }\n";
  map += "tables:\n";
  for (const auto& kind : key_kinds())
    map += "  " + kind.table +
           (shard_count > 1 ? ": { group: " + kind.group + ", key: key }\n" : ": { reference: true }\n");
  if (shard_count > 1) map += "views:\n";
  for (const auto& kind : key_kinds())
    if (shard_count > 1) map += "  seen_" + kind.table + ": { group: " + kind.group + ", key: key }\n";
  cluster_.use_map(map);
  cluster_.run_everywhere(tables_sql());
  cluster_.initialise();
  if (shard_count > 1) cluster_.run_everywhere(views_sql());
  router_.emplace(cluster_.map_file());
}

KeySite& KeySite::shards() {
  static KeySite site(3);
  return site;
}

KeySite& KeySite::one() {
  static KeySite site(1);
  return site;
}

HttpResponse KeySite::request(std::string_view method, const std::string& target,
                              std::string_view body) const {
  return HttpClient(router_->port())
      .request(method, target, {{"Content-Type", "application/json"}, {"Prefer", "return=representation"}},
               body);
}

bool check_same(std::string_view method, const std::string& target, std::string_view body) {
  return check_same(method, target, target, body);
}

bool check_same(std::string_view method, const std::string& over_shards, const std::string& target,
                std::string_view body) {
  INFO(std::string(method), ' ', over_shards, ' ', std::string(body));
  const auto expected = KeySite::one().request(method, target, body),
             got = KeySite::shards().request(method, over_shards, body);
  INFO("one shard: ", expected.status, ' ', expected.body, "\nshards:    ", got.status, ' ', got.body);
  CHECK(got.status == expected.status);
  if (expected.status < 400) CHECK(got.body == expected.body);
  if (expected.status >= 400) CHECK(got.error_code() == expected.error_code());
  return got.status == expected.status;
}

std::string json_row(const std::string& key, const std::string& note) {
  return R"({"key":")" + key + R"(","note":")" + note + "\"}";
}

}  // namespace shardplex::integration
