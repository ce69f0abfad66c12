#include "operations/replication/replicas.hpp"

namespace shardplex::operations {

std::string flushed_lsn(pqxx::transaction_base& transaction) {
  return transaction.exec1("SELECT pg_current_wal_flush_lsn()::text")[0].as<std::string>();
}

bool replicas_have(pqxx::transaction_base& transaction, const std::string& lsn) {
  return transaction
      .exec_params(
          "SELECT FROM pg_stat_replication r WHERE r.state = 'streaming' AND r.flush_lsn < $1::pg_lsn AND "
          "r.replay_lsn IS NOT NULL AND NOT EXISTS "
          "(SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')",
          lsn)
      .empty();
}

std::set<std::string> replicas_known_to_have(pqxx::transaction_base& transaction, const std::string& lsn) {
  std::set<std::string> connections;
  for (const auto& row : transaction.exec_params(
           "SELECT concat_ws(' ', r.pid, r.backend_start) FROM pg_stat_replication r WHERE r.state = "
           "'streaming' AND r.flush_lsn >= $1::pg_lsn AND r.replay_lsn IS NOT NULL AND NOT EXISTS "
           "(SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')",
           lsn))
    connections.insert(row[0].as<std::string>());
  return connections;
}

std::set<std::string> replicas_connected(pqxx::transaction_base& transaction) {
  return replicas_known_to_have(transaction, "0/0");
}

}  // namespace shardplex::operations
