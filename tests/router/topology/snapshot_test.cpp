#include "router/topology/snapshot.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace shardplex;
using namespace shardplex::router;

TEST_CASE("a server's address is its host and port, and never its password") {
  CHECK(address_of("host=10.0.0.1 port=5433 dbname=movies user=u password=secret") == "10.0.0.1:5433");
  CHECK(address_of("postgresql://u:secret@db.example:6000/movies") == "db.example:6000");
  CHECK(address_of("dbname=movies") == "localhost:5432");
  CHECK(address_of("this is not = a connection string '") == "?");
}

TEST_CASE("requests are routed alike where map, catalogue, ownership and usable servers are the same") {
  Snapshot before;
  before.map = std::make_shared<const ShardMap>("movies", std::vector<Shard>{{"alpha", "host=a", {}}},
                                                std::vector<Group>{}, std::vector<TablePlacement>{},
                                                std::vector<MapRelation>{});
  before.catalogue = std::make_shared<const Catalogue>();
  auto& alpha = before.shards.emplace_back().servers.emplace_back();
  alpha.up = alpha.writable = alpha.readable = true;
  before.shards[0].primary = 0;
  const auto alike = [&](const std::function<void(Snapshot&)>& change) {
    auto after = before;
    change(after);
    return routes_alike(before, after);
  };
  CHECK(alike([](Snapshot&) {}));
  CHECK(alike([](Snapshot& s) { s.version = 9; }));
  CHECK(alike([](Snapshot& s) { s.shards[0].servers[0].wal_lsn = 9; }));
  CHECK(alike([](Snapshot& s) { s.shards[0].servers[0].epoch = Epoch{9}; }));  // ownership has it
  CHECK_FALSE(alike([](Snapshot& s) { s.map = std::make_shared<const ShardMap>(*s.map); }));
  CHECK_FALSE(alike([](Snapshot& s) { s.catalogue = std::make_shared<const Catalogue>(); }));
  CHECK_FALSE(alike([](Snapshot& s) {
    s.ownership = std::make_shared<const Ownership>(*s.map, std::vector<std::optional<ShardOwnership>>(1));
  }));
  CHECK_FALSE(alike([](Snapshot& s) { s.shards[0].primary.reset(); }));
  CHECK_FALSE(alike([](Snapshot& s) { s.shards[0].servers[0].readable = false; }));
  CHECK_FALSE(alike([](Snapshot& s) { s.shards[0].servers[0].writable = false; }));
  CHECK_FALSE(alike([](Snapshot& s) { s.shards[0].servers.emplace_back(); }));
  CHECK_FALSE(alike([](Snapshot& s) { s.shards.emplace_back(); }));
}
