// Steps of a move that hand slots over, forth and back, and that take a hand-over back which a failover has
// undone.
#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "operations/move/facts.hpp"
#include "operations/move/objects.hpp"
#include "operations/move/routers.hpp"
#include "operations/move/runner.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/replication/replicas.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/place_guard.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::operations {
namespace {

using std::chrono::milliseconds;

constexpr int most_cutovers = 10;
/// How much longer than --max-pause a fence may stand before anybody may end it.
constexpr milliseconds lease_beyond_pause{3000};
/// How soon after the look at the shard that has handed over the other one has to own the slots. A server
/// that takes over from the former and has forgotten the hand-over comes with the fence, and routers leave a
/// fence alone for longer than this after they have first seen it (fence_patience in router_report.cpp).
constexpr milliseconds own_within{3500};
constexpr const char* commit_at_once =
    "SET LOCAL idle_in_transaction_session_timeout = '500ms'";  // of a mover that stands still before COMMIT

std::string clock_of(MoveSite& site) {
  return site.look([](auto& transaction) {
    return transaction.exec1("SELECT clock_timestamp()::text")[0].template as<std::string>();
  });
}

std::string flushed_lsn(MoveSite& site) {
  return site.look([](auto& transaction) { return operations::flushed_lsn(transaction); });
}

/// The fence of the move on this shard may be ended by anybody when the lease is over; nullopt: there is no
/// fence any more.
void note_fence(pqxx::work& transaction, const std::string& id, std::optional<milliseconds> lease) {
  if (lease)
    transaction.exec_params(
        "UPDATE shardplex.moves SET fenced_at = clock_timestamp(), "
        "fence_until = clock_timestamp() + $2 * interval '1 millisecond' WHERE id = $1",
        id, lease->count());
  else
    transaction.exec_params("UPDATE shardplex.moves SET fenced_at = NULL, fence_until = NULL WHERE id = $1",
                            id);
}

}  // namespace

void MoveRunner::change_slots(pqxx::work& transaction, std::string_view function) {
  transaction.exec_params("SELECT shardplex." + std::string(function) + "($1, $2::integer[])", entry_.group,
                          array_literal(entry_.slots));
}

/// Before slots are handed over: every router that lives has to route to the target. Not before they are
/// given back, which is the way out where one does not.
void MoveRunner::require_routers() {
  const auto tables = tables_of_group(map_, entry_.group);
  const auto until = Clock::now() + options_.patience;
  while (true) {
    std::string reason;
    for (const auto& router : source_->look([](auto& transaction) { return read_live_routers(transaction); }))
      if (auto what = objection(router, entry_.target, tables)) reason = *std::move(what);
    if (reason.empty()) break;
    if (Clock::now() > until)
      throw MoveStopped(
          reason + "; writes were never held up. When that is mended: shardplex rebalance resume, or abort");
    report_trouble(reason);
    check();
    std::this_thread::sleep_for(milliseconds(200));
  }
  report_trouble("");
}

/// A trigger on a row that stays may write one into a slot that moves, after the fence. rebalance check has
/// looked for this before the move began, which may be days ago.
void MoveRunner::require_guards(const Way& way) {
  const auto problems = way.from.look([&](auto& transaction) {
    return missed_guards(transaction, map_, tables_of_group(map_, entry_.group));
  });
  if (!problems.empty())
    throw MoveStopped(way.from.name() + ": " + joined(problems, "; ") +
                      ", then shardplex rebalance resume. Writes were never held up");
}

