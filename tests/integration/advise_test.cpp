// Advice on a real cluster, before it is followed and after.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

constexpr int films = 24'000;  // enough on each of two shards for an index to pay

std::string film_rows() {
  std::string rows;
  for (int id = 1; id <= films; ++id) {
    const auto text = std::to_string(id);
    rows += R"({"id":)" + text + R"(,"name":"film )" + text + R"(","director":"director )" +
            std::to_string(id % 500) + R"(","distributor":"house )" + std::to_string(id % 50) +
            R"(","mpaa_rating":"G"})" + '\n';
  }
  return rows;
}

struct AdviceSite : Cluster {
  AdviceSite()
      : Cluster({.shards = 2, .replicas = 1, .map = "hash", .settings = {"track_commit_timestamp=on"}}) {
    initialise();
    load("movies", film_rows());
    run_everywhere(
        "CREATE INDEX same_director ON public.movies (director); CREATE INDEX by_gross ON public.movies "
        "(us_gross)");
    Database alpha(conninfo("alpha")), beta(conninfo("beta"));
    alpha.run("CREATE INDEX by_distributor ON public.movies (distributor)");
    alpha.run("SET enable_seqscan = off");
    for (int i = 0; i < 3; ++i) alpha.run("SELECT count(*) FROM public.movies WHERE distributor = 'house 7'");
    CHECK_THROWS(beta.run("CREATE UNIQUE INDEX CONCURRENTLY broken ON public.movies (mpaa_rating)"));
    run_everywhere("ANALYZE public.movies");
    wait_for_replicas();
  }
};

const Cluster& site() {
  static const AdviceSite made;
  return made;
}

std::string admin_url(const Router& router) {
  return "http://127.0.0.1:" + std::to_string(router.admin_port());
}

/// The answer to `shardplex advise --json` with these bounds, of tests.
json::value advice(std::vector<std::string> more, const std::string& days = "0") {
  std::vector<std::string> args{"advise",      "--map", site().map_file(), "--min-days", days,
                                "--min-calls", "50",    "--json"};
  args.insert(args.end(), more.begin(), more.end());
  const auto run = run_shardplex(args);
  INFO(run.output, run.errors);
  REQUIRE(run.status == 0);
  return json::parse(run.output);
}

std::string text_of(const json::value& value) {
  return std::string(value.as_string());
}

/// Those of one kind that say this.
std::vector<json::object> of_kind(const json::value& told, const std::string& kind, const std::string& part) {
  std::vector<json::object> found;
  for (const auto& one : told.at("advice").as_array())
    if (text_of(one.at("kind")) == kind && text_of(one.at("what")).find(part) != std::string::npos)
      found.push_back(one.as_object());
  return found;
}

bool some_say(const json::value& list, const std::string& part) {
  return std::ranges::any_of(
      list.as_array(), [&](const json::value& one) { return text_of(one).find(part) != std::string::npos; });
}

std::vector<std::string> shards_of(const json::object& one) {
  std::vector<std::string> names;
  for (const auto& name : one.at("steps").at(0).at("shards").as_array()) names.push_back(text_of(name));
  return names;
}

/// All indexes of both shards.
std::string all_indexes() {
  std::string all;
  for (const std::string shard : {"alpha", "beta"})
    all += Database(site().conninfo(shard))
               .value(
                   "SELECT string_agg(indexrelid::regclass::text || ' ' || indisvalid::text, ',' ORDER BY "
                   "indexrelid::regclass::text) FROM pg_index")
               .value_or("") +
           '\n';
  return all;
}

void ask_by_name(const Router& router) {
  HttpClient client(router.port());
  for (int i = 0; i < 60; ++i) CHECK(client.get("/movies?name=eq.film%20" + std::to_string(i)).status == 200);
  for (int i = 1; i <= 20; ++i) CHECK(client.get("/movies/" + std::to_string(i)).status == 200);
}

