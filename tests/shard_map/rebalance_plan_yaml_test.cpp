#include <doctest/doctest.h>

#include "shard_map/rebalance_plan.hpp"

using namespace shardplex;

namespace {

const std::string map_yaml = R"(version: 1
cluster: movies
shards:
  alpha: { primary: host=10.0.0.1 dbname=movies, replicas: [host=10.0.0.2 dbname=movies] }
  beta: { primary: host=10.0.1.1 dbname=movies }
groups:
  catalog: { slots: 64, strategy: { hash: {} }, placement: { alpha: [0-31], beta: [32-63] } }
  people: { slots: 16, strategy: { hash: {} }, placement: { alpha: [0-7], beta: [8-15] } }
tables:
  movies: { group: catalog, key: id }
  actors: { group: people, key: id }
)";

ShardMap map() {
  return std::get<ShardMap>(read_shard_map(map_yaml));
}

SlotSet slots(std::uint32_t count, std::initializer_list<std::uint32_t> values) {
  SlotSet set = SlotSet::none(count);
  for (const std::uint32_t value : values) set.insert(Slot{value});
  return set;
}

RebalancePlan read(const std::string& yaml) {
  auto read = read_rebalance_plan(yaml, map());
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&read))
    for (const auto& problem : *problems) FAIL(problem.to_string());
  return std::get<RebalancePlan>(std::move(read));
}

std::vector<std::string> problems(const std::string& yaml) {
  std::vector<std::string> texts;
  const auto read = read_rebalance_plan(yaml, map());
  if (const auto* all = std::get_if<std::vector<MapProblem>>(&read))
    for (const auto& problem : *all) texts.push_back(problem.to_string());
  return texts;
}

using Texts = std::vector<std::string>;
const std::string head = "version: 1\ncluster: movies\n";

}  // namespace

TEST_CASE("a plan is read as it is written by hand") {
  const RebalancePlan plan = read(R"(version: 1
cluster: movies
add_shards:
  gamma: { primary: host=10.0.2.1 dbname=movies, replicas: [host=10.0.2.2 dbname=movies] }
drain: [beta]
moves:
  - { group: catalog, slots: [0-1, 63], from: alpha, to: gamma }
  - { group: people, slots: [0-1], from: alpha, to: gamma }
)");
  CHECK(plan.cluster == "movies");
  REQUIRE(plan.added.size() == 1);
  CHECK(plan.added[0].name == "gamma");
  CHECK(plan.added[0].primary == "host=10.0.2.1 dbname=movies");
  CHECK(plan.added[0].replicas == std::vector<std::string>{"host=10.0.2.2 dbname=movies"});
  CHECK(plan.drained == std::vector<std::string>{"beta"});
  CHECK(plan.moves == std::vector<PlannedMove>{{"catalog", slots(64, {0, 1, 63}), "alpha", "gamma"},
                                               {"people", slots(16, {0, 1}), "alpha", "gamma"}});
}

TEST_CASE("a plan that was written is read as it was, whatever its names look like") {
  RebalancePlan plan{
      "movies",
      {{"null", "host=/tmp/it's\\ \"here\" dbname=m", {"host=b dbname=m", "host=c dbname=m"}},
       {"true", "postgresql://db.example/movies?sslmode=require", {}}},
      {"alpha"},
      {{"catalog", slots(64, {0, 1, 2, 9}), "alpha", "null"}, {"people", slots(16, {15}), "beta", "true"}}};
  const RebalancePlan again = read(to_yaml(plan));
  CHECK(again.cluster == plan.cluster);
  REQUIRE(again.added.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(again.added[i].name == plan.added[i].name);
    CHECK(again.added[i].primary == plan.added[i].primary);
    CHECK(again.added[i].replicas == plan.added[i].replicas);
  }
  CHECK(again.drained == plan.drained);
  CHECK(again.moves == plan.moves);
  CHECK(to_yaml(again) == to_yaml(plan));
}

TEST_CASE("a plan without moves is a plan") {
  CHECK(read(to_yaml({"movies", {}, {}, {}})).moves.empty());
  CHECK(read(head + "moves: []\n").moves.empty());
}

