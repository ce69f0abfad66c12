// What the program is asked for, what it makes, and what it keeps.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shard_map/yaml_map.hpp"
#include "tests/integration/cluster.hpp"
#include "tests/oracle/any_read.hpp"
#include "tests/oracle/case.hpp"
#include "tests/oracle/database_text.hpp"
#include "tests/oracle/judge.hpp"
#include "tests/oracle/options.hpp"
#include "tests/oracle/rows.hpp"
#include "tests/oracle/tally.hpp"

namespace shardplex::oracle {
namespace {

struct Made {
  Schema schema;
  Rows rows;
};

Made made_of(std::uint64_t seed) {
  Random random(seed);
  Made made;
  made.schema = make_schema(random);
  made.rows = make_rows(made.schema, random);
  return made;
}

std::vector<std::pair<std::string, std::string>> some_shards(int count) {
  static const std::vector<std::string> names{"alpha",   "beta", "gamma", "delta",
                                              "epsilon", "zeta", "eta",   "theta"};
  std::vector<std::pair<std::string, std::string>> shards;
  for (int i = 0; i < count; ++i)
    shards.emplace_back(names[static_cast<std::size_t>(i)],
                        "host=127.0.0.1 port=" + std::to_string(5'000 + i) + " dbname=oracle");
  return shards;
}

std::string refused(const std::vector<std::string>& arguments, const char* environment_seed = nullptr) {
  try {
    options_of(arguments, environment_seed);
  } catch (const std::invalid_argument& wrong) {
    return wrong.what();
  }
  return "";
}

std::string refused_case(const std::string& folder) {
  try {
    read_case(folder);
  } catch (const std::runtime_error& wrong) {
    return wrong.what();
  }
  return "";
}

Case some_case() {
  auto [schema, rows] = made_of(5);
  Random random(std::uint64_t{9});
  Case found;
  found.seed = 5;
  found.number = 17;
  found.shards = 4;
  found.moving = true;
  found.why = "over shards: another body; \nanswered [] expected [{\"a\":\"é\"}]";
  found.request.read = any_read(schema, random);
  found.request.read.headers.emplace_back("X-Odd", "it's");
  found.database = text_of(schema, rows);
  return found;
}

}  // namespace

TEST_CASE("arguments of the oracle are read strictly") {
  CHECK(options_of({"--seed", "7"}).seed == 7);
  CHECK(options_of({}).shards == 3);
  CHECK(options_of({"--moving", "--shards", "2"}).moving);
  CHECK(options_of({"--replay", "there"}).replay == "there");
  CHECK(options_of({"--help"}).help);
  CHECK(refused({"--seed", "x"}) == "--seed takes a number from 0 to 999999999999, not 'x'");
  CHECK(refused({"--seed"}) == "--seed needs a value");
  CHECK(refused({"--requests", "0"}).starts_with("--requests takes a number from 1 to"));
  CHECK(refused({"--per-schema", "-1"}).starts_with("--per-schema takes a number from 1 to"));
  CHECK(refused({"--shards", "1"}) == "--shards takes a number from 2 to 8, not '1'");
  CHECK(refused({"--shards", "9"}) == "--shards takes a number from 2 to 8, not '9'");
  CHECK(refused({"--findings", "0"}).starts_with("--findings takes a number from 1"));
  CHECK(refused({"--shrink", "1m"}).starts_with("--shrink takes a number from 0"));
  CHECK(refused({"--cases", ""}) == "--cases needs a value");
  CHECK(refused({"--json"}) == "--json needs a value");
  CHECK(refused({"--replay"}) == "--replay needs a value");
  CHECK(refused({"--replay", "there", "--moving"}).starts_with("--replay asks what is in its folder"));
  CHECK(options_of({"--writes"}).writes);
  CHECK(options_of({"--writes", "--moving"}).moving);
  CHECK(refused({"--fast"}) == "unknown argument '--fast'");
}

TEST_CASE("a seed is that of the arguments, else that of the environment, which is read as strictly") {
  CHECK(options_of({}, "12").seed == 12);
  CHECK(options_of({"--seed", "7"}, "12").seed == 7);
  for (const auto* seed : {"", "x", "-1", "1000000000000"})
    CHECK(refused({}, seed).starts_with("SHARDPLEX_ORACLE_SEED takes a number from 0 to"));
}

TEST_CASE("schemas at random are sound, their rows refer to rows, and one seed makes the same") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    const auto [schema, rows] = made_of(seed);
    CHECK(is_sound(schema));
    CHECK(is_whole(schema, rows));
    const auto text = text_of(schema, rows), again = text_of(made_of(seed).schema, made_of(seed).rows);
    CHECK(text.tables_sql == again.tables_sql);
    CHECK(text.map == again.map);
    REQUIRE(text.tables.size() == again.tables.size());
    for (std::size_t i = 0; i < text.tables.size(); ++i)
      CHECK(text.tables[i].ndjson == again.tables[i].ndjson);
  }
}

TEST_CASE("maps of schemas at random are shard maps, over one shard and over eight") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const auto [schema, rows] = made_of(seed);
    for (const int shards : {1, 3, 8}) {
      const auto map = map_for(text_of(schema, rows).map, some_shards(shards));
      const auto read = read_shard_map(map);
      CAPTURE(map);
      if (const auto* problems = std::get_if<std::vector<MapProblem>>(&read))
        FAIL_CHECK(problems->front().to_string());
      else
        CHECK(std::get<ShardMap>(read).tables().size() == schema.tables.size());
    }
  }
}

