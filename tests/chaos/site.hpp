// The cluster and the routers that faults happen to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/chaos/proxy.hpp"
#include "tests/consistency/recorded_load.hpp"
#include "tests/integration/cluster.hpp"

namespace shardplex::chaos {

/// Three shards with a replica each, and two routers. The first router speaks with the servers, the second
/// through a proxy for each of them.
class Site {
 public:
  struct Shard {
    std::string name, primary;
    std::optional<std::string> replica;
  };

  Site();

  integration::Cluster& cluster() { return cluster_; }
  const std::string& map_file() const { return cluster_.map_file(); }
  /// A file beside the second router's map.
  std::string file(const std::string& name) const { return folder_.path() + '/' + name; }
  const std::vector<Shard>& shards() const { return shards_; }
  Shard& shard(const std::string& name);
  std::vector<integration::Primary> primaries() const;
  /// Whose each film is, as the shards say now.
  std::function<std::string(std::int64_t)> owners() const;
  /// Some slots of the shard, so many at most.
  std::vector<int> slots_of(const std::string& shard, std::size_t most) const;

  std::size_t routers() const { return routers_.size(); }
  integration::Router& router(std::size_t index) { return *routers_[index]; }
  /// The port and the admin port of each.
  const std::vector<std::pair<std::uint16_t, std::uint16_t>>& router_ports() const { return router_ports_; }
  /// Starts a router that has ended, on its ports of before.
  void start_router(std::size_t index);

  /// A server whose disk is small and its own; nullopt where none can be mounted, which takes root.
  const std::optional<std::string>& server_on_small_disk() const { return server_on_small_disk_; }
  /// The shard of a server, whichever its role.
  const Shard& shard_of_server(const std::string& server) const;

  /// The second router's way to a server.
  Proxy& proxy(const std::string& server) { return *proxies_.at(server); }

  /// From now on the primary of the shard acknowledges nothing that its replica does not have; or does again.
  void set_synchronous(const Shard& shard, bool synchronous);
  /// Makes the replica of the shard its primary. Returns when it is; what was the primary may go on.
  void promote(Shard& shard);
  /// Makes the server that is not the primary a replica again.
  void rejoin(const Shard& shard) { cluster_.rejoin(*shard.replica); }

  /// What add_shard() of the cluster has made belongs to it, or does no longer.
  void add(const Shard& shard) { shards_.push_back(shard); }
  void remove(const std::string& shard);
  /// To how many shards routers route: the most of them.
  std::size_t shards_of_routers() const;

  /// Waits until both routers miss nothing and the replicas have what the primaries have.
  void wait_until_well() const;

 private:
  integration::Cluster cluster_;
  integration::TemporaryFolder folder_;
  std::vector<Shard> shards_;
  std::optional<std::string> server_on_small_disk_;
  std::map<std::string, std::unique_ptr<Proxy>> proxies_;  // by server
  std::vector<std::string> maps_;                          // by router
  std::vector<std::pair<std::uint16_t, std::uint16_t>> router_ports_;
  std::vector<std::unique_ptr<integration::Router>> routers_;
};

}  // namespace shardplex::chaos
