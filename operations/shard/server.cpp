#include "operations/shard/server.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "operations/process/failure.hpp"
#include "operations/shard/lent_session.hpp"
#include "operations/shard/pqxx_rows.hpp"
#include "query/catalogue/routed_table.hpp"
#include "query/plan/sql.hpp"
#include "server_address/server_address.hpp"
#include "shard_map/definitions.hpp"
#include "shard_map/map_name.hpp"
#include "shard_map/map_schemas.hpp"
#include "shard_schema/primary_choice.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* connect_timeout_seconds = "5";

// What the command line asks of a server beyond its status.
constexpr std::string_view database_sql = R"sql(
SELECT current_setting('server_version_num'), pg_encoding_to_char(d.encoding)
  FROM pg_database d WHERE d.datname = current_database())sql";

PqxxRows ask(pqxx::transaction_base& transaction, std::string_view sql) {
  return PqxxRows(transaction.exec(std::string(sql)));
}

// Commands read the catalogue again and again, and the server needs several times as long to plan the
// statement as to run it. What is prepared is asked of the server, since a schema file may deallocate it.
// Left to itself the server plans a statement with a parameter anew each of the first five times.
PqxxRows ask_catalogue(pqxx::transaction_base& transaction, const std::vector<std::string>& schemas) {
  if (ask(transaction, "SELECT FROM pg_prepared_statements WHERE name = 'shardplex_catalogue'").size() == 0)
    transaction.exec("PREPARE shardplex_catalogue AS " + catalogue_sql);
  transaction.exec("SET plan_cache_mode = force_generic_plan");
  auto rows = ask(transaction, "EXECUTE shardplex_catalogue (" +
                                   quote_literal(array_literal(std::span<const std::string>(schemas))) + ")");
  transaction.exec("RESET plan_cache_mode");
  return rows;
}

}  // namespace

std::string address_of(const std::string& conninfo) {
  const auto address = server_address(conninfo);
  if (!address) return "(connection string not understood)";
  return address->host + ":" + address->port + "/" + address->database;
}

std::string without_password(const std::string& conninfo) {
  auto options = connection_options(conninfo);
  if (!options || options->erase("password") == 0) return options ? conninfo : "";
  return to_conninfo(*options);
}

