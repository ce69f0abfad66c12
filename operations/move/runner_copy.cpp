// Steps of a move around its copy: the copy itself, and back to before it.
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "operations/move/objects.hpp"
#include "operations/move/runner.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/shard/server.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

/// A replication slot waits for all transactions that are open; in between the mover looks up.
constexpr std::chrono::seconds replication_slot_patience{60};
constexpr int most_start_overs = 5;

/// How many rows PostgreSQL expects in these slots of the table, which it knows of the slots' own statistics.
std::uint64_t planned_rows(pqxx::transaction_base& transaction, const MovedTable& table,
                           const std::string& slots) {
  const auto plan = transaction
                        .exec("EXPLAIN (FORMAT JSON) SELECT FROM " + qualified_name(table) +
                              " WHERE shardplex_slot = ANY ('" + slots + "'::integer[])")[0][0]
                        .as<std::string>();
  constexpr std::string_view key = "\"Plan Rows\": ";
  const auto at = plan.find(key);
  return at == std::string::npos ? 0 : std::strtoull(plan.c_str() + at + key.size(), nullptr, 10);
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? "''" : std::string(1, c));
  return out + "'";
}

void without_time_limits(CopySession& session) {
  for (const auto* limit : {"statement_timeout", "idle_in_transaction_session_timeout"})
    session.execute(std::string("SET ") + limit + " = 0");
}

/// In the target's transaction: the marker of the source's snapshot, up to which the copy has everything.
void note_copied(CopySession& source, CopySession& target, const MoveEntry& entry) {
  const auto marker =
      source.execute("SELECT number FROM shardplex.markers WHERE name = $1", {entry.forward()});
  target.execute(
      "INSERT INTO shardplex.markers VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET number = "
      "excluded.number",
      {entry.forward(), marker.value()});
  target.execute("UPDATE shardplex.moves SET copied = true WHERE id = $1", {entry.id});
}

}  // namespace

void MoveRunner::copy() {
  drop_replication_slot(*source_, entry_.forward());  // of a copy that did not come to its end
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
      const ReplicationSlotSnapshot snapshot(source_->conninfo(), entry_.forward(),
                                             replication_slot_patience);
      crash_point("copy:replication_slot_made");
      return copy_rows(snapshot);
    } catch (const SqlFailure& failure) {
      if (failure.sqlstate != sqlstate_canceled) throw;
      report_trouble("waits for transactions that were open when the copy was to begin: " +
                     std::string(failure.what()));
      check();  // open transactions hold it up
    }
  }
}

void MoveRunner::copy_rows(const ReplicationSlotSnapshot& snapshot) {
  const auto slots = array_literal(entry_.slots);
  report_total_rows(slots);
  CopySession source(source_->conninfo()), target(target_->conninfo());
  for (auto* session : {&source, &target}) without_time_limits(*session);
  source.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  source.execute("SET TRANSACTION SNAPSHOT " + quoted(snapshot.snapshot()));
  target.execute("BEGIN");
  target.execute(as_mover_sql, {mover_.token()});
  target.execute("SET LOCAL session_replication_role = replica");
  for (const auto& table : tables_)
    target.execute("DELETE FROM " + qualified_name(table) + " WHERE shardplex_slot = ANY ($1::integer[])",
                   {slots});

  CopySpeed speed(Clock::now());
  const CopyWatch watch{[&](std::uint64_t rows, std::uint64_t bytes) { report_copied(rows, bytes, speed); },
                        [&] { check(); }};
  for (const auto& table : tables_) {
    copy_table(source, target, table, entry_.slots, rate_, watch);
    crash_point("copy:table_copied");
  }
  note_copied(source, target, entry_);
  crash_point("copy:before_commit");
  target.execute("COMMIT");
}

void MoveRunner::report_total_rows(const std::string& slots) {
  report([](MoveProgress& progress) { progress.rows = progress.bytes = 0; });
  const auto total = source_->look([&](auto& transaction) {
    std::uint64_t rows = 0;
    for (const auto& table : tables_) rows += planned_rows(transaction, table, slots);
    return rows;
  });
  report([&](MoveProgress& progress) { progress.total_rows = total; });
}

void MoveRunner::report_copied(std::uint64_t rows, std::uint64_t bytes, CopySpeed& speed) {
  const double now = speed.after(bytes, Clock::now());
  report([&](MoveProgress& progress) {
    progress.rows += rows;
    progress.bytes += bytes;
    progress.bytes_per_second = now;
    // What was estimated is more, then.
    progress.total_rows = std::max(progress.total_rows.value_or(0), progress.rows);
  });
}

void MoveRunner::start_over() {
  if (++start_overs_ > most_start_overs)
    throw MoveStopped("the copy had to start over " + std::to_string(most_start_overs) +
                      " times; is max_slot_wal_keep_size of " + source_->name() +
                      " too small for it? Then: shardplex rebalance resume");
  report([](MoveProgress& progress) { ++progress.start_overs; });
  target_->change([&](pqxx::work& transaction) { unsubscribe(transaction, entry_.forward()); });
  drop_replication_slot(*source_, entry_.forward());
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

}  // namespace shardplex::operations
