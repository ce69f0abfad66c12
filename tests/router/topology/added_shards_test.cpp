#include "router/topology/added_shards.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace shardplex;
using namespace shardplex::router;

namespace {

const ShardMap two_shards("movies", {{"alpha", "host=a", {"host=a1"}}, {"beta", "host=b", {}}},
                          {{"catalog", 4, HashStrategy{}, std::vector<ShardId>(4, ShardId{1})}}, {}, {});

ShardDirectory directory(std::vector<postgres::ListedShard> listed, std::string shard = "alpha") {
  return {std::move(shard), std::move(listed)};
}

std::vector<std::string> names(const AddedShards& found) {
  std::vector<std::string> out;
  for (const auto& added : found.shards) out.push_back(added.shard.name);
  return out;
}

}  // namespace

TEST_CASE("shards that no directory names beyond the map's are none, whatever it says of the map's own") {
  CHECK(names(added_shards(two_shards, {})).empty());
  const auto found =
      added_shards(two_shards, {directory({{0, {"alpha", "host=elsewhere", {}}}, {1, {"beta", "", {}}}})});
  CHECK(found.shards.empty());
  CHECK(found.problems.empty());
}

TEST_CASE("added shards come by position and then by name, each once, as the first directory has them") {
  const auto found = added_shards(
      two_shards, {directory({{9, {"zeta", "host=z", {}}}, {3, {"gamma", "host=c", {"host=c1"}}}}),
                   directory({{1, {"gamma", "host=other", {}}}, {3, {"delta", "host=d", {}}}}, "beta")});
  CHECK(names(found) == std::vector<std::string>{"delta", "gamma", "zeta"});
  CHECK(found.shards[0].learned_from == "beta");
  CHECK(found.shards[1].learned_from == "alpha");
  CHECK(found.shards[1].shard.primary == "host='c'");
  CHECK(found.shards[1].shard.replicas == std::vector<std::string>{"host='c1'"});
  CHECK(found.problems.empty());
}

TEST_CASE("an added shard is connected to as the one that names it, whoever wrote the directory") {
  const ShardMap map("movies",
                     {{"alpha", "host=a dbname=movies user=web passfile=/secret sslmode=require", {}}},
                     {{"catalog", 1, HashStrategy{}, {ShardId{0}}}}, {}, {});
  const auto found = added_shards(
      map,
      {directory({{2, {"gamma", "host=c port=6000 dbname=films user=postgres", {"host=c1 dbname=films"}}},
                  {3, {"delta", "host=d user=mover", {}}}})});
  REQUIRE(found.shards.size() == 2);
  CHECK(found.shards[0].shard.primary ==
        "dbname='films' host='c' passfile='/secret' port='6000' sslmode='require' user='web'");
  CHECK(found.shards[0].shard.replicas.front() ==
        "dbname='films' host='c1' passfile='/secret' sslmode='require' user='web'");
  // The database was left to the name of the user, who is another here.
  CHECK(found.shards[1].shard.primary ==
        "dbname='mover' host='d' passfile='/secret' sslmode='require' user='web'");
}

TEST_CASE("a shard that a map file could not have is ignored and named, and none of its secrets are told") {
  const auto refused = [](Shard shard) {
    const auto found =
        added_shards(two_shards, {directory({{2, std::move(shard)}, {3, {"delta", "host=d", {}}}})});
    CHECK(names(found) == std::vector<std::string>{"delta"});
    REQUIRE(found.problems.size() == 1);
    CHECK(found.problems[0].find("alpha") != std::string::npos);
    CHECK(found.problems[0].find("secret") == std::string::npos);
    return found.problems[0];
  };
  const auto says = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(says(refused({"gamma", "host=c password=secret", {}}), "'gamma'"));
  CHECK(says(refused({"gamma", "host=c", {"postgresql://u:secret@c1/movies"}}), "password"));
  CHECK(says(refused({"gamma", "host=c,c1", {}}), "several hosts"));
  CHECK(says(refused({"gamma", "no connection string", {}}), "cannot be read"));
  CHECK(says(refused({"gamma", "", {}}), "cannot be read"));
  CHECK(says(refused({"Gamma!", "host=c", {}}), "name"));
  CHECK(says(refused({"gamma", "host=a1", {}}), "another's"));
  CHECK(says(refused({"gamma", "host=c", {"host=c"}}), "another's"));
}

TEST_CASE("a shard that was refused does not stand in the way of another on the same server") {
  const auto found = added_shards(
      two_shards, {directory({{2, {"gamma", "host=c", {"host=a"}}}, {3, {"delta", "host=c", {}}}})});
  CHECK(names(found) == std::vector<std::string>{"delta"});
}

TEST_CASE("a map with added shards has them behind its own, and places every slot as before") {
  const auto map = with_shards(two_shards, {{"gamma", "host=c", {}}});
  REQUIRE(map.shards().size() == 3);
  CHECK(map.shards()[1].name == "beta");
  CHECK(map.shards()[2].name == "gamma");
  CHECK(map.cluster() == "movies");
  CHECK(map.groups()[0].placement == two_shards.groups()[0].placement);
}