std::string with_defaults(const std::string& conninfo) {
  auto options = connection_options(conninfo);
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

bool is_loopback(const std::string& conninfo) {
  const auto options = connection_options(conninfo);
  if (!options) return false;
  for (const std::string_view key : {"hostaddr", "host"})
    if (const auto host = options->find(key); host != options->end() && !host->second.empty())
      return host->second == "localhost" || host->second == "::1" || host->second.starts_with("127.") ||
             host->second.starts_with('/') || host->second.starts_with('@');
  return !options->contains("service");
}

std::unique_ptr<pqxx::connection> connect(const std::string& conninfo) try {
  auto connection = std::make_unique<pqxx::connection>(with_defaults(conninfo));
  refuse_lent_session(*connection, conninfo);
  // To the planner, what reads a catalogue seems worth compiling: half a second for what takes a millisecond.
  pqxx::nontransaction(*connection).exec("SET client_min_messages = warning; SET jit = off");
  pqxx::nontransaction(*connection).exec("SELECT " + pin_settings_sql());
  return connection;
} catch (const std::exception& error) {
  throw std::runtime_error(reason_of(error));
}

std::unique_ptr<pqxx::connection> connect_to_primary(const Shard& shard) try {
  return connect(shard.primary);
} catch (const std::exception& error) {
  throw std::runtime_error(shard.name + ": " + error.what());
}

std::string too_old(const std::string& version) {
  return "PostgreSQL " + version + " is too old; " + std::to_string(least_version / 10'000) + " is needed";
}

std::vector<std::string> unfit_database(const ServerState& state) {
  std::vector<std::string> problems;
  if (state.version < least_version) problems.push_back(too_old(std::to_string(state.version / 10'000)));
  if (state.encoding != "UTF8")
    problems.push_back("the database's encoding is " + state.encoding + "; UTF8 is needed");
  return problems;
}

ServerState read_server_state(pqxx::transaction_base& transaction) {
  const StatusAnswer answer = decode_server_status(ask(transaction, server_status_sql));
  const PqxxRows database = ask(transaction, database_sql);
  ServerState state;
  static_cast<ServerStatus&>(state) = answer.status;
  state.version = static_cast<int>(database.integer(0, 0));
  state.encoding = database.text(0, 1);
  state.settings = decode_own_values(ask(transaction, "SELECT " + own_values_sql()));
  if (answer.has_identity) decode_identity(ask(transaction, identity_sql), state);
  return state;
}

void read_noted_timelines(pqxx::transaction_base& transaction, ServerState& state) {
  if (state.takes_notes) state.noted = decode_timelines(ask(transaction, timelines_sql));
}

std::optional<std::string> identity_problem(const ServerState& state, const ShardMap& map,
                                            const Shard& shard) {
  return shardplex::identity_problem(state, map.cluster(), shard.name);
}

ShardOwnership read_ownership(pqxx::transaction_base& transaction, const ShardMap& map,
                              std::vector<std::string>& problems) {
  OwnershipReport report = decode_ownership(ask(transaction, ownership_sql), map);
  for (auto* sentences : {&report.unknown_states, &report.slots_beyond, &report.unknown_groups})
    std::ranges::move(*sentences, std::back_inserter(problems));
  return std::move(report.ownership);
}

ShardOwnership read_ownership(pqxx::transaction_base& transaction, const ShardMap& map) {
  return decode_ownership(ask(transaction, ownership_sql), map).ownership;
}

std::vector<std::string> unknown_slot_states(pqxx::transaction_base& transaction, const ShardMap& map) {
  return decode_ownership(ask(transaction, ownership_sql), map).unknown_states;
}

std::vector<ListedShard> read_directory(pqxx::transaction_base& transaction) {
  return decode_directory(ask(transaction, directory_sql));
}

std::vector<std::string> definition_problems(pqxx::transaction_base& transaction, const ShardMap& map) {
  const Definitions stored = decode_definitions(ask(transaction, definitions_sql));
  auto problems = differences(stored, definitions_of(map));
  const ShardCatalogue catalogue = decode_catalogue(ask_catalogue(transaction, schemas_of(map)));
  for (const auto& [name, form] : key_forms_of(stored)) {
    const auto table = catalogue.tables.find(name);
    const auto placement = map.find_table(name);
    if (table == catalogue.tables.end() || !placement || placement->reference) continue;
    if (!types_of_key(table->second, placement->key)) continue;  // said by whoever looks at the table
    if (auto problem = key_form_problem(table->second, placement->key, form))
      problems.push_back(std::move(*problem));
    for (const auto& column : RoutedTable(table->second, *placement, map).routing_columns()) {
      const auto labels = stored.find(labels_subject(name, column));
      const Column* found = table->second.find_column(column);
      if (labels == stored.end() || !found || found->sort != SortKind::enumeration) continue;
      if (auto problem = labels_problem(table->second, *found, read_labels(labels->second)))
        problems.push_back(std::move(*problem));
    }
  }
  return problems;
}

std::optional<Table> read_table(pqxx::transaction_base& transaction, const std::string& name) {
  ShardCatalogue catalogue =
      decode_catalogue(ask_catalogue(transaction, {std::string(split_map_name(name).schema)}));
  const auto found = catalogue.tables.find(name);
  if (found == catalogue.tables.end()) return std::nullopt;
  return std::move(found->second);
}

ShardCatalogue read_catalogue(pqxx::transaction_base& transaction, const ShardMap& map,
                              ForeignKeys foreign_keys) {
  ShardCatalogue catalogue = decode_catalogue(ask_catalogue(transaction, schemas_of(map)), foreign_keys);
  std::erase_if(catalogue.tables, [&](const auto& table) { return !map.find_table(table.first); });
  const auto is_shard = transaction.exec1("SELECT to_regclass('shardplex.definitions') IS NOT NULL");
  if (is_shard[0].as<bool>()) catalogue.definitions = decode_definitions(ask(transaction, definitions_sql));
  return catalogue;
}

ShardEnvironment read_environment(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::vector<std::string> tables;
  for (const auto& table : map.tables()) tables.push_back(table.name);
  return decode_environment(PqxxRows(
      transaction.exec_params(environment_sql, array_literal(std::span<const std::string>(tables)))));
}

}  // namespace shardplex::operations
