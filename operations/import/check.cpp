#include "operations/import/check.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include "operations/import/environments.hpp"
#include "operations/import/inventory.hpp"
#include "operations/import/tables.hpp"
#include "operations/import/way_back_check.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/schema_dump.hpp"
#include "operations/shard/sequence_strides.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::operations {
namespace {

/// What the checks of one server found; sentences without the server's name.
struct ServerFindings {
  std::vector<std::string> problems;
  ServerState state;
  ShardCatalogue catalogue;
};

struct SourceFindings : ServerFindings {
  SourceInventory inventory;
};

struct ShardFindings : ServerFindings {
  ShardInventory inventory;
  std::string conninfo;               ///< of the primary
  std::vector<std::string> way_back;  ///< why its changes could not be published
};

constexpr const char* source_sql = R"sql(
SELECT current_setting('wal_level') AS wal_level,
       current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots) AS free_replication_slots,
       current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication) AS free_senders,
       r.rolsuper, r.rolreplication,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       to_regnamespace('shardplex_import') IS NOT NULL AS fenced,
       (SELECT min(pubname) FROM pg_publication WHERE pubname LIKE 'shardplex\_import\_%') AS publication,
       to_regclass('shardplex.shard') IS NOT NULL AS is_shard
  FROM pg_roles r WHERE r.rolname = current_user)sql";

constexpr const char* foreign_owner_sql = R"sql(
SELECT NOT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = to_regclass($1))sql";

void check_server(const ServerState& state, std::vector<std::string>& problems) {
  std::ranges::move(unfit_database(state), std::back_inserter(problems));
  if (state.in_recovery) problems.push_back("the server is a replica; an import needs the primary");
}

void check_replication(pqxx::transaction_base& transaction, std::vector<std::string>& problems) {
  const auto row = transaction.exec1(source_sql);
  if (row["wal_level"].as<std::string>() != "logical")
    problems.push_back("wal_level is " + row["wal_level"].as<std::string>() +
                       "; logical is needed (a restart of the source sets it)");
  if (row["free_replication_slots"].as<int>() < 1)
    problems.push_back(
        "no replication slot is free; raise max_replication_slots or drop one that is not used");
  if (row["free_senders"].as<int>() < 2)
    problems.push_back("fewer than two WAL senders are free; raise max_wal_senders");
  if (!row["rolsuper"].as<bool>() && !row["rolreplication"].as<bool>())
    problems.push_back("the role may not replicate; it has to be a superuser or have REPLICATION");
  if (!row["may_create"].as<bool>())
    problems.push_back("the role may not CREATE in the database, which a publication needs");
  if (row["fenced"].as<bool>())
    problems.push_back(
        "it has a schema shardplex_import: it has been imported, and is read-only since; DROP SCHEMA "
        "shardplex_import CASCADE opens it again");
  if (!row["publication"].is_null())
    problems.push_back("it has publication " + row["publication"].as<std::string>() +
                       ", of another import; abort that one, or drop what is left of it");
  if (row["is_shard"].as<bool>()) problems.push_back("it is a shard itself");
}

void check_owners(pqxx::transaction_base& transaction, const ShardMap& map,
                  std::vector<std::string>& problems) {
  for (const auto& table : map.tables()) {
    const auto found = transaction.exec_params(foreign_owner_sql, quote_map_name(table.name));
    if (!found.empty() && found[0][0].as<bool>())
      problems.push_back(table.name + ": the role does not own it");
  }
}

/// A row whose column of the key has characters beyond ASCII. The table is read as a whole.
void check_citext_key(pqxx::transaction_base& transaction, const TablePlacement& placement, const Column& key,
                      std::vector<std::string>& problems) {
  const std::string text = quote_identifier(key.name) + "::text";
  const auto beyond_ascii =
      transaction.exec("SELECT " + text + " FROM " + quote_map_name(placement.name) + " WHERE octet_length(" +
                       text + ") <> char_length(" + text + ") LIMIT 1");
  if (!beyond_ascii.empty())
    problems.push_back(placement.name + ": a row's " + key.name + " is \"" +
                       beyond_ascii[0][0].as<std::string>() + "\", and of citext only ASCII decides a slot");
}

void check_citext_keys(pqxx::transaction_base& transaction, const ShardMap& map,
                       const ShardCatalogue& catalogue, std::vector<std::string>& problems) {
  for (const auto& placement : map.tables()) {
    const auto table = catalogue.tables.find(placement.name);
    if (placement.reference || table == catalogue.tables.end()) continue;
    for (const auto& name : placement.key.names())
      if (const Column* key = table->second.find_column(name); key && key_type(*key) == KeyType::citext)
        check_citext_key(transaction, placement, *key, problems);
  }
}

