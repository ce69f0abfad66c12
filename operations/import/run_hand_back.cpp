// Ownership from the shards to the source, when an import is reversed: fences, the hand-over, and back where
// it cannot be completed. Exactly one side takes writes, whatever dies or is promoted.
#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "operations/import/follow.hpp"
#include "operations/import/run.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/replication/replicas.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/slots.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto tick = 5ms;         // writers wait
constexpr int lease_seconds = 60;  // of the fences, where this process dies or hangs

constexpr const char* schema_remains_sql = "SELECT to_regnamespace('shardplex_import') IS NOT NULL";

std::vector<ImportTable> reference_tables(const std::vector<ImportTable>& tables) {
  std::vector<ImportTable> reference;
  std::ranges::copy_if(tables, std::back_inserter(reference),
                       [](const ImportTable& table) { return !table.sharding; });
  return reference;
}

}  // namespace

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
        transaction.exec(fence_owned_slots_sql);
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

/// Until replicas of the shard have on their disks what was committed there before the call, so that
/// whichever of them takes over knows of it. `all`: those that the map names; one that is not connected may
/// be about to take over, so it is not waited for.
void ImportRunner::await_replicas(MoveSite& site, Replicas which, Clock::time_point deadline) {
  const auto lsn = site.look([](pqxx::transaction_base& transaction) { return flushed_lsn(transaction); });
  const std::size_t wanted = which == Replicas::all ? site.replicas() : 0;
  const auto following =
      site.look([](pqxx::transaction_base& transaction) { return replicas_connected(transaction).size(); });
  if (wanted > 0 && following > wanted)
    throw CommandFailed(site.name() + ": " + std::to_string(following) +
                        " servers follow it, and the map names " + std::to_string(wanted) +
                        ": whether those are among them cannot be told; put all of them into the map "
                        "('cluster add-replica'), or stop the others");
  const auto have = [&](pqxx::transaction_base& transaction) {
    return replicas_have(transaction, lsn) && replicas_known_to_have(transaction, lsn).size() >= wanted;
  };
  while (!site.look(have)) {
    const auto connected =
        site.look([](pqxx::transaction_base& transaction) { return replicas_connected(transaction).size(); });
    if (connected < wanted)
      throw CommandFailed(site.name() + ": " + std::to_string(connected) + " of its " +
                          std::to_string(wanted) +
                          " replicas follow it, and one that took over later would know nothing of the "
                          "reversal, and take writes beside the source; start those that are down, or take "
                          "them out of the map: 'cluster remove-replica'");
    if (Clock::now() >= deadline)
      throw CommandFailed(site.name() +
                          ": a replica is behind, and would not know what was decided if it took over");
    std::this_thread::sleep_for(tick);
  }
}

/// The first shard comes last: once it has handed over, all others have, on all of their servers. Its commit
/// decides where this process dies. hand_over_slots() refuses slots whose fence was ended.
void ImportRunner::hand_back(Clock::time_point deadline) {
  // A server that takes over from here on knows at least of the fence, and the first shard's of the reversal.
  for (auto& site : sites_) await_replicas(*site, Replicas::all, deadline);
  for (std::size_t i = sites_.size(); i-- > 0;) {
    sites_[i]->change([&](pqxx::work& transaction) {
      transaction.exec(hand_over_all_slots_sql);
      transaction.exec_params("UPDATE shardplex.imports SET fence_until = NULL WHERE id = $1", entry_.id);
      if (i == 0) write_phase(transaction, entry_.id, ImportPhase::returning);
    });
    crash_point(i == 0 ? "import_returned" : "import_handed_back");
    if (i > 0) await_replicas(*sites_[i], Replicas::all, deadline);
  }
  entry_.phase = advance_.phase = ImportPhase::returning;
  watch_(advance_);
}

/// Lets the source's writers in, in phase `returning`. No server of the first shard may have forgotten that:
/// one that took over without it would have routers end its fence.
void ImportRunner::open_source(Clock::time_point deadline) {
  await_replicas(*sites_.front(), Replicas::all, deadline);
  is_under_way_ = false;
  origin_->lower_fence();
  crash_point("import_source_opened");
}

/// A reversal has left slots or tables of a shard closed, though the first shard has forgotten it.
bool ImportRunner::has_remains() {
  const auto remains = [](pqxx::transaction_base& transaction) {
    return transaction.exec1(schema_remains_sql)[0].as<bool>() ||
           transaction.exec1(lacks_slots_sql)[0].as<bool>();
  };
  return std::ranges::any_of(sites_, [&](const auto& site) { return site->look(remains); });
}

/// Lets the shards' writers in again, where the source has not been opened: this process would know, and in
/// phase `reversing` no other has. The first shard comes before all others, and says so. Of those that
/// follow, one that fails does not keep the next ones closed.
void ImportRunner::take_back() {
  if (!is_under_way_ && origin_ && !origin_->has_fence())
    throw CommandFailed(
        "the source takes writes, though no reversal of the import was decided: somebody has dropped its "
        "schema shardplex_import, or the first shard has been replaced by a server that is not in the map. "
        "The shards stay as they are; see which side has what is right, then 'import finish "
        "--source-is-gone' keeps that of the shards");
  std::exception_ptr failed;
  for (auto& site : sites_) try {
      site->find_again();
      site->change([&](pqxx::work& transaction) {
        transaction.exec_params("UPDATE shardplex.imports SET fence_until = NULL WHERE id = $1", entry_.id);
        if (site == sites_.front()) {
          if (!is_under_way_ && read_import(transaction).value().phase == ImportPhase::returning)
            throw CommandFailed("the reversal was decided after all; run import reverse again");
          write_phase(transaction, entry_.id, ImportPhase::reversing);
        }
        // While an import may be reversed nothing else moves slots, so all that are moved or fenced are of
        // its reversal.
        transaction.exec(take_back_slots_sql);
      });
      ImportOrigin(site->conninfo(), entry_.id).lower_fence();
      crash_point("import_taken_back");
    } catch (const std::exception&) {
      if (site == sites_.front()) throw;
      if (!failed) failed = std::current_exception();
    }
  if (failed) std::rethrow_exception(failed);
  if (sites_.size() < map_.shards().size()) require_all_reached();
  is_under_way_ = false;
  enter(ImportPhase::reversible);
}

/// Phase `returning` is entered when all shards have given up their slots, on all their servers. Where one
/// owns some, they were taken back later, and a server that lacks this took over as the first shard.
void ImportRunner::complete_take_back() {
  const auto names = owners();
  if (names.empty()) return;
  if (!origin_->has_fence())
    throw CommandFailed("the source takes writes, and " + joined(names) +
                        " owns slots all the same: see which side has what is right, then 'import finish "
                        "--source-is-gone' keeps that of the shards");
  is_under_way_ = true;
  take_back();
}

}  // namespace shardplex::operations
