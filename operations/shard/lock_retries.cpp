#include "operations/shard/lock_retries.hpp"

#include <chrono>
#include <thread>

#include "operations/process/failure.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

constexpr int lock_attempts = 100;
constexpr std::chrono::milliseconds lock_pause{250};  // for those that waited behind the attempt

void set_lock_timeout(pqxx::transaction_base& transaction) {
  transaction.exec("SET LOCAL lock_timeout = '400ms'");
}

}  // namespace

void with_lock_retries(const std::string& whose,
                       const std::function<void(void (*begin)(pqxx::transaction_base&))>& change) {
  for (int attempt = 1;; ++attempt) try {
      return change(&set_lock_timeout);
    } catch (const pqxx::sql_error& error) {
      if (error.sqlstate() != sqlstate_lock_timeout && error.sqlstate() != sqlstate_deadlock) throw;
      if (attempt == lock_attempts)
        throw CommandFailed("a lock on a table of " + whose +
                            " is not to be had: a transaction there holds it and does not end");
      std::this_thread::sleep_for(lock_pause);
    }
}

}  // namespace shardplex::operations
