// Subscriptions and replication slots, as moves and imports make and remove them. Each function takes the
// transaction it is part of, and can be repeated.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>

namespace shardplex::operations {

/// Subscribes to the publication and replication slot `name` of the server at `publisher`; copies nothing.
/// With `from`, an LSN there, what committed before it is left out.
void subscribe(pqxx::work& transaction, const std::string& name, const std::string& publisher,
               const std::optional<std::string>& from = std::nullopt);
/// Leaves the replication slot alone.
void unsubscribe(pqxx::work& transaction, const std::string& name);

/// True where there is no such replication slot (any more); false where a walsender still uses it.
bool drop_replication_slot(pqxx::transaction_base& transaction, const std::string& name);

}  // namespace shardplex::operations
