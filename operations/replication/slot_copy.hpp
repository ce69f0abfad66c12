// The first copy of a move: a replication slot, the snapshot it begins with, and that snapshot's rows in the
// slots that move, piped from the source to the target as binary COPY.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "operations/replication/copy_session.hpp"
#include "operations/replication/rate_limit.hpp"
#include "operations/shard/moved_table.hpp"

namespace shardplex::operations {

/// A new logical replication slot (plugin pgoutput, permanent) together with the snapshot at its beginning,
/// which lives as long as this object: changes up to it are in the snapshot, later ones come out of the
/// replication slot.
class ReplicationSlotSnapshot {
 public:
  /// Over a replication connection of its own. Waits for the transactions that run on the server now, up to
  /// `patience`. Throws SqlFailure; then it has made none, unless the connection was lost meanwhile.
  ReplicationSlotSnapshot(const std::string& conninfo, const std::string& replication_slot_name,
                          std::chrono::seconds patience);

  const std::string& snapshot() const { return snapshot_; }                  ///< for SET TRANSACTION SNAPSHOT
  const std::string& consistent_point() const { return consistent_point_; }  ///< an LSN, as in "0/16B3748"

 private:
  PgConnection connection_;  // idle: the snapshot ends with its next command
  std::string snapshot_, consistent_point_;
};

/// What a copy tells, and how it is stopped. `check` is called about every 100 ms (and may block, to pause);
/// it throws to give up, and then the target's transaction is for the caller to roll back.
struct CopyWatch {
  std::function<void(std::uint64_t rows, std::uint64_t bytes)> advanced;  ///< counts since the last call
  std::function<void()> check;
};

/// Pipes the table's rows in these slots. `source` is in a transaction with the snapshot, `target` in one
/// that the caller commits; triggers and foreign keys of the target do not fire (session_replication_role,
/// set for the rest of that transaction). Columns go by name, so the two tables may differ in the order of
/// columns, not in types. Throws SqlFailure, which tells the side; then both connections can be rolled back,
/// or are lost.
void copy_table(CopySession& source, CopySession& target, const MovedTable& table, const SlotSet& slots,
                RateLimit& rate, const CopyWatch& watch);

/// The same for all rows of a table that has no slots.
void copy_whole_table(CopySession& source, CopySession& target, const MovedTable& table, RateLimit& rate,
                      const CopyWatch& watch);

}  // namespace shardplex::operations
