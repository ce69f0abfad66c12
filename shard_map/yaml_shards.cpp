#include "shard_map/yaml_shards.hpp"

#include <cstddef>
#include <optional>

namespace shardplex {
namespace {

constexpr std::size_t max_name_bytes = 63;  // PostgreSQL's own limit for identifiers

constexpr std::string_view password_refusal =
    "a password does not belong in the map; libpq takes it from the environment variable PGPASSWORD, from a "
    "passfile (passfile=...) or from a service file (service=...)";

/// Shard names go into HTTP headers, metrics and names of PostgreSQL objects.
bool is_shard_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name_bytes && name.front() >= 'a' && name.front() <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

}  // namespace

void YamlShards::reserve(const Shard& shard) {
  const auto add = [&](const std::string& server) {
    if (const auto conninfo = parse_conninfo(server))
      servers_.emplace(server_identity(*conninfo), "a server of the map's shard " + shard.name);
  };
  add(shard.primary);
  for (const auto& replica : shard.replicas) add(replica);
}

Shard YamlShards::read(std::string_view name, const YamlNode& node) {
  Shard shard{std::string(name), {}, {}};
  if (!is_shard_name(name))
    yaml_.report(node, "a shard's name has 1 to 63 of a-z, 0-9, _ and -, and begins with a letter");
  const auto fields = yaml_.fields(node, {"primary", "replicas"}, "{ primary: host=10.0.0.1 dbname=movies }");
  if (!fields) return shard;
  if (const YamlNode* primary = yaml_.required(*fields, "primary", "primary: host=10.0.0.1 dbname=movies"))
    shard.primary = read_server(*primary);
  if (const YamlNode* replicas = fields->find("replicas")) {
    const auto servers = yaml_.items(*replicas, "[host=10.0.0.2 dbname=movies]");
    if (!servers) return shard;
    for (const YamlNode& server : *servers) shard.replicas.push_back(read_server(server));
  }
  return shard;
}

std::string YamlShards::read_server(const YamlNode& node) {
  const auto written = yaml_.text(node);
  if (!written) return {};
  const auto conninfo = parse_conninfo(*written);
  if (!conninfo || conninfo->empty()) {
    yaml_.report(node,
                 "must be a libpq connection string, such as host=10.0.0.1 dbname=movies user=shardplex");
    return {};
  }
  if (has_password(*conninfo)) yaml_.report(node, std::string(password_refusal));
  if (has_several_hosts(*conninfo))
    yaml_.report(node, "names several hosts; write one server here and the others under replicas");
  const auto [first, is_new] =
      servers_.emplace(server_identity(*conninfo), node.path + " on line " + std::to_string(node.line));
  if (!is_new) yaml_.report(node, "the same server as " + first->second);
  return *written;
}

}  // namespace shardplex