TEST_CASE("schemas at random have lists, views, junctions, all types of keys, and rows on other shards") {
  bool lists = false, views = false, declared = false, local = false, looked_up = false, junctions = false;
  bool of_views = false;
  std::set<std::string> types;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const auto schema = made_of(seed).schema;
    for (const auto& group : schema.groups) lists |= !group.list_column.empty();
    views |= !schema.views.empty();
    for (const auto& table : schema.tables) {
      types.insert(table.sample.columns.front().type);
      for (const auto& key : table.keys) declared |= !key.is_kept;
    }
    for (const auto& relation : database_of(schema, false).relations) {
      local |= relation.local_by_hash;
      looked_up |= !relation.local_by_hash;
      junctions |= !relation.junction.empty();
    }
    of_views |= database_of(schema, true).relations.size() > database_of(schema, false).relations.size();
  }
  CHECK(lists);
  CHECK(views);
  CHECK(declared);
  CHECK(local);
  CHECK(looked_up);
  CHECK(junctions);
  CHECK(of_views);
  CHECK(types.size() == 13);  // of keys
}

TEST_CASE("a case is read from its folder as it was written, and what is none is refused with its file") {
  const integration::TemporaryFolder folder;
  const auto path = folder.path() + "/cases/first";
  const auto found = some_case();
  write_case(found, path);
  const auto read = read_case(path);
  CHECK(text_of(read) == text_of(found));
  CHECK(read.request.describe() == found.request.describe());
  CHECK(read.request.read.parts_sql == found.request.read.parts_sql);
  CHECK(read.database.reversed_sql == found.database.reversed_sql);
  CHECK(read.database.groups.size() == found.database.groups.size());
  CHECK(read.moving);
  CHECK(text_of(found).find("-H 'X-Odd: it'\\''s'") != std::string::npos);

  auto written = found;
  Random random(std::uint64_t{4});
  written.request.write = any_write(made_of(5).schema, random);
  write_case(written, path);
  CHECK(text_of(read_case(path)) == text_of(written));
  CHECK(read_case(path).request.describe() == written.request.describe());

  CHECK(refused_case(folder.path()) == "cannot read " + folder.path() + "/case.json");
  for (const auto* text : {"", "[]", "{}", R"({"seed": "x"})"}) {
    std::ofstream(path + "/case.json") << text;
    CHECK(refused_case(path).starts_with(path + "/case.json is no case: "));
  }
}