TEST_CASE("an added shard that the map has by now is not added again, unless it is another") {
  CHECK(read(head + "add_shards: { beta: { primary: host=10.0.1.1 dbname=movies } }\n"
                    "moves: [{ group: catalog, slots: [0], from: alpha, to: beta }]\n")
            .added.empty());
  CHECK(problems(head + "add_shards: { beta: { primary: host=10.0.1.9 dbname=movies } }\nmoves: []\n") ==
        Texts{"add_shards.beta: the map has a shard of this name already, with other servers (line 3)"});
}

TEST_CASE("every problem of a plan is told at once, with path and line") {
  CHECK(problems(R"(version: 2
cluster: films
colour: red
add_shards:
  Gamma: { primary: host=10.0.2.1 dbname=movies password=secret }
  delta: { primary: host=10.0.0.2 dbname=movies }
  epsilon: {}
drain: [delta, zeta, beta, beta]
moves:
  - { group: catalog, slots: [0-9, 64], from: alpha, to: delta }
  - { group: catalog, slots: [5, x], from: alpha, to: alpha }
  - { group: katalog, slots: [1], from: alfa, to: beta }
  - { group: people, slots: [], from: delta, to: alpha }
  - { group: people, from: alpha }
)") == Texts{
           "version: version 2 is not known; write 1 (line 1)",
           "cluster: the plan is for \"films\", the map is of \"movies\" (line 2)",
           "colour: unknown key; known: version, cluster, add_shards, drain, moves (line 3)",
           "add_shards.Gamma: a shard's name has 1 to 63 of a-z, 0-9, _ and -, and begins with a "
           "letter (line 5)",
           "add_shards.Gamma.primary: a password does not belong in the map; libpq takes it from "
           "the environment variable PGPASSWORD, from a passfile (passfile=...) or from a "
           "service file (service=...) (line 5)",
           "add_shards.delta.primary: the same server as a server of the map's shard alpha (line 6)",
           "add_shards.epsilon: primary is missing; write primary: host=10.0.0.1 dbname=movies "
           "(line 7)",
           "drain[0]: the plan adds this shard; it cannot drain it as well (line 8)",
           "drain[1]: there is no shard \"zeta\"; did you mean \"beta\"? (line 8)",
           "drain[3]: is named twice (line 8)",
           "moves[0].slots[1]: \"64\" is out of range: slots run from 0 to 63 (line 10)",
           "moves[1].to: the slots are on alpha already (line 11)",
           "moves[1].slots[1]: must be a slot or a range of slots, such as 0-511 (line 11)",
           "moves[1].slots: slot 5 is also in moves[0] (line 11)",
           "moves[2].from: there is no shard \"alfa\"; did you mean \"alpha\"? (line 12)",
           "moves[2].to: the plan drains this shard; it cannot receive slots (line 12)",
           "moves[2].group: there is no group \"katalog\"; did you mean \"catalog\"? (line 12)",
           "moves[3].from: the plan adds this shard; it has no slots to give (line 13)",
           "moves[3].slots: has no slots; leave the move out (line 13)",
           "moves[4]: slots is missing; write slots: [0-63, 70] (line 14)",
           "moves[4]: to is missing; write to: beta (line 14)",
       });
}

TEST_CASE("what is missing or of another kind is told") {
  CHECK(problems("{}\n") == Texts{"version is missing; write version: 1 (line 1)",
                                  "cluster is missing; write cluster: movies (line 1)",
                                  "moves is missing; write moves: [] (line 1)"});
  CHECK(problems("- a\n").size() == 1);
  CHECK(problems("").size() == 1);
  CHECK(problems(head + "add_shards: []\ndrain: {}\nmoves: 3\n").size() == 3);
  CHECK(problems(head + "drain: [1]\nmoves: [3]\n").size() == 2);
  CHECK(problems("version: 1\ncluster: &a movies\nmoves: []\n").size() == 1);
}

TEST_CASE("one shard at least is left undrained, and the same slot number in two groups is two slots") {
  CHECK(problems(head + "drain: [alpha, beta]\nmoves: []\n") ==
        Texts{"drain: drains every shard; one at least has to be left (line 3)"});
  CHECK(read(head + "moves:\n"
                    "  - { group: catalog, slots: [3], from: alpha, to: beta }\n"
                    "  - { group: people, slots: [3], from: alpha, to: beta }\n")
            .moves.size() == 2);
}
