// The reversal of an import: back to the source, with all that was written to the shards.
#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "operations/import/compare.hpp"
#include "operations/import/follow.hpp"
#include "operations/import/run.hpp"
#include "operations/import/way_back.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto tick = 50ms;
constexpr auto longest_pause = 30s;  // of the shards' writers
constexpr int lease_seconds = 60;    // of the fences, where this process dies or hangs
constexpr int most_rounds = 10;      // of looking at rows that differ while they change
constexpr std::size_t most_named = 10;

constexpr const char* fence_sql = R"sql(
SELECT shardplex.fence_slots(grp, array_agg(slot ORDER BY slot)) FROM shardplex.slots WHERE state = 'owned' GROUP BY grp)sql";
constexpr const char* hand_over_sql = R"sql(
SELECT shardplex.hand_over_slots(grp, array_agg(slot ORDER BY slot)) FROM shardplex.slots WHERE state <> 'moved' GROUP BY grp)sql";
// While an import may be reversed nothing else moves slots, so all that are moved or fenced are of its
// reversal.
constexpr const char* take_back_sql = R"sql(
SELECT shardplex.change_slots(grp, array_agg(slot ORDER BY slot), ARRAY['fenced', 'moved'], 'owned')
  FROM shardplex.slots WHERE state IN ('fenced', 'moved') GROUP BY grp)sql";

std::vector<ImportTable> reference_tables(const std::vector<ImportTable>& tables) {
  std::vector<ImportTable> reference;
  std::ranges::copy_if(tables, std::back_inserter(reference),
                       [](const ImportTable& table) { return !table.sharding; });
  return reference;
}

}  // namespace

void ImportRunner::require_way_back() {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    const auto way = way_back_of(*sites_[i]);
    if (!way) continue;  // a shard that was added later owns nothing
    sites_[i]->look([&](pqxx::transaction_base& transaction) {
      for (const auto& problem : problems_of_published(transaction, way->name, tables_back(tables_, i == 0)))
        problems.push_back(sites_[i]->name() + ": " + problem);
    });
    pqxx::nontransaction transaction(origin_->connection());
    for (const auto& problem : problems_of_subscribed(transaction, way->name))
      problems.push_back("the source: " + problem);
  }
  if (problems.empty()) return;
  problems.emplace_back(
      "the way back is broken, and a reversal would lose what was written since the cutover");
  throw CommandFailed(std::move(problems));
}

/// Until the source has on its disk what was committed on the shards before the call.
void ImportRunner::await_source(Clock::time_point deadline) {
  for (auto& site : sites_) {
    const auto way = way_back_of(*site);
    if (!way) continue;
    const Lsn wanted = position_of(*site);
    for (;;) {
      const WayBackState state = site->look(
          [&](pqxx::transaction_base& transaction) { return read_way_back_state(transaction, way->name); });
      if (state.confirmed >= wanted) break;
      advance_.lag_bytes = state.lag_bytes;
      watch_(advance_);
      if (Clock::now() >= deadline)
        throw CommandFailed(site->name() +
                            ": the source does not catch up: " + std::to_string(state.lag_bytes) +
                            " bytes are not applied there, and its log says why; 'import status' tells more");
      std::this_thread::sleep_for(tick);
    }
  }
}

/// Rows that differ, of those that are given.
std::set<TouchedRow> ImportRunner::differing(ImportComparison& comparison, const std::set<TouchedRow>& rows,
                                             std::vector<std::string>* told) {
  const auto on_source = comparison.look_at_source(rows);
  const auto on_shards = comparison.look_at_shards(rows);
  std::set<TouchedRow> differ;
  for (const auto& row : rows)
    if (const auto difference = comparison.difference(row, on_source, on_shards)) {
      differ.insert(row);
      if (told != nullptr && told->size() < most_named) told->push_back(*difference);
    }
  return differ;
}

/// To the source that takes writes again. Returns how long writes waited.
std::chrono::milliseconds ImportRunner::reverse_once() {
  std::vector<std::string> shards;
  for (const auto& site : sites_) shards.push_back(site->conninfo());
  const auto patience = std::chrono::duration_cast<Clock::duration>(options_.patience);
  require_way_back();
  await_source(Clock::now() + patience);
  ImportComparison comparison(origin_->conninfo(), shards, tables_);
  auto open = comparison.find_suspects([&](std::uint64_t rows) {
    advance_.rows_compared += rows;
    watch_(advance_);
  });
  for (int round = 0; !open.empty() && round < most_rounds; ++round) {
    await_source(Clock::now() + patience);
    open = differing(comparison, open, nullptr);
  }
  enter(ImportPhase::reversing);
  crash_point("import_reversing");
  fence_reference_tables();
  const auto fenced_at = Clock::now();
  fence_shards();
  crash_point("import_shards_fenced");
  await_source(fenced_at + longest_pause);
  std::vector<std::string> told;
  if (!differing(comparison, open, &told).empty()) {
    told.emplace_back("the source is not what the shards are; the reversal is refused");
    throw CommandFailed(std::move(told));
  }
  bring_sequences_back();
  hand_back();
  // The shards can send nothing more, and the source has what they sent.
  origin_->lower_fence();
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - fenced_at);
}

