#include "router/topology/snapshot.hpp"

#include <libpq-fe.h>

#include <algorithm>

namespace shardplex::router {

bool routes_alike(const Snapshot& a, const Snapshot& b) {
  const auto same_servers = [](const ShardState& x, const ShardState& y) {
    return x.primary == y.primary && std::ranges::equal(x.servers, y.servers, [](auto& s, auto& t) {
             return s.readable == t.readable && s.writable == t.writable;
           });
  };
  return a.map == b.map && a.catalogue == b.catalogue && a.ownership == b.ownership &&
         std::ranges::equal(a.shards, b.shards, same_servers);
}

std::string address_of(const std::string& conninfo) {
  std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(conninfo.c_str(), nullptr), &PQconninfoFree);
  if (!options) return "?";
  std::string host = "localhost", port = "5432";
  for (const auto* o = options.get(); o->keyword != nullptr; ++o) {
    if (o->val == nullptr || *o->val == '\0') continue;
    const std::string_view keyword = o->keyword;
    if (keyword == "host" || keyword == "hostaddr") host = o->val;
    if (keyword == "port") port = o->val;
  }
  return host + ":" + port;
}

}  // namespace shardplex::router
