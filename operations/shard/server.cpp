#include "operations/shard/server.hpp"
#include "operations/process/failure.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <map>

#include "shard_map/definitions.hpp"

namespace shardplex::operations {
namespace {

using ConnectionOptions = std::map<std::string, std::string, std::less<>>;

constexpr const char* connect_timeout_seconds = "5";

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, FreeOptions>;

ConnectionOptions collect(const OptionList& list) {
  ConnectionOptions options;
  if (!list) return options;
  for (const PQconninfoOption* option = list.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) options[option->keyword] = option->val;
  return options;
}

std::optional<ConnectionOptions> parse(const std::string& conninfo) {
  const OptionList list(PQconninfoParse(conninfo.c_str(), nullptr));
  if (!list) return std::nullopt;
  return collect(list);
}

std::string to_conninfo(const ConnectionOptions& options) {
  std::string text;
  for (const auto& [keyword, value] : options) {
    text.append(text.empty() ? "" : " ").append(keyword).append("='");
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

constexpr const char* state_sql = R"sql(
SELECT current_setting('server_version_num')::int AS version,
       pg_encoding_to_char(d.encoding) AS encoding,
       d.datcollate, d.datctype,
       pg_is_in_recovery() AS in_recovery,
       CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0')::bigint AS lsn,
       CASE WHEN NOT pg_is_in_recovery() THEN NULL
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END AS lag_seconds,
       current_setting('max_prepared_transactions')::bigint AS max_prepared,
       concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
                 extract(epoch FROM pg_postmaster_start_time()), d.oid) AS database_identity,
       to_regclass('shardplex.shard') IS NOT NULL AS has_schema
  FROM pg_database d WHERE d.datname = current_database())sql";

// The collation of a column is resolved to a name; "default" to the database's. byte_order: comparing bytes
// sorts as the collation does.
constexpr const char* columns_sql = R"sql(
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, t.typname, n.nspname,
       CASE WHEN a.attcollation = 0 THEN '' WHEN c.collname = 'default' THEN d.datcollate ELSE c.collname END AS collation,
       coalesce(c.collisdeterministic, true) AS deterministic,
       a.attnotnull, a.atthasdef OR a.attidentity <> '' AS has_default,
       a.attgenerated <> '' OR a.attidentity = 'a' AS generated,
       coalesce((SELECT string_agg(e.enumlabel, E'\x01' ORDER BY e.enumsortorder)
                   FROM pg_enum e WHERE e.enumtypid = t.oid), '') AS labels
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_collation c ON c.oid = a.attcollation
  JOIN pg_database d ON d.datname = current_database()
 WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum)sql";

constexpr const char* unique_sql = R"sql(
SELECT i.relname, x.indisprimary,
       (SELECT string_agg(a.attname, E'\x01' ORDER BY k.n)
          FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
          JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
         WHERE k.n <= x.indnkeyatts) AS columns
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
 WHERE x.indrelid = $1::regclass AND x.indisunique AND x.indpred IS NULL AND x.indexprs IS NULL
 ORDER BY i.relname)sql";

constexpr const char* foreign_keys_sql = R"sql(
SELECT k.conname, f.relname AS foreign_table,
       (SELECT string_agg(a.attname, E'\x01' ORDER BY c.n) FROM unnest(k.conkey) WITH ORDINALITY AS c(attnum, n)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum) AS columns,
       (SELECT string_agg(a.attname, E'\x01' ORDER BY c.n) FROM unnest(k.confkey) WITH ORDINALITY AS c(attnum, n)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.attnum) AS foreign_columns
  FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
 WHERE k.conrelid = $1::regclass AND k.contype = 'f'
 ORDER BY k.conname)sql";

std::vector<std::string> split_names(std::string_view joined) {
  std::vector<std::string> names;
  while (!joined.empty()) {
    const auto end = std::min(joined.find('\x01'), joined.size());
    names.emplace_back(joined.substr(0, end));
    joined.remove_prefix(std::min(end + 1, joined.size()));
  }
  return names;
}

Column read_column(const pqxx::row& row) {
  Column column;
  column.name = row["attname"].as<std::string>();
  column.type = row["type"].as<std::string>();
  column.type_name = row["typname"].as<std::string>();
  column.type_schema = row["nspname"].as<std::string>();
  column.collation = row["collation"].as<std::string>();
  column.bytewise_collation = column.collation.empty() || is_bytewise_collation(column.collation);
  column.deterministic_collation = row["deterministic"].as<bool>();
  column.not_null = row["attnotnull"].as<bool>();
  column.has_default = row["has_default"].as<bool>();
  column.generated = row["generated"].as<bool>();
  column.enum_labels = split_names(row["labels"].as<std::string>());
  column.sort = sort_kind(column.type_name, !column.enum_labels.empty());
  return column;
}

void read_constraints(pqxx::transaction_base& transaction, const std::string& qualified, Table& table) {
  for (const auto& row : transaction.exec_params(unique_sql, qualified)) {
    auto columns = split_names(row["columns"].as<std::string>());
    if (row["indisprimary"].as<bool>())
      table.primary_key = std::move(columns);
    else
      table.unique.push_back({row["relname"].as<std::string>(), std::move(columns)});
  }
  for (const auto& row : transaction.exec_params(foreign_keys_sql, qualified))
    table.foreign_keys.push_back(
        {row["conname"].as<std::string>(), split_names(row["columns"].as<std::string>()),
         row["foreign_table"].as<std::string>(), split_names(row["foreign_columns"].as<std::string>())});
}

}  // namespace