/// Only loads write to reference tables. They get the trigger that the source has.
void ImportRunner::fence_reference_tables() {
  const auto reference = reference_tables(tables_);
  if (reference.empty()) return;
  for (auto& site : sites_) ImportOrigin(site->conninfo(), entry_.id).raise_fence(reference);
}

/// Waits for writers.
void ImportRunner::fence_shards() {
  for (auto& site : sites_) try {
      site->change([&](pqxx::work& transaction) {
        transaction.exec("SET LOCAL lock_timeout = '2s'");
        transaction.exec(fence_sql);
        transaction.exec_params(
            "UPDATE shardplex.imports SET fence_until = clock_timestamp() + make_interval(secs => $2) "
            "WHERE id = $1",
            entry_.id, lease_seconds);
      });
    } catch (const pqxx::sql_error& error) {
      if (error.sqlstate() != sqlstate_lock_timeout) throw;
      throw CommandFailed(site->name() +
                          ": writers do not end, such as those of a load, so its slots cannot be fenced");
    }
}

/// The point of no return is the commit on the first shard, once all others have handed over.
/// hand_over_slots() refuses slots whose fence was ended.
void ImportRunner::hand_back() {
  for (std::size_t i = sites_.size(); i-- > 0;) {
    sites_[i]->change([&](pqxx::work& transaction) {
      transaction.exec(hand_over_sql);
      transaction.exec_params("UPDATE shardplex.imports SET fence_until = NULL WHERE id = $1", entry_.id);
      if (i == 0) write_phase(transaction, entry_.id, ImportPhase::returning);
    });
    crash_point(i == 0 ? "import_returned" : "import_handed_back");
  }
  entry_.phase = advance_.phase = ImportPhase::returning;
}

/// Lets the shards' writers in again. The first shard comes before all others: what is decided by the commit
/// that gives its slots away cannot be taken back, and while it is not known no other may be opened. Of those
/// that follow, one that fails does not keep the next ones closed.
void ImportRunner::take_back() {
  std::exception_ptr failed;
  for (auto& site : sites_) try {
      site->find_again();
      site->change([&](pqxx::work& transaction) {
        transaction.exec_params("UPDATE shardplex.imports SET fence_until = NULL WHERE id = $1", entry_.id);
        if (site == sites_.front() && read_import(transaction).value().phase != ImportPhase::reversing)
          throw CommandFailed("the reversal was decided after all; run import reverse again");
        transaction.exec(take_back_sql);
      });
      ImportOrigin(site->conninfo(), entry_.id).lower_fence();
      crash_point("import_taken_back");
    } catch (const std::exception&) {
      if (site == sites_.front()) throw;
      if (!failed) failed = std::current_exception();
    }
  if (failed) std::rethrow_exception(failed);
  enter(ImportPhase::reversible);
}

ImportReport ImportRunner::reverse() try {
  ImportReport report;
  report.id = entry_.id;
  if (entry_.phase == ImportPhase::reversing) take_back();  // died under the fence
  if (entry_.phase != ImportPhase::reversible && entry_.phase != ImportPhase::returning)
    throw CommandFailed("there is no way back: the import is " + std::string(to_string(entry_.phase)));
  read_tables();
  if (entry_.phase == ImportPhase::reversible) try {
      report.write_pause = reverse_once();
    } catch (const std::exception&) {
      // The commit that decides may have been made though its answer was lost.
      sites_.front()->find_again();
      entry_.phase = advance_.phase = phase();
      if (entry_.phase == ImportPhase::reversing) take_back();
      if (entry_.phase != ImportPhase::returning) throw;
    }
  origin_->lower_fence();
  close_way_back();
  enter(ImportPhase::returned);
  report.advance = advance_;
  return report;
} catch (const CommandFailed& failure) {
  note_problem(failure.problems.front());
  throw;
} catch (const std::exception& error) {
  note_problem(reason_of(error));
  throw;
}

}  // namespace shardplex::operations
