// Publications that a move or an import has made.
#pragma once

#include <pqxx/pqxx>
#include <string>

namespace shardplex::operations {

/// Drops it, where it is there, while nobody writes to its tables: a write looks its table's publications up
/// by two steps, and fails where one goes in between ("cache lookup failed for publication"). Waits for
/// writers, so the transaction should have a lock_timeout below deadlock_timeout, and be short.
void drop_publication(pqxx::transaction_base& transaction, const std::string& name);

}  // namespace shardplex::operations
