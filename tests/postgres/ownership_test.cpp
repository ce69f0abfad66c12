// The schema `shardplex`: its checks, as the router meets them, and what is read from it.
#include <doctest/doctest.h>

#include <future>

#include "postgres/ownership_reader.hpp"
#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

constexpr const char* check_epoch = "SELECT value FROM rows WHERE shardplex.check_epoch($1)";
constexpr const char* begin_write = "SELECT shardplex.begin_write($1, $2)";

// A shard of the group `catalog` that owns slots 0 to 3 at epoch 1, in a database of its own.
class ShardDatabase {
 public:
  ShardDatabase() {
    run_sql_file(SHARDPLEX_SCHEMA);
    run_sql_file(SHARDPLEX_SCHEMA);  // safe to run again
    run_sql(
        "INSERT INTO shardplex.shard (cluster, name, first_node, last_node) VALUES ('movies', 'alpha', 0, "
        "63)");
    run_sql(
        "INSERT INTO shardplex.slots (grp, slot, state) SELECT 'catalog', s, 'owned' FROM "
        "generate_series(0, 3) s");
    run_sql("CREATE TABLE rows (value int)");
  }

  std::string conninfo() const { return shared_server().conninfo(name_); }
  void run_sql(const std::string& sql) { shared_server().run_sql(sql, name_); }
  void run_sql_file(const std::string& path) { shared_server().run_sql_file(path, name_); }

  Results write(const std::string& group, int epoch, const std::string& then = "SELECT 1") {
    return worker.execute(
        {{begin_write, {group, std::to_string(epoch)}}, {"INSERT INTO rows VALUES (1)", {}}, {then, {}}});
  }
  std::int64_t rows() { return worker.integer("SELECT count(*) FROM rows"); }

 private:
  static std::string create() {
    static int count = 0;
    const std::string name = "shard" + std::to_string(++count);
    shared_server().run_sql("CREATE DATABASE " + name);
    return name;
  }

  std::string name_ = create();

 public:
  Worker worker{one_connection(conninfo())};
};

ShardMap map_with(std::uint32_t slots, const std::string& group = "catalog") {
  return ShardMap("movies", {{"alpha", "", {}}},
                  {{group, slots, HashStrategy{}, std::vector<ShardId>(slots, ShardId{0})}}, {}, {});
}

}  // namespace

TEST_CASE("a read planned for another epoch is refused with SX001, also where it would find nothing") {
  ShardDatabase shard;
  CHECK(shard.worker.execute({{check_epoch, {"1"}}}).value()[0].rows() == 0);
  for (const char* stale : {"0", "2"}) {
    const auto refused = shard.worker.execute({{check_epoch, {stale}}});
    REQUIRE(refused.has_error());
    CHECK(refused.error().sqlstate == "SX001");
  }
}

TEST_CASE("a write planned for another epoch is refused with SX001 and leaves nothing") {
  ShardDatabase shard;
  CHECK(shard.write("catalog", 2).error().sqlstate == "SX001");
  CHECK(shard.rows() == 0);
  CHECK(shard.write("catalog", 1).has_value());
  CHECK(shard.rows() == 1);
}

TEST_CASE("a write meets a fence in the making as SX002, and after it as SX001") {
  ShardDatabase shard;
  pqxx::connection connection(shard.conninfo());
  pqxx::work fence(connection);
  fence.exec("SELECT shardplex.fence_slots('catalog', '{0,1}')");
  CHECK(shard.write("catalog", 1).error().sqlstate == "SX002");
  CHECK(shard.write("other_group", 1).has_value());
  fence.commit();
  CHECK(shard.write("catalog", 1).error().sqlstate == "SX001");
  CHECK(shard.write("catalog", 2).has_value());
}

TEST_CASE("a fence waits for the writes in flight and then sees them") {
  ShardDatabase shard;
  Gate gate(shard.conninfo());
  const auto waiting = [](const std::string& lock_holder) {
    return !outside(shared_server(),
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%" +
                        lock_holder + "%'")
                .empty();
  };
  auto write = shard.worker.submit(
      Lane::write, {{begin_write, {"catalog", "1"}}, {"INSERT INTO rows VALUES (1)", {}}, Gate::wait()});
  shard.worker.wait_until([&] { return waiting("lock_shared"); });
  auto fence = std::async(std::launch::async, [&] {
    pqxx::connection connection(shard.conninfo());
    pqxx::work work(connection);
    work.exec("SELECT shardplex.fence_slots('catalog', '{0}')");
    const auto seen = work.exec("SELECT count(*) FROM rows")[0][0].as<int>();
    work.commit();
    return seen;
  });
  shard.worker.wait_until([&] { return waiting("fence_slots"); });
  CHECK_FALSE(write->has_value());
  gate.open();
  shard.worker.wait_until([&] { return write->has_value(); });
  CHECK((*write)->has_value());
  CHECK(fence.get() == 1);
}

