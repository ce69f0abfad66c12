// The way back of an import: from the cutover on, until it is finished, changes of the shards flow to the
// source. Each shard has a publication and a replication slot, and the source a subscription of the same
// name. Reference tables, which are whole on every shard, come from the first. The slot column is not
// published.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/import/origin.hpp"
#include "operations/import/tables.hpp"
#include "operations/replication/pgoutput.hpp"

namespace shardplex::operations {

/// As the shard's row in the journal has it.
struct WayBack {
  std::string name;                 ///< of publication, replication slot and subscription
  std::optional<std::string> from;  ///< the LSN up to which all changes came from the source
};

/// nullopt: the shard has none, or none yet.
std::optional<WayBack> read_way_back(pqxx::transaction_base& shard, const std::string& import_id);

/// Whether the import is to have one.
bool wants_way_back(pqxx::transaction_base& shard, const std::string& import_id);

/// How the changes of a shard get to the source.
struct WayBackState {
  bool flowing = false;         ///< a subscription reads them now
  std::uint64_t lag_bytes = 0;  ///< of the shard's log, not on the source's disk yet
  Lsn confirmed;                ///< everything before it is
};

/// What the shard publishes back: all tables on the first shard, the sharded ones on others.
std::vector<ImportTable> tables_back(const std::vector<ImportTable>& tables, bool first_shard);

// On a shard; each may be repeated.
void publish_back(pqxx::work& shard, const std::string& import_id, const std::string& name,
                  const std::vector<ImportTable>& tables);
/// In a transaction of its own, and anew where there is one already, so that it keeps no more of the log than
/// it has to. Precondition: nobody reads from it.
void make_replication_slot_back(pqxx::nontransaction& shard, const std::string& name);
void note_way_back_from(pqxx::work& shard, const std::string& import_id, Lsn from);
WayBackState read_way_back_state(pqxx::transaction_base& shard, const std::string& name);
/// What keeps changes from being published, in sentences about the shard.
std::vector<std::string> problems_of_published(pqxx::transaction_base& shard, const std::string& name,
                                               const std::vector<ImportTable>& tables);
void unpublish_back(pqxx::work& shard, const std::string& import_id, const std::string& name,
                    const ReplicaIdentities& identities);

// On the source.
/// Why nothing is applied, in sentences about the source.
std::vector<std::string> problems_of_subscribed(pqxx::transaction_base& source, const std::string& name);
/// How often the source has refused a change; it tries again each time.
std::uint64_t refusals_of(pqxx::transaction_base& source, const std::string& name);

}  // namespace shardplex::operations