/// Sequences that the shards' tables keep, and that the cutover has to set apart.
void check_sequences(pqxx::transaction_base& transaction, const ShardMap& map, const ImportSource& source,
                     std::vector<std::string>& problems) {
  auto uniques = read_local_uniques(transaction, map);
  std::erase_if(uniques, [&](const LocalUnique& unique) {
    return std::ranges::any_of(source.counted, [&](const CountedColumn& column) {
      return column.table == unique.table && column.column == unique.sequence_column &&
             column.by != GivenBy::each_shard;
    });
  });
  std::ranges::move(find_cramped_sequences(transaction, uniques, map.shards().size()),
                    std::back_inserter(problems));
}

SourceFindings look_at_source(const ShardMap& map, const std::string& conninfo) try {
  SourceFindings found;
  const auto connection = connect(conninfo);
  pqxx::read_transaction transaction(*connection);
  found.state = read_server_state(transaction);
  check_server(found.state, found.problems);
  if (found.state.in_recovery) return found;
  check_replication(transaction, found.problems);
  check_owners(transaction, map, found.problems);
  ImportSource source = read_import_source(transaction, map);
  check_sequences(transaction, map, source, found.problems);
  check_citext_keys(transaction, map, source.catalogue, found.problems);
  std::ranges::move(source.problems, std::back_inserter(found.problems));
  found.inventory = read_source_inventory(transaction, map, source);
  found.catalogue = std::move(source.catalogue);
  return found;
} catch (const std::exception& error) {
  SourceFindings found;
  found.problems = {reason_of(error)};
  return found;
}

ShardFindings look_at_shard(const ShardMap& map, const Shard& shard, const SourceFindings& source) try {
  ShardFindings found;
  const auto primary = find_primary(map, shard, Uninitialised::allowed);
  pqxx::read_transaction transaction(*primary.connection);
  found.state = read_server_state(transaction);
  check_server(found.state, found.problems);
  if (found.state.initialised ||
      transaction.exec1("SELECT to_regnamespace('shardplex') IS NOT NULL")[0].as<bool>())
    found.problems.push_back(
        "it is a shard already, whose slots have owners; an import makes its shards itself, out of databases "
        "without the schema shardplex");
  found.catalogue = read_catalogue(transaction, map, ForeignKeys::all);
  found.inventory = read_shard_inventory(transaction, map, shard.name, source.inventory);
  found.conninfo = primary.conninfo;
  found.way_back = find_publishing_obstacles(transaction);
  for (auto& [name, table] : found.catalogue.tables) {
    table.has_slot_column = !map.find_table(name)->reference;
    if (transaction.exec1("SELECT EXISTS (SELECT FROM " + quote_map_name(name) + ")")[0].as<bool>())
      found.problems.push_back("table " + name + " holds rows; it has to be empty, or not to be there");
  }
  return found;
} catch (const CommandFailed& failure) {
  ShardFindings found;
  found.problems = failure.problems;
  return found;
} catch (const std::exception& error) {
  ShardFindings found;
  found.problems = {reason_of(error)};
  return found;
}

/// The definitions of the source, and of the tables that are on shards already.
void check_definitions(const ShardMap& map, const ServerFindings& source,
                       const std::vector<ShardFindings>& shards, ImportFindings& findings) {
  std::vector<std::pair<std::string, ShardCatalogue>> catalogues{{"the source", source.catalogue}};
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].catalogue.server_encoding.empty()) continue;
    ShardCatalogue merged = shards[i].catalogue;
    merged.tables.insert(source.catalogue.tables.begin(), source.catalogue.tables.end());
    catalogues.emplace_back(map.shards()[i].name, std::move(merged));
  }
  const Catalogue catalogue = combine(map, catalogues);
  for (const auto& [table, definition] : source.catalogue.tables) {
    if (definition.primary_key.empty())
      findings.problems.push_back(table + ": there is no primary key, by which an import tells rows apart");
    if (const auto* reason = catalogue.not_alike(table)) findings.problems.push_back(*reason);
  }
}

void check_versions(const ShardMap& map, const ServerFindings& source,
                    const std::vector<ShardFindings>& shards, std::vector<std::string>& problems) {
  const int major = source.state.version / 10000;
  const int program = dump_program_version();
  if (program < major)
    problems.push_back("pg_dump on this machine is of version " + std::to_string(program) +
                       ", the source of version " + std::to_string(major) + ", which it cannot read");
  for (std::size_t i = 0; i < shards.size(); ++i)
    if (shards[i].state.version != 0 && shards[i].state.version / 10000 < major)
      problems.push_back(map.shards()[i].name + ": it is of an older version than the source");
}