TEST_CASE("slots go through their states in order, each change one epoch and one journal entry") {
  ShardDatabase shard;
  const auto change = [&](const std::string& function, const std::string& slots) {
    return shard.worker.execute({{"SELECT shardplex." + function + "('catalog', $1)", {slots}}});
  };
  CHECK(change("hand_over_slots", "{0}").error().sqlstate == "SX003");
  CHECK(change("fence_slots", "{0,9}").error().sqlstate == "SX003");  // whole or not at all
  CHECK(change("fence_slots", "{0}").value()[0].integer(0, 0) == 2);
  CHECK(change("hand_over_slots", "{0}").value()[0].integer(0, 0) == 3);
  CHECK(change("receive_slots", "{8}").value()[0].integer(0, 0) == 4);
  CHECK(change("own_slots", "{8}").value()[0].integer(0, 0) == 5);
  CHECK(change("forget_slots", "{0}").value()[0].integer(0, 0) == 6);
  CHECK(shard.worker.integer("SELECT count(*) FROM shardplex.changes") == 5);
}

TEST_CASE("routers are promised ids that nobody else gets") {
  ShardDatabase shard;
  const std::string reserve = "SELECT node, from_ms, until_ms FROM shardplex.promise_ids($1, $2, $3)";
  auto first = shard.worker.execute({{reserve, {std::nullopt, "1000", "500"}}}).value();
  auto second = shard.worker.execute({{reserve, {std::nullopt, "1000", "500"}}}).value();
  CHECK(first[0].integer(0, 0) != second[0].integer(0, 0));
  auto again =
      shard.worker.execute({{reserve, {std::to_string(first[0].integer(0, 0).value()), "1200", "500"}}})
          .value();
  CHECK(again[0].integer(0, 0) == first[0].integer(0, 0));
  CHECK(first[0].integer(0, 1) == 1000);
  CHECK(first[0].integer(0, 2) == 1500);
  CHECK(again[0].integer(0, 1) == 1500);
  CHECK(again[0].integer(0, 2) == 2000);
  for (int router = 2; router < 64; ++router)
    shard.worker.execute({{reserve, {std::nullopt, "1000", "500"}}}).value();
  CHECK(shard.worker.integer("SELECT count(*) FROM shardplex.nodes") == 64);
  // All nodes taken: the one whose promise ends first is promised on, from there.
  auto beyond = shard.worker.execute({{reserve, {std::nullopt, "1000", "500"}}}).value();
  CHECK(beyond[0].integer(0, 1) == 1500);
  // A number of another shard's is not promised on, whoever says that it had it here.
  auto foreign = shard.worker.execute({{reserve, {"64", "1000", "500"}}}).value();
  CHECK(foreign[0].integer(0, 0) < 64);
  shard.run_sql("UPDATE shardplex.shard SET first_node = NULL, last_node = NULL");
  CHECK(shard.worker.execute({{reserve, {std::nullopt, "1000", "500"}}}).error().sqlstate == "SX005");
}

TEST_CASE("a shard's ownership report names the state of every slot of the map's groups") {
  ShardDatabase shard;
  shard.run_sql("SELECT shardplex.fence_slots('catalog', '{1}')");
  shard.run_sql("SELECT shardplex.receive_slots('catalog', '{5}')");
  shard.run_sql("SELECT shardplex.receive_slots('group_of_another_map', '{5}')");
  const auto report =
      shard.worker.run(postgres::read_ownership(shard.worker.pool(), map_with(8), in(bound))).value();
  CHECK(report.epoch == Epoch{4});
  REQUIRE(report.groups.size() == 1);
  using enum SlotState;
  CHECK(report.groups.at("catalog") ==
        std::vector{owned, fenced, owned, owned, absent, incoming, absent, absent});
}

TEST_CASE("a shard without slots has an ownership report too; one without an identity has none") {
  ShardDatabase shard;
  const auto read = [&](const ShardMap& map) {
    return shard.worker.run(postgres::read_ownership(shard.worker.pool(), map, in(bound)));
  };
  shard.run_sql("DELETE FROM shardplex.slots");
  CHECK(read(map_with(2)).value().groups.at("catalog") == std::vector(2, SlotState::absent));
  shard.run_sql("DELETE FROM shardplex.shard");
  CHECK(read(map_with(2)).error().sqlstate == "55000");
  shard.run_sql("DROP SCHEMA shardplex CASCADE");
  CHECK(read(map_with(2)).error().sqlstate == "42P01");
}

TEST_CASE("a shard that knows more slots than the map is refused") {
  ShardDatabase shard;
  const auto report = shard.worker.run(postgres::read_ownership(shard.worker.pool(), map_with(2), in(bound)));
  REQUIRE(report.has_error());
  CHECK(report.error().sqlstate == "55000");
  CHECK(report.error().message.find("catalog") != std::string::npos);
}

