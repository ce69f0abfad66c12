// What the streaming replicas of a server have on their disks, so that a failover to one of them forgets
// nothing of it. What only receives WAL, to archive it, can take nothing over, and is none.
#pragma once

#include <pqxx/pqxx>
#include <set>
#include <string>

namespace shardplex::operations {

/// Up to here the WAL of this server is on its own disk, with all that it has committed.
std::string flushed_lsn(pqxx::transaction_base& transaction);

/// Whether every streaming replica of this server has all of the WAL up to `lsn` on its disk. A replica that
/// is not connected is not asked.
bool replicas_have(pqxx::transaction_base& transaction, const std::string& lsn);

/// The streaming replicas of this server that have said that they have it, each by its connection: one that
/// connects anew is another one.
std::set<std::string> replicas_known_to_have(pqxx::transaction_base& transaction, const std::string& lsn);

/// Those that are connected.
std::set<std::string> replicas_connected(pqxx::transaction_base& transaction);

}  // namespace shardplex::operations
