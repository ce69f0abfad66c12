#include "operations/replication/subscription.hpp"

#include "query/plan/sql.hpp"

namespace shardplex::operations {

void subscribe(pqxx::work& transaction, const std::string& name, const std::string& publisher,
               const std::optional<std::string>& from) {
  if (!transaction.exec_params("SELECT FROM pg_subscription WHERE subname = $1", name).empty()) return;
  const std::string quoted = quote_identifier(name);
  transaction.exec("CREATE SUBSCRIPTION " + quoted + " CONNECTION " + transaction.quote(publisher) +
                   " PUBLICATION " + quoted + " WITH (create_slot = false, slot_name = " + quoted +
                   ", copy_data = false, enabled = true)");
  if (from)
    transaction.exec_params(
        "SELECT pg_replication_origin_advance('pg_' || oid, $2::pg_lsn) FROM pg_subscription WHERE subname = "
        "$1",
        name, *from);
}

void unsubscribe(pqxx::work& transaction, const std::string& name) {
  if (transaction.exec_params("SELECT FROM pg_subscription WHERE subname = $1", name).empty()) return;
  const std::string alter = "ALTER SUBSCRIPTION " + quote_identifier(name);
  transaction.exec(alter + " DISABLE");
  transaction.exec(alter + " SET (slot_name = NONE)");
  transaction.exec("DROP SUBSCRIPTION " + quote_identifier(name));
}

bool drop_replication_slot(pqxx::transaction_base& transaction, const std::string& name) {
  transaction.exec_params(
      "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT "
      "active",
      name);
  return transaction.exec_params("SELECT FROM pg_replication_slots WHERE slot_name = $1", name).empty();
}

}  // namespace shardplex::operations
