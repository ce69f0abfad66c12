#include "operations/shard/directory.hpp"

#include <span>

#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

std::string replicas_literal(const Shard& shard) {
  return array_literal(std::span<const std::string>(shard.replicas));
}

std::string difference(pqxx::transaction_base& transaction, const Shard& shard, std::size_t position) {
  const auto rows = transaction.exec_params(
      R"sql(SELECT "primary" = $2 AND replicas = $3::text[], position = $4 FROM shardplex.shards WHERE name = $1)sql",
      shard.name, shard.primary, replicas_literal(shard), position);
  if (rows.empty()) return "does not have shard " + shard.name;
  if (!rows[0][0].as<bool>()) return "has other servers of shard " + shard.name + " than the map";
  if (!rows[0][1].as<bool>()) return "has shard " + shard.name + " in another place than the map";
  return "";
}

}  // namespace

std::size_t write_directory(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::size_t written = 0;
  for (std::size_t position = 0; position < map.shards().size(); ++position) {
    const Shard& shard = map.shards()[position];
    written += static_cast<std::size_t>(
        transaction
            .exec_params(
                R"sql(INSERT INTO shardplex.shards AS s (name, position, "primary", replicas)
                      VALUES ($1, $2, $3, $4::text[])
                      ON CONFLICT (name) DO UPDATE
                        SET position = excluded.position, "primary" = excluded."primary", replicas = excluded.replicas
                        WHERE (s.position, s."primary", s.replicas)
                              IS DISTINCT FROM (excluded.position, excluded."primary", excluded.replicas))sql",
                shard.name, position, shard.primary, replicas_literal(shard))
            .affected_rows());
  }
  return written;
}

std::vector<std::string> directory_differences(pqxx::transaction_base& transaction, const ShardMap& map) {
  if (transaction.exec1("SELECT to_regclass('shardplex.shards') IS NULL")[0].as<bool>())
    return {"there is no directory of the cluster's servers yet (shardplex cluster init makes it)"};
  std::vector<std::string> differences;
  for (std::size_t position = 0; position < map.shards().size(); ++position)
    if (auto what = difference(transaction, map.shards()[position], position); !what.empty())
      differences.push_back("its directory " + what + " (shardplex cluster init writes it)");
  for (const auto& name : shards_beyond(transaction, map))
    differences.push_back("its directory has shard " + name + ", which the map does not have");
  return differences;
}

std::vector<std::string> shards_beyond(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::vector<std::string> names;
  for (const auto& row : transaction.exec("SELECT name FROM shardplex.shards ORDER BY position, name"))
    if (auto name = row[0].as<std::string>(); !map.find_shard(name)) names.push_back(std::move(name));
  return names;
}

}  // namespace shardplex::operations