void check_databases(const ShardMap& map, const ServerFindings& source,
                     const std::vector<ShardFindings>& shards, std::vector<std::string>& problems) {
  std::map<std::string, std::string> names{{source.state.database_identity, "the source"}};
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string& identity = shards[i].state.database_identity;
    if (identity.empty()) continue;
    const auto [known, added] = names.emplace(identity, map.shards()[i].name);
    if (!added) problems.push_back(map.shards()[i].name + ": it is the same database as " + known->second);
  }
}

std::vector<std::string> find_setting_changes(const ShardMap& map, const SourceFindings& source,
                                              const std::vector<ShardFindings>& shards) {
  std::vector<std::string> changes;
  for (std::size_t i = 0; i < shards.size(); ++i)
    if (shards[i].state.version != 0)
      std::ranges::move(setting_differences("the source", source.state.settings, map.shards()[i].name,
                                            shards[i].state.settings),
                        std::back_inserter(changes));
  return changes;
}

/// Whether changes could flow to the source after the cutover.
std::vector<std::string> find_way_back_obstacles(const ShardMap& map, const std::string& source,
                                                 const std::vector<ShardFindings>& shards) try {
  const auto connection = connect(source);
  std::vector<std::string> found;
  {
    pqxx::read_transaction transaction(*connection);
    for (const auto& obstacle : find_subscribing_obstacles(transaction, map))
      found.push_back("the source: " + obstacle);
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string prefix = map.shards()[i].name + ": ";
    for (const auto& obstacle : shards[i].way_back) found.push_back(prefix + obstacle);
    if (shards[i].conninfo.empty()) continue;  // not reached
    if (const auto obstacle = try_to_subscribe(*connection, source, shards[i].conninfo); !obstacle.empty())
      found.push_back(prefix + obstacle);
  }
  return found;
} catch (const std::exception& error) {
  return {"the source: " + reason_of(error)};
}

}  // namespace

ImportFindings check_import(const ShardMap& map, const std::string& source) {
  const SourceFindings origin = look_at_source(map, source);
  const auto shards = in_parallel(map.shards().size(),
                                  [&](std::size_t i) { return look_at_shard(map, map.shards()[i], origin); });
  ImportFindings findings;
  for (const auto& problem : origin.problems) findings.problems.push_back("the source: " + problem);
  for (std::size_t i = 0; i < shards.size(); ++i)
    for (const auto& problem : shards[i].problems)
      findings.problems.push_back(map.shards()[i].name + ": " + problem);
  // Of a server that was not reached, or that nothing can be changed on, all else would only be noise.
  if (origin.state.version == 0 || origin.state.in_recovery) return findings;
  check_versions(map, origin, shards, findings.problems);
  check_databases(map, origin, shards, findings.problems);
  check_definitions(map, origin, shards, findings);
  std::vector<ShardInventory> reached;
  for (const auto& shard : shards)
    if (!shard.inventory.name.empty()) reached.push_back(shard.inventory);
  findings.losses = find_losses(map, origin.inventory, reached);
  if (auto changes = find_setting_changes(map, origin, shards); !changes.empty())
    findings.losses.push_back({LossKind::settings, std::move(changes)});
  if (auto obstacles = find_way_back_obstacles(map, source, shards); !obstacles.empty())
    findings.losses.push_back({LossKind::no_way_back, std::move(obstacles)});
  findings.warnings = warnings_of_counted(origin.inventory.counted);
  auto environments = compare_environments(map, source);
  std::ranges::move(environments.problems, std::back_inserter(findings.problems));
  std::ranges::move(environments.warnings, std::back_inserter(findings.warnings));
  return findings;
}

bool is_ready(const ImportFindings& findings, const AcceptedLosses& accepted) {
  return findings.problems.empty() && std::ranges::all_of(findings.losses, [&](const ImportLoss& loss) {
           return accepted.contains(loss.kind);
         });
}

void require_importable(const ImportFindings& findings, const AcceptedLosses& accepted,
                        const Terminal& terminal) {
  for (const auto& warning : findings.warnings) terminal.warning(warning);
  std::vector<std::string> problems = findings.problems;
  std::vector<std::string> names;
  for (const auto& loss : findings.losses) {
    if (accepted.contains(loss.kind)) {
      terminal.note("accepted: " + to_text(loss));
      continue;
    }
    problems.push_back(to_text(loss));
    names.emplace_back(name_of(loss.kind));
  }
  if (!names.empty())
    problems.push_back("an import changes or loses what is named above; mend it, or accept it: --allow " +
                       joined(names, ","));
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

}  // namespace shardplex::operations
