#include "router/topology/snapshot.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

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

TEST_CASE("clients see the schemas of the settings, each by itself") {
  Snapshot snapshot;
  snapshot.map = std::make_shared<const ShardMap>(
      "movies", std::vector<Shard>{{"alpha", "host=a", {}}}, std::vector<Group>{},
      std::vector<TablePlacement>{{"movies", true, {}, ""}, {"catalog.movies", true, {}, ""}},
      std::vector<MapRelation>{});
  Catalogue catalogue;
  catalogue.tables["movies"].name = "movies";
  catalogue.tables["catalog.movies"].name = "catalog.movies";
  snapshot.catalogue = std::make_shared<const Catalogue>(std::move(catalogue));
  const std::vector<std::string> names{"catalog", "public", "nowhere"};
  expose_schemas(snapshot, names, nullptr);
  REQUIRE(snapshot.schemas.size() == 3);
  CHECK(snapshot.schemas.front().name == "catalog");
  const auto* schema = find_schema(snapshot, "catalog");
  REQUIRE(schema);
  CHECK(schema->map->find_table("movies") != nullptr);
  CHECK(schema->map->find_table("catalog.movies") == nullptr);
  CHECK(schema->catalogue->find("movies")->schema == "catalog");
  CHECK(schema->relations->tables().empty());
  CHECK(find_schema(snapshot, "public")->catalogue->tables.size() == 1);
  CHECK(find_schema(snapshot, "nowhere")->catalogue->tables.empty());
  CHECK(find_schema(snapshot, "private") == nullptr);

  // Those of a snapshot with the same map and catalogue are the same.
  Snapshot next = snapshot;
  next.schemas.clear();
  expose_schemas(next, names, &snapshot);
  CHECK(find_schema(next, "catalog")->map == schema->map);
  next.catalogue = std::make_shared<const Catalogue>();
  expose_schemas(next, names, &snapshot);
  CHECK(find_schema(next, "catalog")->catalogue->tables.empty());
}

TEST_CASE("a map of the schema public alone is what its requests see") {
  Snapshot snapshot;
  snapshot.map = std::make_shared<const ShardMap>("movies", std::vector<Shard>{{"alpha", "host=a", {}}},
                                                  std::vector<Group>{}, std::vector<TablePlacement>{},
                                                  std::vector<MapRelation>{});
  expose_schemas(snapshot, {"public"}, nullptr);
  CHECK(find_schema(snapshot, "public")->map == snapshot.map);
  CHECK_FALSE(find_schema(snapshot, "public")->catalogue);
}
