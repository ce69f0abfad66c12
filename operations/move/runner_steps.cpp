// The steps of a move, as move_steps.hpp describes them.
#include <algorithm>
#include <thread>

#include "operations/move/facts.hpp"
#include "operations/move/objects.hpp"
#include "operations/move/runner.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/owned_slots.hpp"
#include "shard_schema/functions.hpp"

namespace shardplex::operations {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view lock_not_available = "55P03";
constexpr std::string_view query_canceled = "57014";
/// How long clients may queue behind a lock that a step waits for, at first and at most.
constexpr milliseconds first_lock_timeout{20}, last_lock_timeout{1000};
constexpr std::chrono::seconds lock_patience{120};
/// A replication slot waits for all transactions that are open; in between the mover looks up.
constexpr std::chrono::seconds slot_patience{60};
/// A lag at which a fence is worth its while at once, and how often one is hoped for.
constexpr std::chrono::duration<double> good_lag{0.02};
constexpr int rounds_for_good_lag = 20;
constexpr int most_cutovers = 10, most_start_overs = 5;
constexpr std::int64_t blocks_at_once = 128;  // of a table, in one deleting transaction
constexpr int differences_told = 10;

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? "''" : std::string(1, c));
  return out + "'";
}

}  // namespace

// --- Locks that clients would wait behind

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
      if (error.sqlstate() != lock_not_available) throw;
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

// --- The copy

void MoveRunner::copy() {
  drop_slot(*source_, entry_.forward());  // of a copy that did not come to its end
  const auto timeline = [](MoveSite& site) {
    return site.look([&](auto& transaction) { return read_server_state(transaction).timeline; });
  };
  const auto target_timeline = timeline(*target_);
  source_->change([&](pqxx::work& transaction) {
    transaction.exec_params(
        "UPDATE shardplex.moves SET source_timeline = $2, target_timeline = $3 WHERE id = $1", entry_.id,
        read_server_state(transaction).timeline, target_timeline);
  });
  while (true) {
    try {
      const SlotSnapshot snapshot(source_->conninfo(), entry_.forward(), slot_patience);
      crash_point("copy:slot_made");
      return copy_rows(snapshot);
    } catch (const SqlFailure& failure) {
      if (failure.sqlstate != query_canceled) throw;
      board_.update(entry_.id, [&](MoveBoard::Line& line) { line.entry.problem = failure.what(); });
      check();  // open transactions hold it up
    }
  }
}

void MoveRunner::copy_rows(const SlotSnapshot& snapshot) {
  const auto slots = array_literal(entry_.slots);
  report([](MoveProgress& progress) { progress.rows = progress.bytes = 0; });
  source_->look([&](auto& transaction) {
    double rows = 0;
    for (const auto& table : tables_)
      rows += transaction
                  .exec_params1(
                      "SELECT greatest(reltuples, 0)::float8 * $2 / greatest(1, (SELECT count(*) FROM (" +
                          select_owned_slots("$3") + ") owned)) FROM pg_class WHERE oid = $1::regclass",
                      qualified_name(table), static_cast<double>(entry_.slots.size()), entry_.group)[0]
                  .template as<double>();
    report([&](MoveProgress& progress) { progress.total_rows = static_cast<std::uint64_t>(rows); });
  });

  CopySession source(source_->conninfo()), target(target_->conninfo());
  for (auto* session : {&source, &target})
    for (const auto* limit : {"statement_timeout", "idle_in_transaction_session_timeout"})
      session->execute(std::string("SET ") + limit + " = 0");
  source.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  source.execute("SET TRANSACTION SNAPSHOT " + quoted(snapshot.snapshot()));
  target.execute("BEGIN");
  target.execute(as_mover_sql, {mover_.token()});
  target.execute("SET LOCAL session_replication_role = replica");
  for (const auto& table : tables_)
    target.execute("DELETE FROM " + qualified_name(table) + " WHERE shardplex_slot = ANY ($1::integer[])",
                   {slots});

  const auto begun = Clock::now();
  const CopyWatch watch{[&](std::uint64_t rows, std::uint64_t bytes) {
                          const std::chrono::duration<double> elapsed = Clock::now() - begun;
                          report([&](MoveProgress& progress) {
                            progress.rows += rows;
                            progress.bytes += bytes;
                            progress.bytes_per_second = static_cast<double>(progress.bytes) / elapsed.count();
                          });
                        },
                        [&] { check(); }};
  for (const auto& table : tables_) {
    copy_table(source, target, table, entry_.slots, rate_, watch);
    crash_point("copy:table_copied");
  }
  const auto marker =
      source.execute("SELECT number FROM shardplex.markers WHERE name = $1", {entry_.forward()});
  target.execute(
      "INSERT INTO shardplex.markers VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET number = "
      "excluded.number",
      {entry_.forward(), marker.value()});
  target.execute("UPDATE shardplex.moves SET copied = true WHERE id = $1", {entry_.id});
  crash_point("copy:before_commit");
  target.execute("COMMIT");
}

