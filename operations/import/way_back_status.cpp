#include "operations/import/way_back_status.hpp"

#include <optional>

#include "operations/import/tables.hpp"
#include "operations/import/way_back.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

struct SourceSeen {
  std::unique_ptr<pqxx::connection> connection;  // nullptr: not reached
  std::string problem;
  std::vector<ImportTable> tables;
};

SourceSeen look_at_source(const ShardMap& map, const std::string& conninfo) try {
  SourceSeen seen;
  seen.connection = connect(conninfo);
  pqxx::read_transaction transaction(*seen.connection);
  seen.tables = read_import_tables(transaction, map);
  return seen;
} catch (const std::exception& error) {
  return {nullptr, "the source cannot be read: " + reason_of(error), {}};
}

std::optional<WayBackRow> look_at_shard(const ShardMap& map, std::size_t number, const ImportEntry& entry,
                                        SourceSeen& source) try {
  WayBackRow row;
  row.shard = map.shards()[number].name;
  const auto primary = find_primary(map, map.shards()[number]);
  pqxx::nontransaction transaction(*primary.connection);
  const auto way = read_way_back(transaction, entry.id);
  if (!way) return std::nullopt;
  const WayBackState state = read_way_back_state(transaction, way->name);
  row.flowing = state.flowing;
  row.lag_bytes = state.lag_bytes;
  row.problems = problems_of_published(transaction, way->name, tables_back(source.tables, number == 0));
  if (!source.connection) {
    row.problems.push_back(source.problem);
    return row;
  }
  pqxx::nontransaction at_source(*source.connection);
  for (const auto& problem : problems_of_subscribed(at_source, way->name))
    row.problems.push_back("the source: " + problem);
  row.refusals = refusals_of(at_source, way->name);
  return row;
} catch (const std::exception& error) {
  WayBackRow row;
  row.shard = map.shards()[number].name;
  row.problems = {reason_of(error)};
  return row;
}

}  // namespace

std::vector<WayBackRow> read_way_back_rows(const ShardMap& map, const ImportEntry& entry,
                                           const std::string& source) {
  SourceSeen seen = look_at_source(map, source);
  std::vector<WayBackRow> rows;
  for (std::size_t i = 0; i < map.shards().size(); ++i)
    if (auto row = look_at_shard(map, i, entry, seen)) rows.push_back(*std::move(row));
  return rows;
}

}  // namespace shardplex::operations
