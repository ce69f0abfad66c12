#include "operations/shard/moved_table.hpp"

#include "operations/process/failure.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/server.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using namespace shardplex::test;

namespace {

/// The tables of the first group as alpha has them.
std::vector<MovedTable> tables_of(const Cluster& cluster) {
  const ShardMap map = load_shard_map(cluster.map());
  const auto connection = connect(cluster.conninfo("alpha"));
  pqxx::nontransaction transaction(*connection);
  return read_moved_tables(transaction, map, map.groups().front());
}

}  // namespace

TEST_CASE("the tables of a group are read with their key and with generated columns apart") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("alpha",
              "ALTER TABLE ratings ADD gone int; ALTER TABLE ratings ADD doubled int GENERATED ALWAYS AS "
              "(score * 2) STORED, "
              "ADD \"odd \"\"name\" int GENERATED ALWAYS AS IDENTITY, DROP gone");
  const auto tables = tables_of(cluster);
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].name == "movies");
  CHECK(tables[0].primary_key == std::vector<std::string>{"id"});
  CHECK(tables[0].generated.empty());
  CHECK(tables[1].primary_key == std::vector<std::string>{"movie_id", "user_id"});
  CHECK(tables[1].columns ==
        std::vector<std::string>{"movie_id", "user_id", "score", "rated_at", "shardplex_slot", "odd \"name"});
  CHECK(tables[1].generated == std::vector<std::string>{"doubled"});
  CHECK(qualified_name(tables[1]) == "\"public\".\"ratings\"");
  CHECK(quoted_list({"a", "odd \"name"}) == "\"a\", \"odd \"\"name\"");
}

TEST_CASE("a table that is missing, has no primary key or no slot column cannot move, and is named") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("alpha", "ALTER TABLE ratings DROP CONSTRAINT ratings_pkey");
  CHECK_THROWS_WITH_AS(tables_of(cluster), "table ratings has no primary key", CommandFailed);
  cluster.sql("alpha", "ALTER TABLE ratings DROP shardplex_slot");
  CHECK_THROWS_WITH_AS(tables_of(cluster),
                       "table ratings has no column shardplex_slot (shardplex cluster init adds it)",
                       CommandFailed);
  cluster.sql("alpha", "DROP TABLE ratings");
  CHECK_THROWS_WITH_AS(tables_of(cluster), "table ratings does not exist", CommandFailed);
}

TEST_CASE("slots become an array literal") {
  SlotSet slots = SlotSet::none(1024);
  CHECK(array_literal(slots) == "{}");
  for (const std::uint32_t slot : {0U, 63U, 64U, 1023U}) slots.insert(Slot{slot});
  CHECK(array_literal(slots) == "{0,63,64,1023}");
}
