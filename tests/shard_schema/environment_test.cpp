#include "shard_schema/environment.hpp"

#include <doctest/doctest.h>

#include "tests/shard_schema/rows_of_text.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

using Effect = EnvironmentFinding::Effect;

ShardEnvironment plain() {
  ShardEnvironment environment;
  environment.database = {{"encoding", "UTF8"},          {"collation provider", "libc"},
                          {"collation", "de_DE.utf8"},   {"character type (LC_CTYPE)", "de_DE.utf8"},
                          {"collation version", "2.31"}, {"PostgreSQL version", "15"}};
  environment.settings.fill("x");
  return environment;
}

std::vector<std::string> texts(const std::vector<EnvironmentFinding>& findings) {
  std::vector<std::string> all;
  for (const auto& finding : findings)
    all.push_back((finding.effect == Effect::differs ? "! " : "? ") +
                  finding.text.substr(0, finding.text.find(';')));
  return all;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("two databases differ in what decides answers, and may in versions of libraries") {
  const ShardEnvironment there = plain();
  const auto differing = [&](const std::string& what, const std::string& value) {
    ShardEnvironment here = there;
    here.database[what] = value;
    return texts(environment_differences(here, there, "alpha"));
  };
  CHECK(environment_differences(there, there, "alpha").empty());
  CHECK(differing("encoding", "LATIN1") == Texts{"! its encoding is LATIN1, and that of alpha is UTF8"});
  CHECK(differing("collation provider", "icu") ==
        Texts{"! its collation provider is icu, and that of alpha is libc"});
  CHECK(differing("collation", "C") == Texts{"! its collation is C, and that of alpha is de_DE.utf8"});
  CHECK(differing("character type (LC_CTYPE)", "C") ==
        Texts{"! its character type (LC_CTYPE) is C, and that of alpha is de_DE.utf8"});
  CHECK(differing("collation version", "2.36") ==
        Texts{"? the version of its collation de_DE.utf8 is 2.36, and on alpha it is 2.31"});
  CHECK(differing("PostgreSQL version", "16") == Texts{"? it is PostgreSQL 16, and alpha is PostgreSQL 15"});
  ShardEnvironment here = there;
  here.settings[0] = "Asia/Tokyo";
  CHECK(texts(environment_differences(here, there, "alpha")) ==
        Texts{"! TimeZone is Asia/Tokyo, and on alpha it is x"});
}

TEST_CASE("only what a table uses on one of them counts, and what is made with the tables may lack") {
  ShardEnvironment here = plain(), there = plain();
  there.parts = {{{"extension", "pg_trgm"}, {"1.6", {"movies"}, false}},
                 {{"extension", "unused"}, {"1.0", {}, false}},
                 {{"function", "slug(text)"}, {"hash", {"movies", "ratings"}, true}},
                 {{"collation version", "german"}, {"153.1", {"movies"}, false}}};
  CHECK(texts(environment_differences(here, there, "alpha")) ==
        Texts{"! it lacks the extension pg_trgm 1.6, which alpha has",
              "! it lacks the function slug(text), which alpha has"});
  CHECK(texts(environment_differences(there, here, "beta")) ==
        Texts{"! it has the extension pg_trgm, which beta lacks",
              "! it has the function slug(text), which beta lacks"});
  here.to_be_made = true;
  CHECK(texts(environment_differences(here, there, "alpha")) ==
        Texts{"! it lacks the function slug(text), which alpha has"});  // pg_dump knows of none such
  here.parts = {{{"extension", "pg_trgm"}, {"1.5", {}, false}},
                {{"extension", "unused"}, {"0.9", {}, false}},
                {{"function", "slug(text)"}, {"other hash", {}, false}},
                {{"collation version", "german"}, {"153.2", {}, false}}};
  CHECK(texts(environment_differences(here, there, "alpha")) ==
        Texts{"? the version of its collation german is 153.2, and on alpha it is 153.1",
              "! the extension pg_trgm is 1.5, and on alpha it is 1.6",
              "! the function slug(text) is not as on alpha"});
  CHECK(environment_differences(here, there, "alpha").back().text ==
        "the function slug(text) is not as on alpha; tables movies, ratings use it; make it as "
        "pg_get_functiondef shows it there");
}

TEST_CASE("an environment is read from its rows, and a table of nobody's rows is told") {
  const ShardEnvironment read = decode_environment(RowsOfText({
      {"database", "encoding", "UTF8", "", "false"},
      {"setting", "lc_time", "C", "", "false"},
      {"table", "audit", "(what text)", "movies\nratings", "true"},
      {"table", "parent", "(id bigint)", "movies", "false"},
      {"stale collation", "german", "1 and is now 2", "movies", "false"},
      {"a kind of a later version", "x", "y", "", "false"},
  }));
  CHECK(read.database.at("encoding") == "UTF8");
  CHECK(read.settings[5] == "C");
  CHECK(read.parts.at({"table", "audit"}) == EnvironmentPart{"(what text)", {"movies", "ratings"}, true});
  CHECK(tables_left_behind(read).size() == 1);
  REQUIRE(environment_faults(read).size() == 1);
  CHECK(environment_faults(read).front().text.find("the collation german was of version 1 and is now 2") ==
        0);
  CHECK(environment_differences(read, read, "alpha").empty());
}
