#include "router/topology/snapshot.hpp"

#include <algorithm>
#include <utility>

#include "query/catalogue/catalogue_of_schema.hpp"
#include "server_address/server_address.hpp"
#include "shard_map/map_name.hpp"
#include "shard_map/map_schemas.hpp"

namespace shardplex::router {
namespace {

/// A map and a catalogue of the schema public alone are what its requests see, and are not copied.
ExposedSchema exposed(const Snapshot& snapshot, const std::string& name) {
  ExposedSchema schema{name, snapshot.map, snapshot.catalogue, nullptr};
  if (name != plain_schema || !has_one_schema(*snapshot.map)) {
    schema.map = std::make_shared<const ShardMap>(map_of_schema(*snapshot.map, name));
    if (snapshot.catalogue)
      schema.catalogue =
          std::make_shared<const Catalogue>(catalogue_of_schema(*snapshot.catalogue, *snapshot.map, name));
  }
  schema.relations = std::make_shared<const Relations>(
      schema.catalogue ? Relations(*schema.catalogue, declared_keys(*schema.map)) : Relations());
  return schema;
}

}  // namespace

void expose_schemas(Snapshot& snapshot, const std::vector<std::string>& names, const Snapshot* before) {
  const auto same_names = [&] {
    return std::ranges::equal(before->schemas, names, {}, &ExposedSchema::name);
  };
  if (before != nullptr && before->map == snapshot.map && before->catalogue == snapshot.catalogue &&
      same_names()) {
    snapshot.schemas = before->schemas;
    return;
  }
  snapshot.schemas.clear();
  for (const auto& name : names) snapshot.schemas.push_back(exposed(snapshot, name));
}

const ExposedSchema* find_schema(const Snapshot& snapshot, std::string_view name) {
  const auto found = std::ranges::find(snapshot.schemas, name, &ExposedSchema::name);
  return found == snapshot.schemas.end() ? nullptr : &*found;
}

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
