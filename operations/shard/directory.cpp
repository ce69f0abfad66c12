#include "operations/shard/directory.hpp"

#include <algorithm>
#include <span>

#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "server_address/server_address.hpp"

namespace shardplex::operations {
namespace {

/// The shard as a directory has it: where its servers are, and not who connects to them.
Shard addresses_of(Shard shard) {
  shard.primary = address_only(shard.primary);
  for (auto& replica : shard.replicas) replica = address_only(replica);
  return shard;
}

std::string difference(const std::vector<ListedShard>& listed, const Shard& of_map, std::size_t position) {
  const Shard shard = addresses_of(of_map);
  const auto found =
      std::ranges::find(listed, shard.name, [](const ListedShard& one) { return one.shard.name; });
  if (found == listed.end()) return "does not have shard " + shard.name;
  if (found->shard.primary != shard.primary || found->shard.replicas != shard.replicas)
    return "has other servers of shard " + shard.name + " than the map";
  if (found->position != static_cast<std::int64_t>(position))
    return "has shard " + shard.name + " in another place than the map";
  return "";
}

std::vector<std::string> names_beyond(const std::vector<ListedShard>& listed, const ShardMap& map) {
  std::vector<std::string> names;
  for (const auto& one : listed)
    if (!map.find_shard(one.shard.name)) names.push_back(one.shard.name);
  return names;
}

}  // namespace

std::size_t write_directory(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::size_t written = 0;
  for (std::size_t position = 0; position < map.shards().size(); ++position) {
    const Shard shard = addresses_of(map.shards()[position]);
    written += static_cast<std::size_t>(
        transaction
            .exec_params(
                R"sql(INSERT INTO shardplex.shards AS s (name, position, "primary", replicas)
                      VALUES ($1, $2, $3, $4::text[])
                      ON CONFLICT (name) DO UPDATE
                        SET position = excluded.position, "primary" = excluded."primary", replicas = excluded.replicas
                        WHERE (s.position, s."primary", s.replicas)
                              IS DISTINCT FROM (excluded.position, excluded."primary", excluded.replicas))sql",
                shard.name, position, shard.primary,
                array_literal(std::span<const std::string>(shard.replicas)))
            .affected_rows());
  }
  return written;
}

std::vector<std::string> directory_differences(pqxx::transaction_base& transaction, const ShardMap& map) {
  if (transaction.exec1("SELECT to_regclass('shardplex.shards') IS NULL")[0].as<bool>())
    return {"there is no directory of the cluster's servers yet (shardplex cluster init makes it)"};
  const auto listed = read_directory(transaction);
  std::vector<std::string> differences;
  for (std::size_t position = 0; position < map.shards().size(); ++position)
    if (auto what = difference(listed, map.shards()[position], position); !what.empty())
      differences.push_back("its directory " + what + " (shardplex cluster init writes it)");
  for (const auto& name : names_beyond(listed, map))
    differences.push_back("its directory has shard " + name + ", which the map does not have");
  return differences;
}

std::vector<std::string> shards_beyond(pqxx::transaction_base& transaction, const ShardMap& map) {
  return names_beyond(read_directory(transaction), map);
}

}  // namespace shardplex::operations
