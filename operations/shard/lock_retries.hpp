// Changes that need locks which writers hold.
#pragma once

#include <functional>
#include <pqxx/pqxx>
#include <string>

namespace shardplex::operations {

/// Calls `change`, which begins a transaction, calls `begin` with it, and commits it; and again where a lock
/// was not to be had in 400 ms, as writers queue behind it. That is shorter than deadlock_timeout: of this
/// and a writer that wait for each other, this gives in. After 100 attempts it throws CommandFailed that
/// names `whose` table it was.
void with_lock_retries(const std::string& whose,
                       const std::function<void(void (*begin)(pqxx::transaction_base&))>& change);

}  // namespace shardplex::operations
