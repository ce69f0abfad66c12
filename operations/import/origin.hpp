// What an import makes on the unsharded source, and removes again: a publication, a replication slot, replica
// identities and, at cutover, the fence.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/import/tables.hpp"
#include "operations/replication/pgoutput.hpp"

namespace shardplex::operations {

/// Table -> replica identity: "d", "n", "f", or "i" and the index's name.
using ReplicaIdentities = std::map<std::string, std::string>;

/// The next value of each sequence that a table of the import uses: qualified name -> last value, and whether
/// it was given out.
struct SequencePosition {
  std::string name;  ///< quoted and qualified
  std::int64_t last_value = 0;
  bool is_called = false;
};

/// A connection to the source. Every method may be called again after a crash: what is there stays, what is
/// gone is no error. Locks on tables are asked for half a second at a time, so that the source's own clients
/// wait no longer than that behind them. Throws pqxx's exceptions, and CommandFailed where a lock is not to
/// be had in time.
class ImportOrigin {
 public:
  ImportOrigin(const std::string& conninfo, std::string import_id);

  const std::string& object_name() const { return name_; }  ///< of publication and replication slot
  const std::string& conninfo() const { return conninfo_; }
  pqxx::connection& connection() { return *connection_; }

  void publish(const std::vector<ImportTable>& tables);
  void unpublish();

  /// REPLICA IDENTITY FULL for the tables that need it; and back.
  void make_identities_full(const std::vector<ImportTable>& tables);
  void restore_identities(const ReplicaIdentities& before);

  /// Whether the replication slot is there and can still be read from.
  bool has_replication_slot();
  /// Waits for a reader of the replication slot that is going away, ends one that is not.
  void free_replication_slot();
  void drop_replication_slot();

  /// Refuses every later change of the tables: waits for the transactions that have changed them, and returns
  /// the end of the log once none can follow.
  Lsn raise_fence(const std::vector<ImportTable>& tables);
  void lower_fence();
  bool has_fence();

  /// Everything that was committed before the call is before it.
  Lsn position();
  /// The end of the log; cheaper, and not waited for.
  Lsn written();
  std::vector<SequencePosition> sequences(const std::vector<ImportTable>& tables);

  /// A transaction that asks for locks as the methods above do; tried again as a whole.
  void with_locks(const std::function<void(pqxx::work&)>& change);

 private:
  std::string conninfo_, name_;
  std::unique_ptr<pqxx::connection> connection_;
};

/// Gives the table that a map calls so this identity, where it is there and has another one.
void set_identity(pqxx::work& transaction, const std::string& table, const std::string& identity);

ReplicaIdentities identities_of(const std::vector<ImportTable>& tables);

}  // namespace shardplex::operations