// --- Following, by markers

std::int64_t MoveRunner::raise_marker(const Way& way) {
  return way.from.change(
      [&](pqxx::work& transaction) { return operations::raise_marker(transaction, way.name); });
}

std::optional<std::chrono::duration<double>> MoveRunner::await_marker(
    const Way& way, std::int64_t number, Clock::time_point raised, std::optional<Clock::time_point> until) {
  auto watched = Clock::now();
  while (true) {
    if (way.to.look([&](auto& transaction) { return read_marker(transaction, way.name); }) >= number)
      return Clock::now() - raised;
    const auto now = Clock::now();
    if (until && now >= *until) return std::nullopt;
    if (!until && now - watched > std::chrono::seconds(1)) {
      watched = now;
      watch(way);
      check();
    }
    std::this_thread::sleep_for(now - raised < milliseconds(200) ? milliseconds(1) : milliseconds(20));
  }
}

/// While the target is behind: by how much, and whether it will ever catch up.
void MoveRunner::watch(const Way& way) {
  const auto slots = way.from.look([&](auto& transaction) {
    return transaction.exec_params(
        "SELECT wal_status = 'lost', pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots "
        "WHERE slot_name = $1",
        way.name);
  });
  if (slots.empty() || slots[0][0].as<bool>()) throw LookAgain{};
  report([&](MoveProgress& progress) { progress.lag_bytes = slots[0][1].as<std::uint64_t>(); });

  constexpr std::int64_t errors_of_a_broken_subscription = 3;  // fewer may come of a restarted server
  const auto errors = way.to.look([&](auto& transaction) {
    return transaction.exec_params(
        "SELECT apply_error_count FROM pg_stat_subscription_stats WHERE subname = $1", way.name);
  });
  if (errors.empty()) return;
  const auto count = errors[0][0].as<std::int64_t>();
  if (!apply_errors_) apply_errors_ = count;
  if (count - *apply_errors_ < errors_of_a_broken_subscription) return;
  apply_errors_.reset();
  throw MoveStopped("shard " + way.to.name() + " cannot apply the changes of " + way.from.name() +
                    " (subscription " + way.name +
                    "); its PostgreSQL log says why. Then: shardplex rebalance resume, or " +
                    (entry_.phase == Phase::reversing ? "finish" : "abort"));
}

void MoveRunner::catch_up(const Way& way) {
  apply_errors_.reset();
  for (int round = 1;; ++round) {
    const auto raised = Clock::now();
    const auto lag = *await_marker(way, raise_marker(way), raised, std::nullopt);
    report([&](MoveProgress& progress) { progress.lag_seconds = lag.count(); });
    if (lag <= good_lag || (round >= rounds_for_good_lag && lag <= options_.max_lag)) break;
    check();
  }
  assurance_.caught_up = true;
}

