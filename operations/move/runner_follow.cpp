// Steps of a move while its copy follows the source: catching up, by markers, and comparing all rows.
#include <algorithm>
#include <chrono>
#include <thread>

#include "operations/move/duplicates.hpp"
#include "operations/move/objects.hpp"
#include "operations/move/runner.hpp"
#include "query/plan/owned_slots.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

using std::chrono::milliseconds;

/// A lag at which a fence is worth its while at once, and how often one is hoped for.
constexpr std::chrono::duration<double> good_lag{0.02};
constexpr int rounds_for_good_lag = 20;
constexpr int differences_told = 10;

}  // namespace

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
  throw MoveStopped(
      "shard " + way.to.name() + " cannot apply the changes of " + way.from.name() + " (subscription " +
      way.name + "); its PostgreSQL log says why" +
      doubled_on_both(map_, entry_.group, entry_.slots, way.from.conninfo(), way.to.conninfo()) +
      ". Then: shardplex rebalance resume, or " + (entry_.phase == Phase::reversing ? "finish" : "abort"));
}

/// Before the first comparison the copy's tables are analysed, while what changed meanwhile flows in.
void MoveRunner::catch_up(const Way& way) {
  if (!assurance_.verified) analyse(way.to);
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

/// Whoever is to own the rows has to know how many they are before the first client asks: autovacuum comes a
/// minute later, and a plan made as if a table were empty may take seconds.
void MoveRunner::analyse(MoveSite& site) {
  auto names = std::vector<std::string>{std::string(slots_table)};
  for (const auto& table : tables_) names.push_back(qualified_name(table));
  site.assert_mover();
  for (const auto& name : names) try {
      site.look([&](auto& transaction) {
        transaction.exec("SET lock_timeout = '5s'");
        transaction.exec("ANALYZE " + name);
      });
      check();
    } catch (const pqxx::sql_error& error) {
      if (error.sqlstate() != sqlstate_lock_timeout) throw;  // somebody vacuums it, which analyses it soon
    }
  site.look([](auto& transaction) { transaction.exec("SET lock_timeout = 0"); });
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

}  // namespace shardplex::operations