TEST_CASE("heads may differ in who was asked and when, and not in what was answered") {
  integration::HttpResponse one, other;
  one.status = other.status = 200;
  one.headers = {{"Content-Type", "text/csv"}, {"Shardplex-Shards", "alpha"}, {"Date", "yesterday"}};
  other.headers = {{"content-type", "text/csv"}, {"Shardplex-Shards", "alpha,beta"}};
  CHECK(difference_of_heads(one, other).empty());
  other.headers.emplace_back("Content-Profile", "public");
  CHECK(difference_of_heads(one, other) == "Content-Profile absent over shards, public over one");
  other.status = 400;
  CHECK(difference_of_heads(one, other).empty());
}

TEST_CASE("what came of reads is counted, and refusals are told by how often they came") {
  Tally tally;
  integration::HttpResponse rows, nothing;
  rows.status = nothing.status = 200;
  nothing.body = "[]";
  Judgement refused_one, refused_other, wrong;
  refused_one.verdict = refused_other.verdict = Verdict::refused;
  refused_one.refusal = "one";
  refused_other.refusal = "other";
  wrong.verdict = Verdict::wrong;
  tally.add({}, rows);
  tally.add({}, nothing);
  tally.add(wrong, rows);
  tally.add(refused_one, rows);
  tally.add(refused_other, rows);
  tally.add(refused_other, rows);
  CHECK(tally.requests == 6);
  CHECK(tally.wrong == 1);
  CHECK(tally.refused == 3);
  CHECK(tally.empty == 1);
  CHECK(refusals_of(tally) == "2 refused: other\n1 refused: one\n");
  CHECK(json_of(tally, options_of({"--seed", "3"})).at("refusals").at("other").to_number<int>() == 2);
  CHECK(tally.told() == 1);
}

TEST_CASE("a run tells in a few lines what it came to") {
  Tally tally;
  tally.requests = 1'000;
  tally.schemas = 4;
  tally.refused = 100;
  tally.errors = 200;
  tally.empty = 300;
  tally.under_moves = 490;
  tally.moves = 77;
  tally.writes = 260;
  tally.whole = std::chrono::minutes(3);
  const auto whole = result_of(tally, options_of({"--seed", "5", "--moving", "--writes"}));
  CHECK(
      whole.starts_with("Seed 5, 3 shards: 1000 requests of 4 schemas in 3 minutes\n- 0 answered wrongly\n"
                        "- 400 answered with rows or done, 300 answered with none, 200 with an error, "
                        "100 refused over shards or over one\n"
                        "- 490 of them while slots moved, 77 times\n- 260 of them writes\n"));
  const auto reads = result_of(tally, options_of({"--seed", "5"}));
  CHECK(reads.find("slots moved") == std::string::npos);
  CHECK(reads.find("writes") == std::string::npos);
}

TEST_CASE("many requests prove too little where most are not answered, no slots move, or few are writes") {
  const auto both = options_of({"--moving", "--writes"}), writes = options_of({"--writes"}),
             reads = options_of({});
  Tally tally;
  tally.requests = 1'000;
  CHECK(shortfall_of(tally, reads).empty());
  CHECK(shortfall_of(tally, both) == "of 1000 requests only 0 were made while slots moved");
  tally.under_moves = 400;
  CHECK(shortfall_of(tally, both) == "of 1000 requests only 0 were writes");
  tally.writes = 250;
  CHECK(shortfall_of(tally, both).empty());
  CHECK(shortfall_of(tally, writes) == "of 1000 requests only 250 were writes");
  tally.refused = 800;
  CHECK(shortfall_of(tally, reads) == "of 1000 requests only 200 were answered with rows or done");
  tally.wrong = 1;  // says enough
  CHECK(shortfall_of(tally, reads).empty());
  Tally few;
  few.requests = few.refused = 499;
  CHECK(shortfall_of(few, reads).empty());
}

}  // namespace shardplex::oracle
