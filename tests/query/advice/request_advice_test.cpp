#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/advice/placement_advice.hpp"
#include "query/advice/wished_index.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;

namespace {

QueryPattern asked(const std::string& text, std::uint64_t calls, std::uint64_t shards_each = 3) {
  QueryPattern pattern;
  pattern.text = text;
  pattern.counts.calls = calls;
  pattern.counts.time_us = 2'000 * calls;
  pattern.counts.shards = shards_each * calls;
  pattern.counts.scatters = shards_each > 1 ? calls : 0;
  pattern.counts.rows = pattern.counts.rows_read = 20 * calls;
  return pattern;
}

SurveyedIndex index_from(const std::string& table, const std::string& column) {
  SurveyedIndex index;
  index.table = table;
  index.name = table + '_' + column;
  index.schema = "public";
  index.method = "btree";
  index.columns = index.keys = {column};
  index.on = "public." + table + " USING btree (" + column + ')';
  return index;
}

/// Three shards of movies and ratings, with an index of their keys.
Survey big_tables() {
  Survey survey;
  for (const std::string name : {"alpha", "beta", "gamma"}) {
    SurveyedShard shard;
    shard.name = name;
    shard.known = shard.by_primary = true;
    shard.tables["movies"].rows = 50'000;
    shard.tables["movies"].distinct = {{"name", -0.5}, {"primary_genre", 12}, {"votes", 3}};
    shard.tables["ratings"].rows = 80'000;
    shard.tables["people"].rows = 30'000;
    shard.indexes = {index_from("movies", "id"), index_from("ratings", "movie_id")};
    ServerUse use{name + " 10.0.0.1:5432/movies", "2026-01-01T00:00:00Z", 30, {}, {}};
    use.tables["movies"] = {1'000, 40'000'000, 2'000, 500};
    use.tables["people"] = {100, 1'000, 200'000, 90'000};
    shard.uses.push_back(std::move(use));
    survey.shards.push_back(std::move(shard));
  }
  return survey;
}

Table people() {
  Table table;
  table.name = "people";
  table.has_slot_column = true;
  table.columns = {fixtures::not_null(fixtures::column("id", "bigint", "int8")),
                   fixtures::column("movie", "bigint", "int8")};
  table.primary_key = {"id"};
  table.foreign_keys = {{"people_movie_fkey", {"movie"}, "movies", {"id"}}};
  return table;
}

struct Site {
  ShardMap map = ShardMap("movies", fixtures::three_shards(),
                          {{"catalog", 1024, HashStrategy{}, fixtures::thirds(1024)},
                           {"persons", 1024, HashStrategy{}, fixtures::thirds(1024)}},
                          {{"movies", false, GroupId{0}, "id"},
                           {"ratings", false, GroupId{0}, "movie_id"},
                           {"people", false, GroupId{1}, "id"},
                           {"genres", true, std::nullopt, ""}},
                          {});
  Catalogue catalogue;
  Survey survey = big_tables();
  PatternReport report;

  explicit Site(std::vector<QueryPattern> patterns) {
    for (const auto& table : {fixtures::movies(), fixtures::ratings(), fixtures::genres(), people()})
      catalogue.tables[table.name] = table;
    report.patterns = std::move(patterns);
  }

  AdvisedCluster cluster() const { return {map, catalogue, survey, {}, "public"}; }
  std::vector<TablePattern> patterns() const { return patterns_of_tables(report, cluster()); }
};

std::vector<std::string> wished_by(std::vector<QueryPattern> patterns) {
  const Site site(std::move(patterns));
  const auto of_tables = site.patterns();
  std::vector<std::string> texts;
  for (const auto& wish : wished_indexes(of_tables, site.cluster())) texts.push_back(wish.on());
  return texts;
}

Advised keys_by(std::vector<QueryPattern> patterns) {
  const Site site(std::move(patterns));
  return advise_shard_keys(site.patterns(), site.cluster());
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("patterns are of the tables that the map has, and tell what their filters compare") {
  const Site site({asked("GET /movies?id=eq.?&votes=gt.?&name=in.(?)&or=(mpaa.eq.?)&data->>a=eq.?", 5, 1),
                   asked("GET /movies/{key}", 5, 1), asked("GET /nothing?id=eq.?", 5),
                   asked("GET /genres?name=eq.?", 5, 1),
                   asked("GET /movies?id=eq.?; Accept-Profile: other", 5), asked("(no endpoint)", 5)});
  const auto patterns = site.patterns();
  REQUIRE(patterns.size() == 3);
  CHECK(patterns[0].equal == Texts{"id", "name"});
  CHECK(patterns[0].ranges == Texts{"votes"});
  CHECK(patterns[0].is_narrowed);
  CHECK_FALSE(patterns[0].is_scattered());
  CHECK(patterns[1].equal == Texts{"id"});
  CHECK(patterns[2].table == "genres");
  CHECK_FALSE(patterns[2].is_narrowed);
}

TEST_CASE("requests ask by the columns of their filters and orders") {
  const Site site({asked("GET /movies?id=eq.?&votes=gt.?&name=neq.?&order=released,data->a&limit=?", 5)});
  CHECK(columns_asked_by(site.patterns()) ==
        std::set<std::pair<std::string, std::string>>{
            {"movies", "id"}, {"movies", "released"}, {"movies", "votes"}});
}

TEST_CASE("an index is wished for what is compared, and then for the order of a page") {
  CHECK(wished_by({asked("GET /movies?name=eq.?", 2'000)}) == Texts{R"("public"."movies" ("name"))"});
  CHECK(wished_by({asked("PATCH /movies?name=eq.?", 2'000)}) == Texts{R"("public"."movies" ("name"))"});
  CHECK(wished_by({asked("GET /movies?primary_genre=eq.?&order=imdb_score.desc.nullslast&limit=?", 2'000)}) ==
        Texts{R"("public"."movies" ("primary_genre", "imdb_score" DESC NULLS LAST, "id"))"});
  CHECK(wished_by({asked("GET /movies?order=released.desc&limit=?", 2'000)}) ==
        Texts{R"("public"."movies" ("released" DESC, "id"))"});
  CHECK(wished_by({asked("GET /movies?votes=gt.?", 2'000)}) == Texts{R"("public"."movies" ("votes"))"});
  CHECK(
      wished_by({asked("GET /movies?name=eq.?", 2'000), asked("GET /movies?name=eq.?&votes=gt.?", 3'000)}) ==
      Texts{R"("public"."movies" ("name", "votes"))"});
}

TEST_CASE("no index is wished where there is one, or too few calls, rows or reason") {
  CHECK(wished_by({asked("GET /movies?id=eq.?&name=eq.?", 2'000)}).empty());
  CHECK(wished_by({asked("GET /movies/{key}", 2'000)}).empty());
  CHECK(wished_by({asked("GET /movies?name=eq.?", 999)}).empty());
  CHECK(wished_by({asked("GET /genres?name=eq.?", 2'000)}).empty());
  CHECK(wished_by({asked("GET /movies", 2'000)}).empty());
  CHECK(wished_by({asked("GET /movies?order=name", 2'000)}).empty());
  CHECK(wished_by({asked("GET /movies?raw=eq.?", 2'000)}).empty());
  CHECK(wished_by({asked("GET /movies?name=not.eq.?", 2'000)}).empty());
  CHECK(wished_by({asked("GET /movies?raw=eq.?&order=id&limit=?", 2'000)}).empty());
  auto half = asked("GET /movies?votes=gt.?", 2'000);
  half.counts.rows = half.counts.rows_read = 3 * 25'000 * half.counts.calls;
  CHECK(wished_by({half}).empty());
}

TEST_CASE("a wish is told with its requests, what a planner says of it, and the SQL for all shards") {
  const Site site({asked("GET /movies?name=eq.?", 2'000)});
  const auto patterns = site.patterns();
  const auto wished = wished_indexes(patterns, site.cluster());
  REQUIRE(wished.size() == 1);
  const auto by_rule = advise_wished(wished, {std::nullopt}, site.cluster());
  REQUIRE(by_rule.advice.size() == 1);
  const auto& advice = by_rule.advice[0];
  CHECK(advice.kind == AdviceKind::missing_index);
  CHECK(advice.evidence[0] ==
        Evidence{"/patterns of the routers",
                 "2000 calls of GET /movies?name=eq.?: 4000.0 ms in all, 3.0 shards a call, 20.0 rows read, "
                 "20.0 rows given",
                 "the routers started"});
  CHECK(advice.evidence[2].source == "a rule");
  CHECK(advice.steps ==
        std::vector<AdvisedStep>{
            {{"alpha", "beta", "gamma"}, R"(CREATE INDEX CONCURRENTLY ON "public"."movies" ("name");)"}});

  const auto by_plan =
      advise_wished(wished, {TriedIndex{"beta", "GET /movies?name=eq.?", 1'234.5, 8.26, ""}}, site.cluster());
  REQUIRE(by_plan.advice.size() == 1);
  CHECK(by_plan.advice[0].evidence[2].says ==
        "the plan of GET /movies?name=eq.? costs 1234.5 without the index, and 8.3 with it, in the planner's "
        "units");

  const auto not_worth_it =
      advise_wished(wished, {TriedIndex{"beta", "GET /movies?name=eq.?", 100, 90.1, ""}}, site.cluster());
  CHECK(not_worth_it.advice.empty());
  REQUIRE(not_worth_it.not_judged.size() == 1);
  CHECK(not_worth_it.not_judged[0].find("costs 100.0 without the index, and 90.1 with it") !=
        std::string::npos);

  const auto not_asked =
      advise_wished(wished, {TriedIndex{"beta", "", 0, 0, "no such function"}}, site.cluster());
  REQUIRE(not_asked.advice.size() == 1);
  CHECK(not_asked.advice[0].evidence[2].says == "HypoPG could not be asked on beta: no such function");
}

TEST_CASE("another key is advised where more calls name it than the key, and ask several shards") {
  const auto advised =
      keys_by({asked("GET /movies?name=eq.?", 5'000), asked("GET /movies?id=eq.?", 4'000, 1)});
  REQUIRE(advised.advice.size() == 1);
  const auto& advice = advised.advice[0];
  CHECK(advice.kind == AdviceKind::shard_key);
  CHECK(advice.subject == "movies");
  CHECK(advice.evidence[1].says ==
        "5000 calls by name on several shards, 4000 calls by what decides the shard now");
  CHECK(advice.evidence[2].says == "name has about 25000 values on a shard");
  CHECK(advice.costs.find("Calls that name id (4000) then ask all shards") != std::string::npos);
  CHECK(advice.costs.find("ratings") != std::string::npos);
  CHECK(advice.steps[0].text.find("movies: { group: catalog, key: name }") != std::string::npos);

  CHECK(keys_by({asked("GET /movies?name=eq.?", 5'000), asked("GET /movies?id=eq.?", 5'000, 1)})
            .advice.empty());
  CHECK(keys_by({asked("GET /movies?name=eq.?", 999)}).advice.empty());
  CHECK(keys_by({asked("GET /movies?name=eq.?", 5'000, 1)}).advice.empty());
  CHECK(keys_by({asked("GET /genres?name=eq.?", 5'000)}).advice.empty());
}

TEST_CASE(
    "a column of few values is advised for lists, and one that can be no key or is not known for nothing") {
  const auto lists = keys_by({asked("GET /movies?primary_genre=eq.?", 5'000)});
  REQUIRE(lists.advice.size() == 1);
  CHECK(lists.advice[0].steps[0].text.find("list: { column: primary_genre, spread_by: id") !=
        std::string::npos);
  const auto none = keys_by({asked("GET /movies?votes=eq.?", 5'000)});
  CHECK(none.advice.empty());
  REQUIRE(none.not_judged.size() == 1);
  CHECK(none.not_judged[0].find("it can be no key") != std::string::npos);
  const auto unknown = keys_by({asked("GET /movies?released=eq.?", 5'000)});
  CHECK(unknown.advice.empty());
  REQUIRE(unknown.not_judged.size() == 1);
  CHECK(unknown.not_judged[0].find("pg_stats does not say") != std::string::npos);
}

TEST_CASE(
    "related rows on other shards are advised to be placed beside each other, whichever embeds the other") {
  const Site site({asked("GET /people?select=id,movies(name)&limit=?", 1'500),
                   asked("GET /movies?select=name,people(id)&id=eq.?", 1'000, 1),
                   asked("GET /movies?select=name,ratings(score)", 9'000)});
  const auto advised = advise_relations(site.patterns(), site.cluster());
  REQUIRE(advised.advice.size() == 1);
  const auto& advice = advised.advice[0];
  CHECK(advice.kind == AdviceKind::related_elsewhere);
  CHECK(advice.subject == "people");
  CHECK(advice.evidence.back().says ==
        "2500 calls that embed them, 0 calls by what decides the shard of people now");
  CHECK(advice.steps[0].text.find("people: { group: catalog, key: movie }") != std::string::npos);

  const Site by_key(
      {asked("GET /people?select=id,movies(name)&limit=?", 1'500), asked("GET /people?id=eq.?", 1'500, 1)});
  const auto kept = advise_relations(by_key.patterns(), by_key.cluster());
  CHECK(kept.advice.empty());
  CHECK(kept.not_judged.size() == 1);
}

TEST_CASE("a small table that is rarely written is advised to be a reference table") {
  Site site({asked("GET /people?select=id,movies(name)", 1'500)});
  for (auto& shard : site.survey.shards) shard.tables["movies"].rows = 3'000;
  const auto advised = advise_relations(site.patterns(), site.cluster());
  REQUIRE(advised.advice.size() == 1);
  CHECK(advised.advice[0].kind == AdviceKind::reference_table);
  CHECK(advised.advice[0].subject == "movies");
  for (auto& shard : site.survey.shards) shard.uses[0].tables["movies"].writes = 1'000'000;
  const auto written = advise_relations(site.patterns(), site.cluster());
  REQUIRE(written.advice.size() == 1);
  CHECK(written.advice[0].kind == AdviceKind::related_elsewhere);
}

TEST_CASE("an order that is refused for its collation is advised to be by bytes") {
  auto refused = asked("GET /movies?order=title_de&limit=?", 40, 0);
  refused.counts.errors = 40;
  const Site site({refused});
  const auto advised = advise_collations(site.patterns(), site.cluster());
  REQUIRE(advised.advice.size() == 1);
  CHECK(advised.advice[0].steps[0] ==
        AdvisedStep{{"alpha", "beta", "gamma"},
                    R"(ALTER TABLE "public"."movies" ALTER COLUMN "title_de" TYPE text COLLATE "C";)"});
  refused.counts.errors = 19;
  const Site mostly_fine({refused});
  CHECK(advise_collations(mostly_fine.patterns(), mostly_fine.cluster()).advice.empty());
  auto by_name = asked("GET /movies?order=name&limit=?", 40, 0);
  by_name.counts.errors = 40;
  const Site bytewise({by_name});
  CHECK(advise_collations(bytewise.patterns(), bytewise.cluster()).advice.empty());
}
