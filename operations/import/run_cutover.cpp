// The cutover of an import: from the fence on the source to slots that the shards own.
#include <algorithm>
#include <chrono>
#include <future>

#include "operations/import/baseline.hpp"
#include "operations/import/follow.hpp"
#include "operations/import/run.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/sequence_strides.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_pause = 30s;  // of the source's writers; then they are let in again

}  // namespace

/// What the source has got since the shards' tables were made, and would not be on the shards.
void ImportRunner::check_since_beginning() {
  if (entry_.baseline.empty()) return;
  pqxx::read_transaction transaction(origin_->connection());
  ImportBaseline before = parse_baseline(entry_.baseline);
  const ImportBaseline now = read_baseline(transaction, map_);
  std::vector<std::string> problems;
  for (const auto& loss : losses_since(before, now, options_.accepted))
    problems.push_back("since the import began: " + to_text(loss));
  if (problems.empty()) return note_references(std::move(before), now);
  problems.emplace_back("undo that, accept it by --allow and its name, or abort the import and begin again");
  throw CommandFailed(std::move(problems));
}

/// Also foreign keys that were accepted later are known of afterwards.
void ImportRunner::note_references(ImportBaseline before, const ImportBaseline& now) {
  const auto known = before.references.size();
  for (const auto& reference : now.references)
    if (std::ranges::find(before.references, reference) == before.references.end())
      before.references.push_back(reference);
  if (before.references.size() == known) return;
  entry_.baseline = to_json(before);
  for (auto& site : sites_)
    site->change([&](pqxx::work& work) {
      work.exec_params("UPDATE shardplex.imports SET baseline = $2::jsonb WHERE id = $1", entry_.id,
                       entry_.baseline);
    });
}

void ImportRunner::cut_over(ImportReport& report) {
  enter(ImportPhase::fence);
  crash_point("import_fencing");
  try {
    const Lsn end = raise_fence();
    const auto fenced_at = Clock::now();
    crash_point("import_fenced");
    follower_->catch_up(end, fenced_at + longest_pause);
    follower_->compare_rest();
    crash_point("import_drained");
    set_sequences();
    if (entry_.way_back) note_way_back();
    // A replica that takes over after the decision must lack nothing: nobody brings it any more.
    for (auto& site : sites_) await_replicas(*site, Replicas::connected, fenced_at + longest_pause);
    decide();
    report.write_pause = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - fenced_at);
  } catch (const std::exception&) {
    // The commit that decides may have been made though its answer was lost. Until that is found out, the
    // fence stays.
    sites_.front()->find_again();
    if (phase() == ImportPhase::own) {
      entry_.phase = advance_.phase = ImportPhase::own;
      return;
    }
    origin_->lower_fence();
    enter(ImportPhase::follow);
    throw;
  }
}

/// Follows while it waits for the source's locks, so that little is left to do when it has them.
Lsn ImportRunner::raise_fence() {
  ImportOrigin fence(origin_->conninfo(), entry_.id);
  auto raised = std::async(std::launch::async, [&] { return fence.raise_fence(tables_); });
  while (raised.wait_for(0s) != std::future_status::ready) follower_->follow_for(10ms);
  return raised.get();
}

/// The point of no return: one commit on the first shard.
void ImportRunner::decide() {
  sites_.front()->change([&](pqxx::work& transaction) {
    own_slots_on(transaction);
    write_phase(transaction, entry_.id, ImportPhase::own);
  });
  crash_point("import_decided");
  entry_.phase = advance_.phase = ImportPhase::own;
}

/// Sequences go on where the source's stand: each shard counts for itself from there, and those whose values
/// have to be unique over all shards are set apart.
void ImportRunner::set_sequences() {
  const auto positions = origin_->sequences(tables_);
  for (auto& site : sites_)
    site->change([&](pqxx::work& transaction) {
      for (const auto& position : positions)
        transaction.exec_params("SELECT setval(to_regclass($1), $2, $3) WHERE to_regclass($1) IS NOT NULL",
                                position.name, position.last_value, position.is_called);
    });
  separate_sequences_on({});
}

void ImportRunner::separate_sequences_on(std::vector<pqxx::transaction_base*> open) {
  if (open.size() == sites_.size()) {
    separate_sequences(open, map_, Separate::all);
    return;
  }
  sites_[open.size()]->change([&](pqxx::work& transaction) {
    // It waits while the others are read: as long as writers may be kept waiting, not as long as a mover's
    // may.
    transaction.exec("SET LOCAL idle_in_transaction_session_timeout = '30s'");
    open.push_back(&transaction);
    separate_sequences_on(open);
  });
}

void ImportRunner::own_slots() {
  // A failover of the first shard to a replica without the decision has the source opened again, so until
  // then no other shard takes writes.
  await_replicas(*sites_.front(), Replicas::connected, Clock::now() + patience());
  for (auto& site : sites_) {
    site->change([&](pqxx::work& transaction) { own_slots_on(transaction); });
    crash_point("import_owned");
  }
}

void ImportRunner::own_slots_on(pqxx::transaction_base& transaction) {
  transaction.exec(own_incoming_slots_sql);
}

void ImportRunner::finish() {
  follower_.reset();
  remove_from_source();
  if (entry_.way_back)
    open_way_back();
  else
    enter(ImportPhase::done);
}

void ImportRunner::remove_from_source() {
  origin_->drop_replication_slot();
  crash_point("import_replication_slot_dropped");
  origin_->unpublish();
  origin_->restore_identities(entry_.identities);
}

}  // namespace shardplex::operations
