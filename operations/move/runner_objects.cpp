// Steps of a move that make and remove objects of PostgreSQL, without letting clients queue behind locks.
#include <algorithm>
#include <chrono>
#include <thread>

#include "operations/move/objects.hpp"
#include "operations/move/runner.hpp"
#include "operations/process/failure.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

using std::chrono::milliseconds;

/// How long clients may queue behind a lock that a step waits for, at first and at most: shorter than
/// deadlock_timeout, so that of a step and a writer that wait for each other it is not the writer who gives
/// in.
constexpr milliseconds first_lock_timeout{20}, last_lock_timeout{800};
constexpr std::chrono::seconds lock_patience{120};
/// A replication slot waits for all transactions that are open; in between the mover looks up.
constexpr std::chrono::seconds replication_slot_patience{60};

}  // namespace

/// f in a transaction that gives up soon where it has to wait for a lock, since clients queue up behind it or
/// are sent away; and again, with more patience each time. False where it could not be done by `until`.
bool MoveRunner::with_lock_timeout_until(MoveSite& site, Clock::time_point until,
                                         const std::function<void(pqxx::work&)>& f) {
  auto timeout = first_lock_timeout;
  for (int attempt = 1;; ++attempt) try {
      site.change([&](pqxx::work& transaction) {
        transaction.exec("SET LOCAL lock_timeout = " + std::to_string(timeout.count()));
        f(transaction);
      });
      return true;
    } catch (const pqxx::sql_error& error) {
      if (error.sqlstate() != sqlstate_lock_timeout) throw;
      if (Clock::now() > until) return false;
      if (attempt > 3) site.look([&](auto& transaction) { cancel_autovacuum(transaction, tables_); });
      std::this_thread::sleep_for(2 * timeout);
      timeout = std::min(2 * timeout, last_lock_timeout);
      if (!paused_by_fence_ && entry_.phase != Phase::switching) check();
    }
}

void MoveRunner::with_lock_timeout(MoveSite& site, const std::function<void(pqxx::work&)>& f) {
  if (!with_lock_timeout_until(site, Clock::now() + lock_patience, f))
    throw MoveStopped(site.name() +
                      ": a lock could not be had within two minutes; look for long transactions in "
                      "pg_stat_activity, then shardplex rebalance resume");
}

void MoveRunner::publish(const Way& way) {
  with_lock_timeout(way.from, [&](pqxx::work& transaction) {
    operations::publish(transaction, entry_, tables_, way.name);
  });
}

void MoveRunner::unpublish(MoveSite& site, const std::string& name) {
  with_lock_timeout(site, [&](pqxx::work& transaction) { operations::unpublish(transaction, name); });
}

void MoveRunner::restore_identities(MoveSite& site) {
  with_lock_timeout(site,
                    [&](pqxx::work& transaction) { operations::restore_identities(transaction, entry_); });
}

void MoveRunner::make_reverse_replication_slot() {
  target_->assert_mover();
  target_->look([&](auto& transaction) {
    transaction.exec("SET statement_timeout = '" + std::to_string(replication_slot_patience.count()) + "s'");
  });
  try {
    target_->look([&](auto& transaction) {
      transaction.exec_params("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", entry_.reverse());
    });
  } catch (const pqxx::sql_error& error) {
    if (error.sqlstate() != sqlstate_canceled) throw;
    check();  // open transactions hold it up; the next look finds it missing still
  }
  target_->look([&](auto& transaction) { transaction.exec("SET statement_timeout = 0"); });
  assurance_.caught_up = false;
}

void MoveRunner::subscribe_reverse() {
  // What the target applied from the source lies before reverse_from, and must not come back. Said to the
  // subscription and not to the replication slot, which would forget it in a crash.
  const auto from = target_->look([&](auto& transaction) {
    return transaction
        .exec_params1("SELECT reverse_from::text FROM shardplex.moves WHERE id = $1", entry_.id)[0]
        .template as<std::string>();
  });
  const auto marker =
      target_->look([&](auto& transaction) { return read_marker(transaction, entry_.reverse()); });
  source_->change([&](pqxx::work& transaction) {
    place_marker(transaction, entry_.reverse(), marker);
    subscribe(transaction, entry_.reverse(), target_->conninfo(), from);
  });
}

void MoveRunner::drop_replication_slot(MoveSite& site, const std::string& name) {
  constexpr std::chrono::seconds for_the_walsender{5};
  const auto begun = Clock::now();
  site.assert_mover();
  while (
      !site.look([&](auto& transaction) { return operations::drop_replication_slot(transaction, name); })) {
    // Its subscription is gone, so nobody is left who would end the walsender.
    if (Clock::now() - begun > for_the_walsender)
      site.look([&](auto& transaction) {
        transaction.exec_params(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND "
            "active",
            name);
      });
    std::this_thread::sleep_for(milliseconds(20));
  }
}

}  // namespace shardplex::operations
