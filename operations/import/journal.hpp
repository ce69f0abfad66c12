// The journal of imports in the shards (shardplex.imports).
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "operations/import/origin.hpp"

namespace shardplex::operations {

/// How far an import is, as the first shard of the map says.
enum class ImportPhase : std::uint8_t {
  prepare,     ///< the shards get the schema shardplex and the tables
  copy,        ///< of a snapshot of the source
  index,       ///< the shards get indexes, constraints and triggers
  follow,      ///< the source's changes are applied, and the rows compared; a rehearsal rests here
  fence,       ///< the source may be refusing writes; not decided
  own,         ///< decided: the shards own the slots, or are about to
  reversible,  ///< the shards own the slots, and their changes flow to the source
  reversing,   ///< the shards may be fenced; not decided
  returning,   ///< decided: the source owns the data again, and is about to be opened
  returned,    ///< the shards keep a copy that nobody reads, until the import is aborted
  finishing,   ///< the way back is being removed
  done,
  abort,  ///< everything is being removed
};

/// Between the cutover and the end of its way back, a reversal that is not complete included.
bool is_reversible(ImportPhase phase);

std::string_view to_string(ImportPhase phase);
std::optional<ImportPhase> parse_import_phase(std::string_view name);

struct ImportEntry {
  std::string id;
  std::string source;    ///< connection string without a password
  std::string database;  ///< identity_of_database() of the source
  ImportPhase phase = ImportPhase::prepare;
  ReplicaIdentities identities;  ///< on the source before the import
  std::string baseline;          ///< JSON (baseline.hpp); empty where there is none
  bool way_back = false;         ///< whether it is to have one; of a new import
  std::string progress;          ///< JSON, for people
  std::optional<std::string> problem;
  std::string created_at, changed_at;  ///< as PostgreSQL writes a timestamp, to the second
};

/// The import that the shard knows of; nullopt where there is none, or the shard is none yet. Throws
/// CommandFailed on a phase that this program does not know.
std::optional<ImportEntry> read_import(pqxx::transaction_base& transaction);

/// Writes a shard's row of a new import.
void write_import(pqxx::transaction_base& transaction, const ImportEntry& entry);

void write_phase(pqxx::transaction_base& transaction, const std::string& id, ImportPhase phase);

/// The statements that remove what the import has made on this shard.
std::vector<std::string> read_made(pqxx::transaction_base& transaction, const std::string& id);

/// The same for all connections to one database, whatever its server's state.
std::string identity_of_database(pqxx::transaction_base& transaction);

}  // namespace shardplex::operations