void MoveRunner::fence(const Way& way) {
  require_guards(way);
  // Servers that took over meanwhile are found now, not while writes wait.
  primary_since_ = clock_of(way.to);
  primary_found_ = Clock::now();
  source_->find_again();
  target_->find_again();
  meet_replicas(way.from);
  report([](MoveProgress& progress) { ++progress.cutover_attempts; });
  assurance_.drained = false;
  pause_began_ =
      Clock::now();  // writes are held up as soon as the lock is asked for, also where it is not had
  with_lock_timeout(way.from, [&](pqxx::work& transaction) {
    fenced_at_ = Clock::now();
    fence_marker_ = operations::raise_marker(transaction, way.name);
    change_slots(transaction, "fence_slots");
    note_fence(transaction, entry_.id, options_.max_pause + lease_beyond_pause);
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
  if (!assurance_.drained) retry_cutover_later(way.from);
}

/// The fence was not this mover's any more when it came back to it, as after it had hung: writes went on.
void MoveRunner::fence_was_ended() {
  paused_by_fence_ = false;
  assurance_.caught_up = assurance_.drained = false;
  count_failed_cutover();
}

/// Lets writes in again, to try the hand-over later.
void MoveRunner::retry_cutover_later(MoveSite& from) {
  unfence(from);
  count_failed_cutover();
}

void MoveRunner::count_failed_cutover() {
  if (++failed_cutovers_ >= most_cutovers)
    throw MoveStopped("the hand-over did not come to its end within " +
                      std::to_string(options_.max_pause.count()) + " ms of the fence in " +
                      std::to_string(most_cutovers) +
                      " attempts; writes go on where they were. Try again when there is less load: shardplex "
                      "rebalance resume");
  std::this_thread::sleep_for(failed_cutovers_ * milliseconds(200));
}

void MoveRunner::unfence(MoveSite& site) {
  with_lock_timeout(site, [&](pqxx::work& transaction) {
    change_slots(transaction, "unfence_slots");
    note_fence(transaction, entry_.id, std::nullopt);
  });
  paused_by_fence_ = false;
  assurance_.caught_up = assurance_.drained = false;
}

void MoveRunner::note_pause() {
  paused_by_fence_ = false;
  const std::chrono::duration<double, std::milli> pause = Clock::now() - pause_began_;
  // Taken up from a mover that died, it is not known when the pause began.
  if (pause_began_ != Clock::time_point{})
    report([&](MoveProgress& progress) { progress.write_pause_ms = pause.count(); });
}

void MoveRunner::hand_over() {
  const bool done =
      with_lock_timeout_until(*source_, fenced_at_ + options_.max_pause, [&](pqxx::work& transaction) {
        // Only slots that are still fenced can be handed over: a fence whose lease was ended meanwhile is
        // not.
        change_slots(transaction, "hand_over_slots");
        note_fence(transaction, entry_.id, std::nullopt);
        set_phase(transaction, entry_.id, Phase::switching);
      });
  if (!done) retry_cutover_later(*source_);
}

/// Until the connected replicas of `site` have all of its WAL up to `lsn`; false where they do not get there
/// by then.
bool MoveRunner::await_replicas(MoveSite& site, const std::string& lsn, Clock::time_point until) {
  while (!site.look([&](auto& transaction) { return replicas_have(transaction, lsn); })) {
    if (Clock::now() >= until) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

/// Every replica that the map names is connected and has it: whichever of them takes over knows of it. One
/// that is not connected may have taken over already, so none that the map does not name stands in for it.
bool MoveRunner::all_replicas_have(MoveSite& site, const std::string& lsn) {
  if (replicas_.size() != site.replicas()) return false;
  return site.look([&](auto& transaction) {
    return std::ranges::includes(replicas_known_to_have(transaction, lsn), replicas_);
  });
}

/// The connections of the replicas that the map names; none where somebody else is connected too, or one of
/// them is not.
void MoveRunner::meet_replicas(MoveSite& site) {
  replicas_ = site.look([](auto& transaction) { return replicas_connected(transaction); });
  if (!site.all_followed() || replicas_.size() != site.replicas()) replicas_.clear();
}

/// Before the last copy of something goes: a failover must not bring back a past in which it was the only
/// one.
void MoveRunner::require_replicas(MoveSite& site) {
  if (!await_replicas(site, flushed_lsn(site), Clock::now() + options_.patience))
    throw MoveStopped("a replica of " + site.name() +
                      " is behind, and would not know of the move if it took over; when "
                      "it has caught up: shardplex rebalance resume");
}

/// By the clock of `way.to`: when `way.from` was last known to be the primary of its shard, and did not claim
/// the slots from then on. Known from before the fence, or looked at anew. nullopt: it does claim them, since
/// the server that took over has forgotten the hand-over, and may have taken writes.
std::optional<std::string> MoveRunner::see_handed_over(const Way& way) {
  // A replica that took over and did not know of the hand-over would take writes to the slots. One that is
  // far behind is not waited for: clients wait too.
  const auto handed_over = flushed_lsn(way.from);
  await_replicas(way.from, handed_over, Clock::now() + options_.max_pause / 4);
  auto seen_at = std::exchange(primary_since_, std::nullopt);
  if (!seen_at || Clock::now() - primary_found_ > own_within / 2 ||
      !all_replicas_have(way.from, handed_over)) {
    seen_at = clock_of(way.to);
    way.from.find_again();
    const auto slots =
        way.from.look([&](auto& transaction) { return read_target_facts(transaction, entry_); }).shard.slots;
    if (!slots || *slots == SlotState::owned || *slots == SlotState::fenced) return std::nullopt;
  }
  crash_point("own:handed_over_seen");
  return seen_at;
}

/// Last in the transaction by which a shard owns the slots: not when the mover has stood still for long.
void MoveRunner::require_seen_lately(pqxx::work& transaction, const std::string& seen_at) {
  transaction.exec(commit_at_once);
  const bool lately =
      transaction
          .exec_params1("SELECT clock_timestamp() < $1::timestamptz + $2 * interval '1 millisecond'", seen_at,
                        own_within.count())[0]
          .as<bool>();
  if (!lately)
    throw CommandFailed("the hand-over was seen too long ago to build on it, and is looked at again");
}

void MoveRunner::own() {
  const auto seen_at = see_handed_over(forward());
  if (!seen_at) return;
  target_->change([&](pqxx::work& transaction) {
    change_slots(transaction, "own_slots");
    transaction.exec_params(
        "UPDATE shardplex.moves SET reverse_from = pg_current_wal_insert_lsn() WHERE id = $1", entry_.id);
    require_seen_lately(transaction, *seen_at);
  });
  note_pause();
}

void MoveRunner::hand_back() {
  const bool done =
      with_lock_timeout_until(*target_, fenced_at_ + options_.max_pause, [&](pqxx::work& transaction) {
        change_slots(transaction, "hand_over_slots");
        note_fence(transaction, entry_.id, std::nullopt);
      });
  if (!done) retry_cutover_later(*target_);
}

void MoveRunner::own_source() {
  const auto seen_at = see_handed_over(reverse());
  if (!seen_at) return;
  with_lock_timeout(*source_, [&](pqxx::work& transaction) {
    change_slots(transaction, "receive_slots");
    change_slots(transaction, "own_slots");
    set_phase(transaction, entry_.id, Phase::returning);
    require_seen_lately(transaction, *seen_at);
  });
  note_pause();
}

void MoveRunner::release_on_source() {
  with_lock_timeout(*source_, [&](pqxx::work& transaction) {
    if (read_source_facts(transaction, entry_).shard.slots == SlotState::owned)
      change_slots(transaction, "fence_slots");
    change_slots(transaction, "hand_over_slots");
    note_fence(transaction, entry_.id, std::nullopt);
    set_phase(transaction, entry_.id, Phase::switching);
  });
}

void MoveRunner::release_on_target() {
  with_lock_timeout(*target_, [&](pqxx::work& transaction) {
    if (read_target_facts(transaction, entry_).shard.slots == SlotState::owned)
      change_slots(transaction, "fence_slots");
    change_slots(transaction, "hand_over_slots");
    note_fence(transaction, entry_.id, std::nullopt);
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

}  // namespace shardplex::operations
