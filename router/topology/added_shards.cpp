#include "router/topology/added_shards.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "server_address/server_address.hpp"
#include "shard_map/conninfo.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t max_name_bytes = 63;  // PostgreSQL's own limit for identifiers

/// Shard names go into HTTP headers, metrics and names of PostgreSQL objects.
bool is_shard_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name_bytes && name.front() >= 'a' && name.front() <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

std::vector<std::string> conninfos_of(const Shard& shard) {
  std::vector<std::string> all{shard.primary};
  all.insert(all.end(), shard.replicas.begin(), shard.replicas.end());
  return all;
}

/// What keeps a shard from being used, if anything; otherwise `servers` has its servers too.
std::optional<std::string> problem_of(const Shard& shard, std::set<ServerIdentity>& servers) {
  if (!is_shard_name(shard.name)) return "its name is none that a shard can have";
  auto with_these = servers;
  for (const auto& written : conninfos_of(shard)) {
    const auto conninfo = parse_conninfo(written);
    if (!conninfo || conninfo->empty()) return "a connection string of it cannot be read";
    if (has_password(*conninfo)) return "a connection string of it has a password in it";
    if (has_several_hosts(*conninfo)) return "a connection string of it names several hosts";
    if (!with_these.insert(server_identity(*conninfo)).second)
      return "a server of it is already another's, or named twice";
  }
  servers = std::move(with_these);
  return std::nullopt;
}

/// The shard's servers, to be connected to as the map connects to the shard that names it.
Shard as_connected(Shard shard, const ShardMap& map, const std::string& learned_from) {
  const auto known = map.find_shard(learned_from);
  if (!known) return shard;
  const auto& credentials = map.shard(*known).primary;
  shard.primary = with_credentials_of(credentials, shard.primary);
  for (auto& replica : shard.replicas) replica = with_credentials_of(credentials, replica);
  return shard;
}

}  // namespace

bool AddedShard::operator==(const AddedShard& other) const {
  return position == other.position && shard.name == other.shard.name &&
         shard.primary == other.shard.primary && shard.replicas == other.shard.replicas;
}

AddedShards added_shards(const ShardMap& map, const std::vector<ShardDirectory>& directories) {
  std::vector<AddedShard> candidates;
  for (const auto& [learned_from, listed] : directories)
    for (const auto& [position, shard] : listed) {
      const auto is_this = [&](const AddedShard& known) { return known.shard.name == shard.name; };
      if (!map.find_shard(shard.name) && std::ranges::none_of(candidates, is_this))
        candidates.push_back({position, shard, learned_from});
    }
  std::ranges::sort(candidates, {},
                    [](const AddedShard& added) { return std::tie(added.position, added.shard.name); });

  std::set<ServerIdentity> servers;
  for (const auto& shard : map.shards())
    for (const auto& written : conninfos_of(shard))
      if (const auto conninfo = parse_conninfo(written)) servers.insert(server_identity(*conninfo));
  AddedShards found;
  for (auto& candidate : candidates) {
    if (auto problem = problem_of(candidate.shard, servers)) {
      found.problems.push_back("the directory of shard " + candidate.learned_from + " names shard '" +
                               candidate.shard.name + "', which is ignored: " + *problem);
      found.ignored[candidate.shard.name] = *std::move(problem);
      continue;
    }
    candidate.shard = as_connected(std::move(candidate.shard), map, candidate.learned_from);
    found.shards.push_back(std::move(candidate));
  }
  return found;
}

ShardMap with_shards(const ShardMap& map, const std::vector<Shard>& added) {
  auto shards = map.shards();
  shards.insert(shards.end(), added.begin(), added.end());
  return {map.cluster(),   std::move(shards), map.groups(),   map.tables(),
          map.relations(), map.views(),       map.functions()};
}

}  // namespace shardplex::router