/// Does all SQL of the advice on the shards that it names.
void follow(const json::value& told) {
  for (const auto& one : told.at("advice").as_array())
    for (const auto& step : one.at("steps").as_array())
      for (const auto& shard : step.at("shards").as_array()) {
        const auto sql = text_of(step.at("text"));
        CAPTURE(sql);
        CHECK_NOTHROW(Database(site().conninfo(text_of(shard))).run(sql));
      }
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a hot slot is told with its part of the requests and the keys that it holds") {
  const Router router(site().map_file());
  HttpClient client(router.port());
  for (int i = 0; i < 600; ++i) REQUIRE(client.get("/movies/1").status == 200);
  const auto told = advice({"--router", admin_url(router)});
  const auto hot = of_kind(told, "hot_slot", "more requests than a shard's fair share");
  REQUIRE(hot.size() == 1);
  CHECK(text_of(hot[0].at("subject")) == "catalog");
  CHECK(text_of(hot[0].at("evidence").at(0).at("says")).starts_with("100 % of "));
  const auto keys = text_of(hot[0].at("evidence").at(1).at("says"));
  CAPTURE(keys);
  CHECK(keys.find(" keys; those with the most rows: movies ") != std::string::npos);
}

TEST_CASE("nothing is said of what is too young or too rare to be judged") {
  const Router router(site().map_file());
  ask_by_name(router);
  const auto run = run_shardplex({"advise", "--map", site().map_file(), "--router", admin_url(router)});
  INFO(run.output, run.errors);
  CHECK(run.status == 0);
  CHECK(run.output.find("unused_index") == std::string::npos);
  CHECK(run.output.find("missing_index") == std::string::npos);
  CHECK(run.output.find("shard_key") == std::string::npos);
  CHECK(run.output.find("advice\tduplicate_index\tmovies\tIndex same_director of movies") !=
        std::string::npos);
  CHECK(run.errors.find("2 of 2 patterns of requests: fewer than 1000 calls") != std::string::npos);
  CHECK(run.errors.find("load of group catalog: the routers have counted") != std::string::npos);
}

TEST_CASE("indexes and keys are advised with their evidence, and the SQL that is told does it") {
  const Router router(site().map_file());
  ask_by_name(router);
  const auto before = all_indexes();
  json::value told;
  wait_until("the servers to have told what they counted", [&] {
    told = advice({"--router", admin_url(router)});
    return !of_kind(told, "unused_index", "index by_gross of movies").empty();
  });
  INFO(json::serialize(told));
  CHECK(all_indexes() == before);
  CHECK(told.at("servers").as_array().size() == 4);
  CHECK(told.at("routers").as_array().size() == 1);
  CHECK(told.at("away").as_array().empty());

  const auto again =
      of_kind(told, "duplicate_index", "same_director of movies does nothing that movies_by_director");
  REQUIRE(again.size() == 1);
  CHECK(shards_of(again[0]) == Texts{"alpha", "beta"});
  const auto absent =
      of_kind(told, "index_on_some_shards", "by_distributor of movies is on alpha and not on beta");
  REQUIRE(absent.size() == 1);
  CHECK(shards_of(absent[0]) == Texts{"beta"});
  const auto broken = of_kind(told, "invalid_index", "Index broken of movies on beta");
  REQUIRE(broken.size() == 1);
  CHECK(shards_of(broken[0]) == Texts{"beta"});
  CHECK(text_of(broken[0].at("steps").at(0).at("text")) ==
        R"(REINDEX INDEX CONCURRENTLY "public"."broken";)");
  const auto missing = of_kind(told, "missing_index", "by name");
  REQUIRE(missing.size() == 1);
  CHECK(shards_of(missing[0]) == Texts{"alpha", "beta"});
  CHECK(
      text_of(missing[0].at("evidence").at(0).at("says")).starts_with("60 calls of GET /movies?name=eq.?: "));
  const auto key = of_kind(told, "shard_key", "Requests on movies name name more often than id");
  REQUIRE(key.size() == 1);
  CHECK(text_of(key[0].at("steps").at(0).at("text")).find("movies: { group: catalog, key: name }") !=
        std::string::npos);
  const auto unused = of_kind(told, "unused_index", "by_gross");
  REQUIRE(unused.size() == 1);
  CHECK(text_of(unused[0].at("evidence").at(0).at("source")) == "pg_stat_user_indexes of 4 servers");
  CHECK(of_kind(told, "unused_index", "by_distributor").empty());
  CHECK(of_kind(advice({"--router", admin_url(router)}, "1"), "unused_index", "").empty());

  // What is not unique cannot be made so: it is dropped instead.
  CHECK_THROWS(Database(site().conninfo("beta")).run(text_of(broken[0].at("steps").at(0).at("text"))));
  for (const std::string leftover : {"broken", "broken_ccnew"})
    Database(site().conninfo("beta")).run("DROP INDEX IF EXISTS public." + leftover);
  auto rest = told;
  auto& list = rest.at("advice").as_array();
  for (auto one = list.begin(); one != list.end();)
    one = text_of(one->at("kind")) == "invalid_index" ? list.erase(one) : one + 1;
  follow(rest);
  site().run_everywhere("ANALYZE public.movies");
  site().wait_for_replicas();
  const auto after = advice({"--router", admin_url(router)});
  INFO(json::serialize(after));
  for (const std::string kind : {"duplicate_index", "index_on_some_shards", "invalid_index", "missing_index"})
    CHECK(of_kind(after, kind, "").empty());
  CHECK(of_kind(after, "unused_index", "by_gross").empty());
  CHECK(of_kind(after, "unused_index", "movies_name_idx").empty());
  CHECK(some_say(after.at("not_judged"), "index movies_name_idx of movies is used"));
}