void MoveRunner::verify(const Way& way) {
  report([](MoveProgress& progress) { progress.compared_rows = 0; });
  RowComparison comparison(
      way.from.conninfo(), way.to.conninfo(), tables_, entry_.slots,
      {options_.compare_jobs, [&] { await_marker(way, raise_marker(way), Clock::now(), std::nullopt); },
       [&](std::uint64_t rows) {
         report([&](MoveProgress& progress) { progress.compared_rows += rows; });
         check();
       }});
  const ComparedRows compared = comparison.compare();
  refuse_differences(compared.differences, compared.difference_count, way);
  undecided_ = compared.undecided;
  assurance_.verified = true;
  assurance_.caught_up = false;
}

void MoveRunner::refuse_differences(const std::vector<RowDifference>& differences, std::uint64_t count,
                                    const Way& way) {
  if (count == 0) return;
  std::string problem = std::to_string(count) + (count == 1 ? " row differs" : " rows differ") + " between " +
                        way.from.name() + " and its copy on " + way.to.name() +
                        ", so the slots stay where they are: ";
  for (int i = 0; const auto& difference : differences) {
    if (i++ == differences_told) {
      problem += ", …";
      break;
    }
    const auto table = std::ranges::find(tables_, difference.table, &MovedTable::name);
    problem += (i == 1 ? "" : ", ") + to_string(difference, *table, way.to.name());
  }
  throw MoveStopped(problem +
                    ". Find out who wrote them; then shardplex rebalance abort, or mend them and resume");
}

// --- The hand-over

void MoveRunner::make_reverse_slot() {
  target_->assert_mover();
  target_->look([&](auto& transaction) {
    transaction.exec("SET statement_timeout = '" + std::to_string(slot_patience.count()) + "s'");
  });
  try {
    target_->look([&](auto& transaction) {
      transaction.exec_params("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", entry_.reverse());
    });
  } catch (const pqxx::sql_error& error) {
    if (error.sqlstate() != query_canceled) throw;
    check();  // open transactions hold it up; the next look finds the slot missing still
  }
  target_->look([&](auto& transaction) { transaction.exec("SET statement_timeout = 0"); });
  assurance_.caught_up = false;
}

void MoveRunner::change_slots(pqxx::work& transaction, std::string_view function) {
  transaction.exec_params("SELECT shardplex." + std::string(function) + "($1, $2::integer[])", entry_.group,
                          array_literal(entry_.slots));
}

void MoveRunner::fence(const Way& way) {
  // Servers that took over meanwhile are found now, not while writes wait.
  source_->find_again();
  target_->find_again();
  report([](MoveProgress& progress) { ++progress.cutover_attempts; });
  assurance_.drained = false;
  with_lock_timeout(way.from, [&](pqxx::work& transaction) {
    fenced_at_ = Clock::now();
    fence_marker_ = operations::raise_marker(transaction, way.name);
    change_slots(transaction, "fence_slots");
  });
  paused_by_fence_ = true;
}

void MoveRunner::drain(const Way& way) {
  const auto until = fenced_at_ + options_.max_pause;
  if (await_marker(way, fence_marker_, fenced_at_, until)) {
    RowComparison comparison(way.from.conninfo(), way.to.conninfo(), tables_, entry_.slots, {});
    const auto differences =
        undecided_.empty() ? std::vector<RowDifference>{} : comparison.compare_again(undecided_);
    if (!differences.empty()) unfence(way.from);
    refuse_differences(differences, differences.size(), way);
    // What was applied is visible before it is on disk. This transaction is not, so all before it is as well:
    // the other side must not give up what a crash could still take away here.
    way.to.assert_mover();
    assurance_.drained = Clock::now() <= until;
  }
  if (!assurance_.drained) put_off(way.from);
}

/// Lets writes in again, to try the hand-over later.
void MoveRunner::put_off(MoveSite& from) {
  unfence(from);
  if (++failed_cutovers_ >= most_cutovers)
    throw MoveStopped("the hand-over did not come to its end within " +
                      std::to_string(options_.max_pause.count()) + " ms of the fence in " +
                      std::to_string(most_cutovers) +
                      " attempts; writes go on where they were. Try again when there is less load: shardplex "
                      "rebalance resume");
  std::this_thread::sleep_for(failed_cutovers_ * milliseconds(200));
}

