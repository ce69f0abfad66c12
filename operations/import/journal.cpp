#include "operations/import/journal.hpp"

#include <array>
#include <boost/json.hpp>

#include "operations/process/failure.hpp"
#include "operations/process/named_values.hpp"

namespace shardplex::operations {
namespace {

constexpr std::array phase_names{
    std::pair{ImportPhase::prepare, std::string_view("prepare")},
    std::pair{ImportPhase::copy, std::string_view("copy")},
    std::pair{ImportPhase::index, std::string_view("index")},
    std::pair{ImportPhase::follow, std::string_view("follow")},
    std::pair{ImportPhase::fence, std::string_view("fence")},
    std::pair{ImportPhase::own, std::string_view("own")},
    std::pair{ImportPhase::reversible, std::string_view("reversible")},
    std::pair{ImportPhase::reversing, std::string_view("reversing")},
    std::pair{ImportPhase::returning, std::string_view("returning")},
    std::pair{ImportPhase::returned, std::string_view("returned")},
    std::pair{ImportPhase::finishing, std::string_view("finishing")},
    std::pair{ImportPhase::done, std::string_view("done")},
    std::pair{ImportPhase::abort, std::string_view("abort")},
};

ReplicaIdentities read_identities(const std::string& json) {
  ReplicaIdentities identities;
  const boost::json::value read = boost::json::parse(json);
  for (const auto& [table, identity] : read.as_object()) identities.emplace(table, identity.as_string());
  return identities;
}

std::string to_json(const ReplicaIdentities& identities) {
  boost::json::object object;
  for (const auto& [table, identity] : identities) object[table] = identity;
  return boost::json::serialize(object);
}

}  // namespace

bool is_reversible(ImportPhase phase) {
  return phase == ImportPhase::reversible || phase == ImportPhase::reversing ||
         phase == ImportPhase::returning;
}

std::string_view to_string(ImportPhase phase) {
  return name_in(phase_names, phase);
}

std::optional<ImportPhase> parse_import_phase(std::string_view name) {
  return value_in(phase_names, name);
}

std::optional<ImportEntry> read_import(pqxx::transaction_base& transaction) {
  if (transaction.exec1("SELECT to_regclass('shardplex.imports') IS NULL")[0].as<bool>()) return std::nullopt;
  const auto rows = transaction.exec(
      "SELECT id, source, database, phase, identities::text, progress::text, problem, "
      "to_jsonb(imports) ->> 'way_back' IS NOT NULL AS way_back, "
      "coalesce(to_jsonb(imports) ->> 'baseline', '') AS baseline, "
      "date_trunc('second', created_at)::text AS created_at, date_trunc('second', changed_at)::text AS "
      "changed_at "
      "FROM shardplex.imports ORDER BY imports.created_at DESC LIMIT 1");
  if (rows.empty()) return std::nullopt;
  const auto& row = rows[0];
  const auto phase = parse_import_phase(row["phase"].as<std::string>());
  if (!phase)
    throw CommandFailed("an import is in a phase unknown to this program: " + row["phase"].as<std::string>());
  ImportEntry entry;
  entry.id = row["id"].as<std::string>();
  entry.source = row["source"].as<std::string>();
  entry.database = row["database"].as<std::string>();
  entry.phase = *phase;
  entry.identities = read_identities(row["identities"].as<std::string>());
  entry.progress = row["progress"].as<std::string>();
  entry.way_back = row["way_back"].as<bool>();
  entry.baseline = row["baseline"].as<std::string>();
  if (!row["problem"].is_null()) entry.problem = row["problem"].as<std::string>();
  entry.created_at = row["created_at"].as<std::string>();
  entry.changed_at = row["changed_at"].as<std::string>();
  return entry;
}

void write_import(pqxx::transaction_base& transaction, const ImportEntry& entry) {
  transaction.exec_params(
      "INSERT INTO shardplex.imports (id, source, database, phase, identities, way_back, baseline) VALUES "
      "($1, $2, $3, $4, $5::jsonb, CASE WHEN $6::boolean THEN '' END, nullif($7, '')::jsonb)",
      entry.id, entry.source, entry.database, std::string(to_string(entry.phase)), to_json(entry.identities),
      entry.way_back, entry.baseline);
}

void write_phase(pqxx::transaction_base& transaction, const std::string& id, ImportPhase phase) {
  transaction.exec_params(
      "UPDATE shardplex.imports SET phase = $2, problem = NULL, changed_at = now() WHERE id = $1", id,
      std::string(to_string(phase)));
}

std::string identity_of_database(pqxx::transaction_base& transaction) {
  return transaction
      .exec1(
          "SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()), oid) FROM pg_database "
          "WHERE datname = current_database()")[0]
      .as<std::string>();
}

std::vector<std::string> read_made(pqxx::transaction_base& transaction, const std::string& id) {
  std::vector<std::string> made;
  for (const auto& row :
       transaction.exec_params("SELECT unnest(made) FROM shardplex.imports WHERE id = $1", id))
    made.push_back(row[0].as<std::string>());
  return made;
}

}  // namespace shardplex::operations