TEST_CASE("with HypoPG a planner is asked what an index would save") {
  Database alpha(site().conninfo("alpha"));
  if (alpha.number("SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'") == 0) {
    MESSAGE("left out: the package postgresql-15-hypopg is not installed");
    return;
  }
  alpha.run("CREATE SCHEMA IF NOT EXISTS planning");
  alpha.run("CREATE EXTENSION IF NOT EXISTS hypopg SCHEMA planning");
  const Router router(site().map_file());
  HttpClient client(router.port());
  for (int i = 0; i < 60; ++i) CHECK(client.get("/movies?us_gross=eq." + std::to_string(i)).status == 200);
  site().run_everywhere("DROP INDEX IF EXISTS public.by_gross");
  const auto told = advice({"--router", admin_url(router)});
  INFO(json::serialize(told));
  const auto missing = of_kind(told, "missing_index", "by us_gross");
  REQUIRE(missing.size() == 1);
  CHECK(std::ranges::any_of(missing[0].at("evidence").as_array(), [](const json::value& evidence) {
    return text_of(evidence.at("source")) == "HypoPG on alpha" &&
           text_of(evidence.at("says")).starts_with("the plan of GET /movies?us_gross=eq.? costs ");
  }));
  alpha.run("DROP EXTENSION hypopg");
}

TEST_CASE("servers and routers that are away are named, and advice is given of the others") {
  Router router(site().map_file());
  ask_by_name(router);
  site().run_everywhere(
      "CREATE INDEX IF NOT EXISTS same_director ON public.movies (director); CREATE INDEX IF NOT EXISTS "
      "by_gross ON public.movies (us_gross)");
  site().wait_for_replicas();
  site().kill("alpha-1");
  site().kill("beta");
  const auto told = advice({"--router", admin_url(router), "--router", "http://127.0.0.1:1"});
  INFO(json::serialize(told));
  CHECK(told.at("servers").as_array().size() == 2);
  CHECK(told.at("routers").as_array().size() == 1);
  CHECK(some_say(told.at("away"), "alpha 127.0.0.1:"));
  CHECK(some_say(told.at("away"), "beta"));
  CHECK(some_say(told.at("away"), "router http://127.0.0.1:1: "));
  CHECK(of_kind(told, "unused_index", "").empty());
  CHECK(some_say(told.at("not_judged"), " did not answer, and may have used those of "));
  const auto again = of_kind(told, "duplicate_index", "same_director");
  REQUIRE(again.size() == 1);
  CHECK(shards_of(again[0]) == Texts{"alpha", "beta"});
  CHECK(of_kind(told, "shard_key", "Requests on movies name name").size() == 1);

  const auto text = run_shardplex({"advise", "--map", site().map_file(), "--router", "http://127.0.0.1:1"});
  CHECK(text.status == 0);
  CHECK(text.errors.find("warning: router http://127.0.0.1:1: ") != std::string::npos);
  CHECK(text.errors.find("note: no router was asked") != std::string::npos);

  site().kill("alpha");
  site().kill("beta-1");
  const auto nobody = run_shardplex({"advise", "--map", site().map_file()});
  INFO(nobody.output, nobody.errors);
  CHECK(nobody.status == 1);
  CHECK(nobody.output.empty());
  CHECK(nobody.errors.find("error: alpha: no primary was found") != std::string::npos);
  CHECK(nobody.errors.find("error: beta: no primary was found") != std::string::npos);
}

}  // namespace shardplex::integration