void MoveRunner::unfence(MoveSite& site) {
  with_lock_timeout(site, [&](pqxx::work& transaction) { change_slots(transaction, "unfence_slots"); });
  paused_by_fence_ = false;
  assurance_.caught_up = assurance_.drained = false;
}

void MoveRunner::note_pause() {
  paused_by_fence_ = false;
  const std::chrono::duration<double, std::milli> pause = Clock::now() - fenced_at_;
  // Taken up from a mover that died, it is not known when the pause began.
  if (fenced_at_ != Clock::time_point{})
    report([&](MoveProgress& progress) { progress.write_pause_ms = pause.count(); });
}

void MoveRunner::hand_over() {
  const bool done =
      with_lock_timeout_until(*source_, fenced_at_ + options_.max_pause, [&](pqxx::work& transaction) {
        change_slots(transaction, "hand_over_slots");
        set_phase(transaction, entry_.id, Phase::switching);
      });
  if (!done) put_off(*source_);
}

/// Until the replicas of `site` have what it has committed so far; false where they do not get there by then.
bool MoveRunner::await_replicas(MoveSite& site, Clock::time_point until) {
  const auto lsn = site.look([](auto& transaction) {
    return transaction.exec1("SELECT pg_current_wal_flush_lsn()::text")[0].template as<std::string>();
  });
  while (!site.look([&](auto& transaction) { return replicas_have(transaction, lsn); })) {
    if (Clock::now() >= until) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

/// Before the last copy of something goes: a failover must not bring back a past in which it was the only
/// one.
void MoveRunner::require_replicas(MoveSite& site) {
  if (!await_replicas(site, Clock::now() + options_.patience))
    throw MoveStopped("a replica of " + site.name() +
                      " is behind, and would not know of the move if it took over; when "
                      "it has caught up: shardplex rebalance resume");
}

void MoveRunner::own() {
  // A replica of the source that took over and did not know of the hand-over would take writes to the slots.
  // One that is far behind is not waited for: clients wait too.
  await_replicas(*source_, Clock::now() + options_.max_pause / 4);
  target_->change([&](pqxx::work& transaction) {
    change_slots(transaction, "own_slots");
    transaction.exec_params(
        "UPDATE shardplex.moves SET reverse_from = pg_current_wal_insert_lsn() WHERE id = $1", entry_.id);
  });
  note_pause();
}

void MoveRunner::hand_back() {
  const bool done =
      with_lock_timeout_until(*target_, fenced_at_ + options_.max_pause,
                              [&](pqxx::work& transaction) { change_slots(transaction, "hand_over_slots"); });
  if (!done) put_off(*target_);
}

void MoveRunner::own_source() {
  await_replicas(*target_, Clock::now() + options_.max_pause / 4);
  with_lock_timeout(*source_, [&](pqxx::work& transaction) {
    change_slots(transaction, "receive_slots");
    change_slots(transaction, "own_slots");
    set_phase(transaction, entry_.id, Phase::returning);
  });
  note_pause();
}

// --- Setbacks

void MoveRunner::start_over() {
  if (++start_overs_ > most_start_overs)
    throw MoveStopped("the copy had to start over " + std::to_string(most_start_overs) +
                      " times; is max_slot_wal_keep_size of " + source_->name() +
                      " too small for it? Then: shardplex rebalance resume");
  report([](MoveProgress& progress) { ++progress.start_overs; });
  target_->change([&](pqxx::work& transaction) { unsubscribe(transaction, entry_.forward()); });
  drop_slot(*source_, entry_.forward());
  target_->change([&](pqxx::work& transaction) {
    transaction.exec_params("UPDATE shardplex.moves SET copied = false WHERE id = $1", entry_.id);
  });
  crash_point("start_over:copy_forgotten");
  source_->change([&](pqxx::work& transaction) {
    transaction.exec_params(
        "UPDATE shardplex.moves SET source_timeline = NULL, target_timeline = NULL WHERE id = $1", entry_.id);
  });
  assurance_ = {};
}

void MoveRunner::yield() {
  with_lock_timeout(*source_, [&](pqxx::work& transaction) {
    if (read_source_facts(transaction, entry_).shard.slots == SlotState::owned)
      change_slots(transaction, "fence_slots");
    change_slots(transaction, "hand_over_slots");
    set_phase(transaction, entry_.id, Phase::switching);
  });
}

void MoveRunner::yield_target() {
  with_lock_timeout(*target_, [&](pqxx::work& transaction) {
    if (read_target_facts(transaction, entry_).shard.slots == SlotState::owned)
      change_slots(transaction, "fence_slots");
    change_slots(transaction, "hand_over_slots");
  });
}

void MoveRunner::take_back() {
  with_lock_timeout(*source_, [&](pqxx::work& transaction) {
    change_slots(transaction, "receive_slots");
    change_slots(transaction, "own_slots");
    set_phase(transaction, entry_.id, Phase::moving);
  });
  assurance_ = {};
}

// --- The way back, and the end

void MoveRunner::subscribe_reverse() {
  // What the target applied from the source lies before reverse_from, and must not come back. Said to the
  // subscription and not to the slot, which would forget it in a crash.
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

void MoveRunner::drop_slot(MoveSite& site, const std::string& name) {
  constexpr std::chrono::seconds for_the_walsender{5};
  const auto begun = Clock::now();
  site.assert_mover();
  while (!site.look([&](auto& transaction) { return drop_replication_slot(transaction, name); })) {
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

/// Block by block, so that each row is looked at once, and with a pause as long as each transaction was, so
/// that clients have the server for at least half of the time.
void MoveRunner::delete_rows(MoveSite& site) {
  require_replicas(&site == source_.get() ? *target_ : *source_);
  for (const auto& table : tables_) {
    const auto blocks = site.look([&](auto& transaction) {
      return transaction
          .exec_params1("SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint",
                        qualified_name(table))[0]
          .template as<std::int64_t>();
    });
    for (std::int64_t block = 0; block <= blocks; block += blocks_at_once) {
      const auto begun = Clock::now();
      const auto deleted = site.change([&](pqxx::work& transaction) {
        return transaction
            .exec_params("DELETE FROM " + qualified_name(table) +
                             " WHERE ctid >= format('(%s,0)', $1::bigint)::tid AND ctid < format('(%s,0)', "
                             "$2::bigint)::tid AND shardplex_slot = ANY ($3::integer[])",
                         block, block + blocks_at_once, array_literal(entry_.slots))
            .affected_rows();
      });
      report([&](MoveProgress& progress) { progress.deleted_rows += deleted; });
      crash_point("delete_rows:some");
      if (deleted > 0) std::this_thread::sleep_for(Clock::now() - begun);
      check();
    }
  }
  assurance_.rows_deleted = true;
}

void MoveRunner::erase() {
  for (auto* site : {target_.get(), source_.get()})
    site->change([&](pqxx::work& transaction) {
      transaction.exec_params("DELETE FROM shardplex.markers WHERE name IN ($1, $2)", entry_.forward(),
                              entry_.reverse());
      if (site == target_.get())
        transaction.exec_params("DELETE FROM shardplex.moves WHERE id = $1", entry_.id);
    });
}

void MoveRunner::close() {
  const Phase over = entry_.phase == Phase::finishing  ? Phase::finished
                     : entry_.phase == Phase::aborting ? Phase::aborted
                                                       : Phase::reversed;
  require_replicas(*target_);
  if (over == Phase::reversed) options_.owner_changed(entry_, entry_.source);
  source_->change([&](pqxx::work& transaction) { set_phase(transaction, entry_.id, over); });
}

}  // namespace shardplex::operations
