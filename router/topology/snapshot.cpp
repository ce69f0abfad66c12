#include "router/topology/snapshot.hpp"

#include <algorithm>

#include "server_address/server_address.hpp"

namespace shardplex::router {

bool routes_alike(const Snapshot& a, const Snapshot& b) {
  const auto same_servers = [](const ShardState& x, const ShardState& y) {
    return x.primary == y.primary && std::ranges::equal(x.servers, y.servers, [](auto& s, auto& t) {
             return s.readable == t.readable && s.writable == t.writable && s.ruling == t.ruling;
           });
  };
  return a.map == b.map && a.catalogue == b.catalogue && a.ownership == b.ownership &&
         std::ranges::equal(a.shards, b.shards, same_servers);
}

std::string address_of(const std::string& conninfo) {
  const auto address = server_address(conninfo);
  return address ? address->host + ":" + address->port : "?";
}

}  // namespace shardplex::router