TEST_CASE("a shard whose rows were placed by another definition than the map's is refused") {
  ShardDatabase shard;
  const auto read = [&](const ShardMap& map) {
    return shard.worker.run(postgres::read_ownership(shard.worker.pool(), map, in(bound)));
  };
  shard.run_sql("INSERT INTO shardplex.definitions VALUES ('group catalog', 'slots=8 hash')");
  CHECK(read(map_with(8)).has_value());
  const auto report = read(map_with(16));
  REQUIRE(report.has_error());
  CHECK(report.error().sqlstate == "55000");
  CHECK(report.error().message == "group catalog was made with slots=8 hash; the map has slots=16 hash");
  shard.run_sql("UPDATE shardplex.definitions SET subject = 'group of_another_map'");
  CHECK(read(map_with(16)).has_value());
}

TEST_CASE("a server's status tells its role and identity, and whether it has any") {
  Server server;
  Worker worker(server);
  const auto read = [&] { return worker.run(postgres::read_status(worker.pool(), in(bound))).value(); };

  const auto bare = read();
  CHECK_FALSE(bare.in_recovery);
  CHECK_FALSE(bare.initialised);
  CHECK(bare.timeline == 1);
  CHECK(bare.wal_lsn > 0);
  CHECK_FALSE(bare.replay_lag_seconds);
  CHECK(bare.max_prepared_transactions == 10);

  server.run_sql_file(SHARDPLEX_SCHEMA);
  CHECK_FALSE(read().initialised);  // not initialised
  server.run_sql("INSERT INTO shardplex.shard (cluster, name, epoch) VALUES ('movies', 'alpha', 7)");
  const auto primary = read();
  CHECK(primary.initialised);
  CHECK(primary.cluster == "movies");
  CHECK(primary.shard == "alpha");
  CHECK(primary.epoch == Epoch{7});
  CHECK(primary.wal_lsn > bare.wal_lsn);

  server.become_standby();
  worker.wait_until([&] { return worker.pool().state(Lane::read).ready == 0; });
  const auto standby = read();
  CHECK(standby.in_recovery);
  CHECK(standby.timeline == 1);
  CHECK(standby.wal_lsn >= primary.wal_lsn);
  CHECK(standby.epoch == Epoch{7});
}

TEST_CASE("a server's status has the directory of all shards, by position; without the table it is empty") {
  ShardDatabase shard;
  const auto read = [&] {
    return shard.worker.run(postgres::read_status(shard.worker.pool(), in(bound))).value();
  };
  CHECK(read().directory.empty());
  shard.run_sql(
      "INSERT INTO shardplex.shards VALUES ('gamma', 3, 'host=c', '{}'), ('beta', 2, 'host=b', "
      "'{host=b1,\"host=b2 user=\\\"x,y\\\"\"}')");
  const auto directory = read().directory;
  REQUIRE(directory.size() == 2);
  CHECK(directory[0].position == 2);
  CHECK(directory[0].shard.name == "beta");
  CHECK(directory[0].shard.primary == "host=b");
  CHECK(directory[0].shard.replicas == std::vector<std::string>{"host=b1", "host=b2 user=\"x,y\""});
  CHECK(directory[1].shard.name == "gamma");
  CHECK(directory[1].shard.replicas.empty());
  shard.run_sql("DROP TABLE shardplex.shards");
  const auto without = read();
  CHECK(without.initialised);
  CHECK(without.directory.empty());
  CHECK_FALSE(without.directory_denied);
}

TEST_CASE("a role that may not read the directory is told from a directory without rows") {
  ShardDatabase shard;
  shard.run_sql(
      "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; "
      "GRANT USAGE ON SCHEMA shardplex TO reader; GRANT SELECT ON shardplex.shard TO reader; "
      "GRANT pg_monitor TO reader");
  Worker reader(one_connection(shard.conninfo() + " user=reader"));
  const auto read = [&] { return reader.run(postgres::read_status(reader.pool(), in(bound))).value(); };
  CHECK(read().directory_denied);
  CHECK(read().shard == "alpha");
  shard.run_sql("GRANT SELECT ON shardplex.shards TO reader");
  CHECK_FALSE(read().directory_denied);
}

TEST_CASE("the epoch alone is read as it is now") {
  ShardDatabase shard;
  const auto read = [&] { return shard.worker.run(postgres::read_epoch(shard.worker.pool(), in(bound))); };
  CHECK(read().value() == Epoch{1});
  shard.run_sql("SELECT shardplex.fence_slots('catalog', '{0}')");
  CHECK(read().value() == Epoch{2});
  shard.run_sql("DELETE FROM shardplex.shard");
  CHECK(read().error().sqlstate == "55000");
}

}  // namespace shardplex::test
