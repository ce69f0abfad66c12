// Values of shard keys that the router cannot place as PostgreSQL would, and labels that change.
#include <doctest/doctest.h>

#include <string>

#include "tests/integration/key_kinds_site.hpp"

namespace shardplex::integration {

TEST_CASE("citext beyond ASCII is refused as a key, and looked for on all shards") {
  const auto answer = KeySite::shards().request("POST", "/emails", json_row("J\u00fcrgen", ""));
  INFO(answer.body);
  CHECK(answer.status == 400);
  CHECK(answer.error_code() == "SHARD400");
  CHECK(answer.body.find("has other characters than those of ASCII") != std::string::npos);
  for (auto* site : {&KeySite::shards(), &KeySite::one()})
    site->request("POST", "/emails", json_row("K", "kelvin"));
  for (const std::string key : {"J\u00fcrgen", "\u212a", "k"})
    check_same("GET", "/emails?key=eq." + percent_encode(key));
  // What citext takes for equal is all that a change of the key may change.
  check_same("PATCH", "/emails?key=eq.K", R"({"key":"k"})");
  CHECK(KeySite::shards().request("GET", "/emails?order=key").error_code() == "SHARD400");
}

TEST_CASE("a date that the router does not read like PostgreSQL is refused, not misplaced") {
  for (const auto* key :
       {"20240229", "2024-2-29", "Feb 29 2024", "infinity", "today", "0044-03-15 BC", "10000-01-01"}) {
    INFO(std::string(key));
    const auto answer = KeySite::shards().request("POST", "/days", json_row(key, ""));
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "22007");
  }
  // Where it only looks for rows it need not know.
  check_same("GET", "/days?key=eq.20240229");
  check_same("GET", "/days?key=eq.Dec%2031%201999");
}

TEST_CASE("load refuses keys that decide no place, and says which") {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& table, const std::string& key) {
    const auto file = folder.write("rows.ndjson", json_row(key, "refused") + "\n");
    const auto loaded =
        run_shardplex({"load", "--map", KeySite::shards().cluster().map_file(), "--table", table, file});
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
  const auto& site = KeySite::shards();
  const auto get = [&] { return site.request("GET", "/moods?key=eq.ok"); };
  const auto rename = [&](const std::string& from, const std::string& to) {
    site.cluster().run_everywhere("ALTER TYPE mood RENAME VALUE '" + from + "' TO '" + to + "'");
  };
  const auto init = [&] { return run_shardplex({"cluster", "init", "--map", site.cluster().map_file()}); };
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

  site.cluster().run_everywhere("ALTER TYPE mood ADD VALUE 'new' BEFORE 'ok'");
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
  CHECK(run_shardplex({"verify", "--map", site.cluster().map_file()}).status == 0);
}

}  // namespace shardplex::integration