std::string address_of(const std::string& conninfo) {
  const auto options = parse(conninfo);
  if (!options) return "(connection string not understood)";
  const ConnectionOptions defaults = collect(OptionList(PQconndefaults()));
  const auto value = [&](std::string_view keyword, std::string_view otherwise) {
    for (const auto* source : {&*options, &defaults})
      if (const auto found = source->find(keyword); found != source->end() && !found->second.empty())
        return found->second;
    return std::string(otherwise);
  };
  return value("host", "localhost") + ":" + value("port", "5432") + "/" + value("dbname", value("user", ""));
}

std::string without_password(const std::string& conninfo) {
  auto options = parse(conninfo);
  if (!options || options->erase("password") == 0) return options ? conninfo : "";
  return to_conninfo(*options);
}

std::string with_defaults(const std::string& conninfo) {
  auto options = parse(conninfo);
  if (!options) return conninfo;
  options->try_emplace("connect_timeout", connect_timeout_seconds);
  options->try_emplace("fallback_application_name", "shardplex");
  // A server that vanishes without a word is noticed within half a minute.
  options->try_emplace("keepalives_idle", "10");
  options->try_emplace("keepalives_interval", "5");
  options->try_emplace("keepalives_count", "3");
  options->try_emplace("tcp_user_timeout", "25000");
  return to_conninfo(*options);
}

std::unique_ptr<pqxx::connection> connect(const std::string& conninfo) try {
  auto connection = std::make_unique<pqxx::connection>(with_defaults(conninfo));
  pqxx::nontransaction(*connection).exec("SET client_min_messages = warning");
  return connection;
} catch (const std::exception& error) {
  throw std::runtime_error(reason_of(error));
}

ServerState read_server_state(pqxx::transaction_base& transaction) {
  const pqxx::row row = transaction.exec1(state_sql);
  ServerState state;
  state.version = row["version"].as<int>();
  state.encoding = row["encoding"].as<std::string>();
  state.collate = row["datcollate"].as<std::string>();
  state.ctype = row["datctype"].as<std::string>();
  state.in_recovery = row["in_recovery"].as<bool>();
  state.timeline = row["timeline"].as<std::int64_t>();
  state.wal_lsn = row["lsn"].as<std::int64_t>();
  if (!row["lag_seconds"].is_null()) state.replay_lag_seconds = row["lag_seconds"].as<double>();
  state.max_prepared_transactions = row["max_prepared"].as<std::int64_t>();
  state.database_identity = row["database_identity"].as<std::string>();
  if (!row["has_schema"].as<bool>()) return state;
  const pqxx::result identity = transaction.exec("SELECT cluster, name FROM shardplex.shard");
  if (identity.empty()) return state;
  state.initialised = true;
  state.cluster = identity[0][0].as<std::string>();
  state.shard = identity[0][1].as<std::string>();
  return state;
}

std::optional<std::string> identity_problem(const ServerState& state, const ShardMap& map,
                                            const Shard& shard) {
  if (!state.initialised || (state.cluster == map.cluster() && state.shard == shard.name))
    return std::nullopt;
  return "it says it is shard " + state.shard + " of cluster " + state.cluster;
}

ShardOwnership read_ownership(pqxx::transaction_base& transaction, const ShardMap& map,
                              std::vector<std::string>& problems) {
  ShardOwnership account;
  for (const auto& group : map.groups()) account.groups[group.name].resize(group.slot_count);
  const auto rows = transaction.exec(
      "SELECT s.epoch, o.grp, o.slot, o.state FROM shardplex.shard s LEFT JOIN shardplex.slots o ON true");
  std::map<std::string, std::size_t> beyond;
  for (const auto& row : rows) {
    account.epoch = Epoch{row[0].as<std::int64_t>()};
    if (row[1].is_null()) continue;
    const auto group = row[1].as<std::string>();
    const auto states = account.groups.find(group);
    const auto slot = row[2].as<std::uint32_t>();
    if (states == account.groups.end() || slot >= states->second.size())
      ++beyond[group];
    else
      states->second[slot] = parse_slot_state(row[3].as<std::string>()).value_or(SlotState::absent);
  }
  for (const auto& [group, count] : beyond)
    problems.push_back(
        "it has " + std::to_string(count) + " slots of group " + group +
        (map.find_group(group) ? " beyond the number of slots of the map" : ", which is not in the map"));
  return account;
}

std::vector<std::string> definition_problems(pqxx::transaction_base& transaction, const ShardMap& map) {
  Definitions stored;
  for (const auto& row : transaction.exec("SELECT subject, definition FROM shardplex.definitions"))
    stored.emplace(row[0].as<std::string>(), row[1].as<std::string>());
  return differences(stored, definitions_of(map));
}

std::optional<Table> read_table(pqxx::transaction_base& transaction, const std::string& name) {
  const std::string qualified = "public." + transaction.quote_name(name);
  if (transaction.exec_params1("SELECT to_regclass($1) IS NULL", qualified)[0].as<bool>())
    return std::nullopt;
  Table table;
  table.name = name;
  for (const auto& row : transaction.exec_params(columns_sql, qualified)) {
    Column column = read_column(row);
    if (column.name == slot_column)
      table.has_slot_column = column.type == "integer" && column.not_null;
    else
      table.columns.push_back(std::move(column));
  }
  read_constraints(transaction, qualified, table);
  return table;
}

ShardCatalogue read_catalogue(pqxx::transaction_base& transaction, const ShardMap& map) {
  ShardCatalogue catalogue;
  const auto database = transaction.exec1(
      "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()");
  catalogue.server_encoding = database[0].as<std::string>();
  catalogue.default_collation = database[1].as<std::string>();
  catalogue.bytewise_default_collation = is_bytewise_collation(catalogue.default_collation);
  for (const auto& placement : map.tables())
    if (auto table = read_table(transaction, placement.name))
      catalogue.tables.emplace(placement.name, *std::move(table));
  return catalogue;
}

}  // namespace shardplex::operations
