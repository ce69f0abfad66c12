#include "tests/chaos/site.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include "shard_map/key.hpp"

namespace shardplex::chaos {
namespace {

using integration::Database;
using integration::read_file;
using integration::wait_until;

std::uint16_t port_in(const std::string& conninfo) {
  const auto at = conninfo.find("port=") + 5;
  return static_cast<std::uint16_t>(std::stoi(conninfo.substr(at)));
}

std::string with_other_port(std::string map, std::uint16_t from, std::uint16_t to) {
  const auto old = "port=" + std::to_string(from) + ' ', other = "port=" + std::to_string(to) + ' ';
  for (auto at = map.find(old); at != std::string::npos; at = map.find(old, at + other.size()))
    map.replace(at, old.size(), other);
  return map;
}

/// Of every router, from its first start to its last. Reads wait longer than by default: what faults take
/// from them is told by the rounds' bounds, and not by how long a busy machine needs to connect again.
integration::Router::Options router_options() {
  integration::Router::Options options;
  options.arguments = {"--read-patience", "3s"};
  return options;
}

/// Puts the data of a server that is stopped on a file system in memory, which the program's mount namespace
/// alone has (main.cpp).
bool move_to_small_disk(const std::string& home) {
  constexpr const char* script = R"(set -e
mv "$1" "$1.before"
mkdir "$1"
if mount -t tmpfs -o size=512m,mode=0755 shardplex-chaos "$1"; then
  cp -a "$1.before/." "$1" && rm -rf "$1.before"
else
  rmdir "$1" && mv "$1.before" "$1" && exit 1
fi)";
  return integration::run({"sh", "-c", script, "sh", home}).status == 0;
}

}  // namespace

Site::Site() : cluster_({.shards = 3, .replicas = 1, .map = "hash", .settings = {"max_wal_size=128MB"}}) {
  const auto& last = cluster_.shards().back();
  cluster_.stop(last);
  if (move_to_small_disk(cluster_.home(last))) server_on_small_disk_ = last;
  cluster_.start(last);
  cluster_.initialise();
  cluster_.load("movies", integration::make_movies({"--count", "2000"}));
  auto map = read_file(cluster_.map_file());
  for (const auto& name : cluster_.shards()) {
    shards_.push_back({name, name, name + "-1"});
    for (const auto& server : {name, name + "-1"}) {
      const auto port = port_in(cluster_.conninfo(server));
      proxies_[server] = std::make_unique<Proxy>(port);
      map = with_other_port(std::move(map), port, proxies_[server]->port());
    }
  }
  maps_ = {cluster_.map_file(), folder_.write("map.yaml", map)};
  for (const auto& path : maps_) {
    routers_.push_back(std::make_unique<integration::Router>(path, router_options()));
    router_ports_.emplace_back(routers_.back()->port(), routers_.back()->admin_port());
  }
}

Site::Shard& Site::shard(const std::string& name) {
  return *std::ranges::find(shards_, name, &Shard::name);
}

const Site::Shard& Site::shard_of_server(const std::string& server) const {
  return *std::ranges::find_if(
      shards_, [&](const Shard& shard) { return shard.primary == server || shard.replica == server; });
}

std::vector<integration::Primary> Site::primaries() const {
  std::vector<integration::Primary> primaries;
  for (const auto& shard : shards_) primaries.push_back({shard.name, cluster_.conninfo(shard.primary)});
  return primaries;
}

std::function<std::string(std::int64_t)> Site::owners() const {
  const auto& group = cluster_.map().group(*cluster_.map().find_table("movies")->group);
  std::vector<std::string> owner_of_slot(group.slot_count);
  for (const auto& [shard, conninfo] : primaries())
    for (const auto& row : Database(conninfo).run(
             "SELECT slot FROM shardplex.slots WHERE grp = 'catalog' AND state IN ('owned', 'fenced')"))
      owner_of_slot.at(row[0].as<std::size_t>()) = shard;
  return [&group, owner_of_slot](std::int64_t id) {
    return owner_of_slot[slot_of_row(group, canonical_bytes(id), std::nullopt).value];
  };
}

std::vector<int> Site::slots_of(const std::string& shard, std::size_t most) const {
  std::vector<int> slots;
  for (const auto& primary : primaries())
    if (primary.shard == shard)
      for (const auto& row : Database(primary.conninfo)
                                 .run("SELECT slot FROM shardplex.slots WHERE grp = 'catalog' AND state = "
                                      "'owned' ORDER BY slot LIMIT " +
                                      std::to_string(most)))
        slots.push_back(row[0].as<int>());
  return slots;
}

void Site::start_router(std::size_t index) {
  const auto [port, admin_port] = router_ports_[index];
  routers_[index].reset();
  auto options = router_options();
  options.port = port;
  options.admin_port = admin_port;
  routers_[index] = std::make_unique<integration::Router>(maps_[index], options);
}

void Site::set_synchronous(const Shard& shard, bool synchronous) {
  Database primary(cluster_.conninfo(shard.primary));
  if (synchronous)
    primary.run("ALTER SYSTEM SET synchronous_standby_names = '\"" + *shard.replica + "\"'");
  else
    primary.run("ALTER SYSTEM RESET synchronous_standby_names");
  primary.run("SELECT pg_reload_conf()");
  if (!synchronous) return;
  wait_until("the replica is synchronous", [&] {
    return primary.number("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1;
  });
}

void Site::promote(Shard& shard) {
  Database replica(cluster_.conninfo(*shard.replica));
  replica.run("SELECT pg_promote(false)");
  // Without wait_until(), which looks too seldom for a moment that others are measured from.
  const auto end = std::chrono::steady_clock::now() + integration::patience;
  while (replica.value("SELECT pg_is_in_recovery()") == "t") {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error(*shard.replica + " is no primary");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::swap(shard.primary, *shard.replica);
}

void Site::remove(const std::string& shard) {
  std::erase_if(shards_, [&](const Shard& known) { return known.name == shard; });
}

std::size_t Site::shards_of_routers() const {
  std::size_t most = 0;
  for (const auto& router : routers_)
    most = std::max(most, boost::json::parse(router->admin("/shards").body).as_array().size());
  return most;
}

void Site::wait_until_well() const {
  for (const auto& router : routers_) router->wait_until_ready();
  for (const auto& shard : shards_) {
    if (!shard.replica) continue;
    Database primary(cluster_.conninfo(shard.primary)), replica(cluster_.conninfo(*shard.replica));
    const auto written = primary.value("SELECT pg_current_wal_lsn()").value();
    wait_until(*shard.replica + " has caught up",
               [&] { return replica.value("SELECT pg_last_wal_replay_lsn() >= '" + written + "'") == "t"; });
  }
}

}  // namespace shardplex::chaos
