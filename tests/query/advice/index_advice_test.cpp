#include "query/advice/index_advice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace shardplex;

namespace {

SurveyedIndex index_on(const std::string& name, const std::vector<std::string>& columns) {
  SurveyedIndex index;
  index.table = "movies";
  index.schema = "public";
  index.name = name;
  index.method = "btree";
  index.columns = columns;
  index.keys = columns;
  index.bytes = 2'000'000;
  index.on = "public.movies USING btree (";
  for (const auto& column : columns) index.on += (index.on.ends_with('(') ? "" : ", ") + column;
  index.on += ')';
  return index;
}

SurveyedIndex primary_key() {
  auto index = index_on("movies_pkey", {"id"});
  index.unique = index.primary = index.has_dependents = true;
  index.constraint = "PRIMARY KEY (id)";
  return index;
}

SurveyedShard shard_with(const std::string& name, std::vector<SurveyedIndex> indexes) {
  SurveyedShard shard;
  shard.name = name;
  shard.known = shard.by_primary = true;
  shard.tables["movies"].rows = 50'000;
  shard.indexes = std::move(indexes);
  for (const std::string address : {" 10.0.0.1:5432/movies", " 10.0.0.2:5432/movies"}) {
    ServerUse use{name + address, "2026-01-01T00:00:00Z", 30, {}, {}};
    use.tables["movies"] = {1'000, 40'000'000, 2'000, 500};
    for (const auto& index : shard.indexes) use.index_scans[{"movies", index.name}] = 0;
    shard.uses.push_back(std::move(use));
  }
  return shard;
}

/// Two shards with these indexes each.
Survey survey_of(const std::vector<SurveyedIndex>& indexes) {
  return {{shard_with("alpha", indexes), shard_with("beta", indexes)}};
}

std::vector<AdviceKind> kinds_of(const Advised& advised) {
  std::vector<AdviceKind> kinds;
  for (const auto& advice : advised.advice) kinds.push_back(advice.kind);
  return kinds;
}

bool says(const std::vector<std::string>& sentences, const std::string& part) {
  return std::ranges::any_of(sentences,
                             [&](const auto& sentence) { return sentence.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("an index that no server has used is advised against, with what makes it again") {
  const auto advised = advise_indexes(survey_of({primary_key(), index_on("by_name", {"name"})}), {});
  REQUIRE(kinds_of(advised) == std::vector{AdviceKind::unused_index});
  CHECK(advised.not_judged.empty());
  const auto& advice = advised.advice.front();
  CHECK(advice.subject == "movies");
  CHECK(advice.what == "No server has used index by_name of movies.");
  REQUIRE(advice.evidence.size() == 2);
  CHECK(advice.evidence[0] == Evidence{"pg_stat_user_indexes of 4 servers",
                                       "0 scans of it, which has 4.0 MB on alpha, beta",
                                       "2026-01-01T00:00:00Z"});
  CHECK(advice.evidence[1].says.starts_with("movies: 12000 scans without it, and 2000 rows written"));
  CHECK(advice.costs.find("CREATE INDEX CONCURRENTLY \"by_name\" ON public.movies USING btree (name);") !=
        std::string::npos);
  REQUIRE(advice.steps.size() == 1);
  CHECK(advice.steps[0] == AdvisedStep{{"alpha", "beta"}, "DROP INDEX CONCURRENTLY \"public\".\"by_name\";"});
}

TEST_CASE("one scan on one replica is use") {
  auto survey = survey_of({primary_key(), index_on("by_name", {"name"})});
  survey.shards[1].uses[1].index_scans[{"movies", "by_name"}] = 1;
  const auto advised = advise_indexes(survey, {});
  CHECK(advised.advice.empty());
  CHECK(advised.not_judged.empty());
}

TEST_CASE("nothing is called unused by statistics that are young, few, or not those of all servers") {
  const auto indexes = std::vector{primary_key(), index_on("by_name", {"name"})};
  auto young = survey_of(indexes);
  young.shards[0].uses[1].days = 6.9;
  const auto of_young = advise_indexes(young, {});
  CHECK(of_young.advice.empty());
  CHECK(says(of_young.not_judged, "alpha 10.0.0.2:5432/movies has counted since 2026-01-01T00:00:00Z only"));
  CHECK(kinds_of(advise_indexes(young, {.least_days = 6})) == std::vector{AdviceKind::unused_index});

  const auto of_few = advise_indexes(survey_of(indexes), {.least_calls = 12'001});
  CHECK(of_few.advice.empty());
  CHECK(says(of_few.not_judged, "12000 scans of it were counted, and --min-calls asks for 12001"));

  auto without_one = survey_of(indexes);
  without_one.shards[1].uses.pop_back();
  without_one.shards[1].silent.push_back("beta 10.0.0.2:5432/movies");
  const auto of_some = advise_indexes(without_one, {});
  CHECK(of_some.advice.empty());
  CHECK(says(of_some.not_judged, "beta 10.0.0.2:5432/movies did not answer"));

  auto without_shard = survey_of(indexes);
  without_shard.shards[1] = SurveyedShard{};
  without_shard.shards[1].name = "beta";
  const auto of_one = advise_indexes(without_shard, {.least_calls = 1});
  CHECK(of_one.advice.empty());
  CHECK(says(of_one.not_judged, "no server of beta answered"));
}

TEST_CASE("an index that is young, or that requests ask by, is not called unused") {
  auto by_name = index_on("by_name", {"name"});
  const auto of_old = survey_of({primary_key(), by_name});
  const auto asked_by = advise_indexes(of_old, {}, {{"movies", "name"}});
  CHECK(asked_by.advice.empty());
  CHECK(says(asked_by.not_judged,
             "index by_name of movies is used: it has no scans, and requests ask by name"));
  CHECK(advise_indexes(of_old, {}, {{"movies", "year"}, {"ratings", "name"}}).advice.size() == 1);
  by_name.days = 6.5;
  const auto of_young = advise_indexes(survey_of({primary_key(), by_name}), {});
  CHECK(of_young.advice.empty());
  CHECK(says(of_young.not_judged, "it was made since"));
  by_name.days = 7;
  CHECK(advise_indexes(survey_of({primary_key(), by_name}), {}).advice.size() == 1);
}

TEST_CASE("what keeps values unique, is of a constraint, identifies rows or is of slots is never unused") {
  auto unique = index_on("unique_name", {"name"});
  unique.unique = true;
  auto identity = index_on("identity", {"name", "id"});
  identity.replica_identity = true;
  auto excluded = index_on("excluded", {"year"});
  excluded.has_dependents = true;
  const auto advised = advise_indexes(
      survey_of({primary_key(), unique, identity, excluded, index_on("slots", {"shardplex_slot"})}), {});
  CHECK(advised.advice.empty());
}

TEST_CASE("an index that another one begins with is needless, and that one is not called unused") {
  const auto survey =
      survey_of({primary_key(), index_on("by_name", {"name"}), index_on("by_name_year", {"name", "year"})});
  const auto advised = advise_indexes(survey, {});
  REQUIRE(kinds_of(advised) == std::vector{AdviceKind::duplicate_index});
  CHECK(advised.advice[0].what == "Index by_name of movies does nothing that by_name_year does not.");
  CHECK(advised.advice[0].steps[0] ==
        AdvisedStep{{"alpha", "beta"}, "DROP INDEX CONCURRENTLY \"public\".\"by_name\";"});
}

TEST_CASE("of equal indexes the one that nothing goes by is needless, and else the one that is named last") {
  const auto names_of = [](std::vector<SurveyedIndex> indexes) {
    std::vector<std::string> names;
    for (const auto& advice : advise_indexes(survey_of(indexes), {.least_days = 365}).advice)
      if (advice.kind == AdviceKind::duplicate_index) names.push_back(advice.what);
    return names;
  };
  CHECK(names_of({primary_key(), index_on("by_id", {"id"})}) ==
        std::vector<std::string>{"Index by_id of movies does nothing that movies_pkey does not."});
  CHECK(names_of({index_on("b", {"name"}), index_on("a", {"name"})}) ==
        std::vector<std::string>{"Index b of movies does nothing that a does not."});
  auto unique = index_on("unique_name", {"name"});
  unique.unique = true;
  CHECK(names_of({unique, index_on("wider", {"name", "year"})}).empty());
  auto partial = index_on("partial", {"name"});
  partial.predicate = "(year > 2000)";
  partial.on += " WHERE (year > 2000)";
  CHECK(names_of({partial, index_on("wider", {"name", "year"})}).empty());
  auto including = index_on("including", {"name"});
  including.included = {"score"};
  including.on += " INCLUDE (score)";
  CHECK(names_of({including, index_on("wider", {"name", "year"})}).empty());
  CHECK(names_of({including, index_on("wider", {"name", "score"})}).size() == 1);
  auto other_way = index_on("other_way", {"name", "year"});
  other_way.keys = {"name DESC", "year"};
  CHECK(names_of({index_on("by_name", {"name"}), other_way}).empty());
}

TEST_CASE("an index that one shard lacks is to be made there") {
  auto by_name = index_on("by_name", {"name"});
  Survey survey{{shard_with("alpha", {primary_key(), by_name}), shard_with("beta", {primary_key()}),
                 shard_with("gamma", {by_name})}};
  for (auto& shard : survey.shards)
    for (auto& use : shard.uses) use.index_scans[{"movies", "by_name"}] = 7;
  const auto advised = advise_indexes(survey, {});
  REQUIRE(kinds_of(advised) ==
          std::vector{AdviceKind::index_on_some_shards, AdviceKind::index_on_some_shards});
  const auto& key = advised.advice[0];
  CHECK(key.what == "Index movies_pkey of movies is on alpha, beta and not on gamma.");
  CHECK(key.steps[0] == AdvisedStep{{"gamma"},
                                    "ALTER TABLE \"public\".\"movies\" ADD CONSTRAINT \"movies_pkey\" "
                                    "PRIMARY KEY (id);"});
  const auto& name = advised.advice[1];
  CHECK(name.what == "Index by_name of movies is on alpha, gamma and not on beta.");
  CHECK(name.evidence[1].says == "28 scans where it is, with 4.0 MB");
  CHECK(name.steps[0] ==
        AdvisedStep{{"beta"}, "CREATE INDEX CONCURRENTLY \"by_name\" ON public.movies USING btree (name);"});
}

TEST_CASE("an index of another name, and one that does more, is none that is lacking") {
  Survey survey{{shard_with("alpha", {index_on("a", {"name"})}),
                 shard_with("beta", {index_on("b", {"name"})}),
                 shard_with("gamma", {index_on("c", {"name", "year"})})}};
  for (auto& shard : survey.shards)
    for (auto& use : shard.uses)
      for (auto& [name, scans] : use.index_scans) scans = 1;
  const auto advised = advise_indexes(survey, {});
  REQUIRE(advised.advice.size() == 1);
  CHECK(advised.advice[0].what == "Index c of movies is on gamma and not on alpha, beta.");
}

TEST_CASE("an unused index is not asked for where it lacks") {
  const Survey survey{{shard_with("alpha", {index_on("by_name", {"name"})}), shard_with("beta", {})}};
  CHECK(kinds_of(advise_indexes(survey, {})) == std::vector{AdviceKind::unused_index});
}

TEST_CASE("an invalid index is made anew, one that REINDEX left is dropped, and one being built is let be") {
  auto broken = index_on("by_name", {"name"});
  broken.valid = false;
  auto left = index_on("by_year_ccnew1", {"year"});
  left.valid = false;
  auto built = index_on("by_score", {"score"});
  built.valid = false;
  built.busy = true;
  Survey survey{
      {shard_with("alpha", {primary_key(), broken, left, built}), shard_with("beta", {primary_key()})}};
  const auto advised = advise_indexes(survey, {});
  REQUIRE(kinds_of(advised) == std::vector{AdviceKind::invalid_index, AdviceKind::invalid_index});
  CHECK(advised.advice[0].steps[0] ==
        AdvisedStep{{"alpha"}, "REINDEX INDEX CONCURRENTLY \"public\".\"by_name\";"});
  CHECK(advised.advice[1].steps[0] ==
        AdvisedStep{{"alpha"}, "DROP INDEX CONCURRENTLY \"public\".\"by_year_ccnew1\";"});
  CHECK(says(advised.not_judged, "index by_score of movies on alpha is invalid, and may be being built"));
  survey.shards[0].by_primary = false;
  const auto by_replica = advise_indexes(survey, {});
  CHECK(by_replica.advice.empty());
  CHECK(by_replica.not_judged.size() == 3);
}

TEST_CASE("names are quoted in what is to be run") {
  auto odd = index_on("Odd \"one\"", {"name"});
  odd.schema = "my schema";
  const auto advised = advise_indexes(survey_of({odd}), {});
  REQUIRE(advised.advice.size() == 1);
  CHECK(advised.advice[0].steps[0].text == "DROP INDEX CONCURRENTLY \"my schema\".\"Odd \"\"one\"\"\";");
}

TEST_CASE("a big table that is read whole again and again is told, unless more is known of it") {
  const auto survey = survey_of({primary_key()});
  const auto advised = advise_whole_reads(survey, {}, {});
  REQUIRE(kinds_of(advised) == std::vector{AdviceKind::whole_reads});
  CHECK(advised.advice[0].evidence[0].says ==
        "4000 sequential scans of 40000 rows each, beside 8000 index scans");
  CHECK(advise_whole_reads(survey, {}, {"movies"}).advice.empty());
  CHECK(advise_whole_reads(survey, {.least_calls = 4'001}, {}).advice.empty());
  auto small = survey;
  for (auto& shard : small.shards) shard.tables["movies"].rows = rows_worth_an_index - 1;
  CHECK(advise_whole_reads(small, {}, {}).advice.empty());
  auto unknown = survey;
  for (auto& shard : unknown.shards) shard.tables["movies"].rows.reset();
  CHECK(advise_whole_reads(unknown, {}, {}).advice.empty());
  auto briefly = survey;
  for (auto& shard : briefly.shards)
    for (auto& use : shard.uses) use.tables["movies"].rows_of_those = 20'000'000;
  CHECK(advise_whole_reads(briefly, {}, {}).advice.empty());
}
