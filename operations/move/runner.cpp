#include "operations/move/runner.hpp"

#include <array>
#include <thread>

#include "operations/move/facts.hpp"
#include "operations/move/objects.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

/// SQLSTATE classes of what passes by itself: lost connections, servers that stop or start, too little of
/// something, locks, deadlocks.
bool is_passing(std::string_view sqlstate) {
  if (sqlstate == "25P03") return true;  // this process hung within a transaction, and the server ended it
  static constexpr std::array<std::string_view, 6> classes = {"", "08", "40", "53", "55", "57"};
  const auto sqlstate_class = sqlstate.substr(0, 2);
  return std::ranges::find(classes, sqlstate_class) != classes.end();
}

}  // namespace

MoveRunner::MoveRunner(const ShardMap& map, MoveEntry entry, Mover& mover, MoveBoard& board, RateLimit& rate,
                       const RunnerOptions& options)
    : map_(map), entry_(std::move(entry)), mover_(mover), board_(board), rate_(rate), options_(options) {}

void MoveRunner::run() {
  board_.put(entry_);
  board_.update(entry_.id, [](MoveBoard::Line& line) { line.running = true; });
  const auto end = [&](const std::string& problem) {
    board_.update(entry_.id, [&](MoveBoard::Line& line) {
      line.running = false;
      line.entry.problem = problem;
    });
  };
  try {
    run_steps();
    end("");
  } catch (const MoveStopped& stopped) {
    record_problem(stopped.what());
    end(stopped.what());
    throw;
  } catch (const std::exception& error) {
    end(error.what());
    throw;
  }
}

void MoveRunner::run_steps() {
  while (true) {
    try {
      connect();
      const MoveFacts facts = look();
      if (apply_desired_state()) continue;
      const auto next = next_step(entry_.phase, facts);
      if (const auto* stuck = std::get_if<Stuck>(&next)) throw MoveStopped(stuck->reason);
      const Step step = std::get<Step>(next);
      report([&](MoveProgress& progress) { progress.step = step; });
      if (step == Step::rest && !(options_.finish && entry_.phase == Phase::reversible))
        return write_progress();
      if (step == Step::rest) {
        source_->change(
            [&](pqxx::work& transaction) { set_phase(transaction, entry_.id, Phase::finishing); });
        continue;
      }
      const std::string name(to_string(step));
      crash_point("before:" + name);
      perform(step);
      crash_point("after:" + name);
      trouble_since_.reset();
    } catch (const LookAgain&) {
      assurance_ = {};
    } catch (const pqxx::sql_error& error) {
      if (error.sqlstate() == sqlstate_not_mover) throw MoverReplaced(reason_of(error));
      if (error.sqlstate() == sqlstate_wrong_state && paused_by_fence_) {
        fence_was_ended();
        continue;
      }
      if (!is_passing(error.sqlstate())) throw MoveStopped(reason_of(error));
      reconnect_after(reason_of(error));
    } catch (const pqxx::failure& error) {
      reconnect_after(reason_of(error));
    } catch (const SqlFailure& error) {
      if (error.sqlstate == sqlstate_not_mover) throw MoverReplaced(error.what());
      if (!is_passing(error.sqlstate)) throw MoveStopped(error.what());
      reconnect_after(error.what());
    } catch (const MoverReplaced&) {
      throw;
    } catch (const CommandFailed& error) {  // a shard has no primary
      reconnect_after(error.what());
    }
  }
}

/// Lets writes in again, waits a little and connects anew. What this mover had made sure of, it has to make
/// sure of again.
void MoveRunner::reconnect_after(const std::string& trouble) {
  const auto now = Clock::now();
  if (!trouble_since_) trouble_since_ = now;
  let_writes_in();
  primary_since_.reset();
  std::string reason = trouble;
  for (auto* site : {source_.get(), target_.get()}) try {
      if (site != nullptr) site->find_again();
    } catch (const MoverReplaced&) {
      throw;
    } catch (const std::exception& error) {
      reason = error.what();  // says which shard has no primary, and why
    }
  if (now - *trouble_since_ > options_.patience)
    throw MoveStopped(one_line(reason) + "; when that is mended: shardplex rebalance resume");
  report_trouble(one_line(reason));
  try {
    if (source_) write_progress();
  } catch (const std::exception&) {
    // It is the source that is gone, and with it where others would read of it.
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  assurance_ = {};
  apply_errors_.reset();
}

/// What holds the move up for now, "" for nothing. It goes on by itself, or gives up after a while.
void MoveRunner::report_trouble(const std::string& trouble) {
  report([&](MoveProgress& progress) {
    progress.trouble = trouble;
    progress.gives_up_in_seconds.reset();
    if (!trouble.empty() && trouble_since_)
      progress.gives_up_in_seconds =
          std::chrono::duration<double>(*trouble_since_ + options_.patience - Clock::now()).count();
  });
}

/// Where one shard is gone while the slots are fenced on the other: clients must not wait for it to come
/// back. After the hand-over there is no fence any more that could be taken back.
void MoveRunner::let_writes_in() try {
  if (!source_) return;
  const auto source =
      source_->look([&](auto& transaction) { return read_source_facts(transaction, entry_); });
  if (source.phase == Phase::moving && source.shard.slots == SlotState::fenced) unfence(*source_);
  if (source.phase != Phase::reversing || !target_) return;
  const auto target =
      target_->look([&](auto& transaction) { return read_target_facts(transaction, entry_); });
  if (target.shard.slots == SlotState::fenced) unfence(*target_);
} catch (const std::exception&) {
  // It is this shard that is gone.
}

void MoveRunner::connect() {
  if (!source_)
    source_ = std::make_unique<MoveSite>(map_, map_.shard(*map_.find_shard(entry_.source)), mover_);
  if (!target_)
    target_ = std::make_unique<MoveSite>(map_, map_.shard(*map_.find_shard(entry_.target)), mover_);
  if (tables_.empty())
    tables_ = source_->look([&](pqxx::transaction_base& transaction) {
      return read_moved_tables(transaction, map_, map_.group(*map_.find_group(entry_.group)));
    });
}

MoveFacts MoveRunner::look() {
  const auto source =
      source_->look([&](auto& transaction) { return read_source_facts(transaction, entry_); });
  const auto target =
      target_->look([&](auto& transaction) { return read_target_facts(transaction, entry_); });
  entry_.phase = source.phase;
  entry_.desired_state = source.desired_state;
  board_.update(entry_.id, [&](MoveBoard::Line& line) {
    line.entry.phase = entry_.phase;
    line.entry.desired_state = entry_.desired_state;
    line.entry.problem.clear();
    line.progress.trouble.clear();
    line.progress.gives_up_in_seconds.reset();
  });
  paused_by_fence_ = source.shard.slots == SlotState::fenced || target.shard.slots == SlotState::fenced;
  MoveFacts facts{source.shard, target.shard, target.copied, assurance_};
  if (source.target_timeline) facts.target.same_timeline = *source.target_timeline == target.timeline;
  return facts;
}

void MoveRunner::stop_if_asked() const {
  if (options_.stop != nullptr && *options_.stop)
    throw MoveStopped("stopped; shardplex rebalance resume goes on");
}

/// True where something has changed, so that the facts are old.
bool MoveRunner::apply_desired_state() {
  if (!paused_by_fence_ && entry_.phase != Phase::switching) stop_if_asked();
  if (entry_.desired_state == DesiredState::abort) {
    // Past the hand-over it is too late, and the move goes on; whoever asked sees that.
    source_->change([&](pqxx::work& transaction) {
      if (entry_.phase == Phase::moving) set_phase(transaction, entry_.id, Phase::aborting);
      set_desired_state(transaction, entry_.id, DesiredState::run);
    });
    assurance_ = {};
    return true;
  }
  // Nobody waits for a paused mover while writes do.
  if (entry_.desired_state != DesiredState::pause || paused_by_fence_ || entry_.phase == Phase::switching ||
      !is_under_way(entry_.phase)) {
    report([](MoveProgress& progress) { progress.paused = false; });
    return false;
  }
  report([](MoveProgress& progress) { progress.paused = true; });
  write_progress();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  assurance_.caught_up = false;
  return true;
}

/// Within long steps: follows the desired state, and tells how far the step is. Throws to leave the step.
void MoveRunner::check() {
  const std::lock_guard lock(check_mutex_);
  stop_if_asked();
  if (Clock::now() - checked_ < std::chrono::milliseconds(500)) return;
  while (true) {
    checked_ = Clock::now();
    const auto facts =
        source_->look([&](auto& transaction) { return read_source_facts(transaction, entry_); });
    if (facts.desired_state == DesiredState::abort) throw LookAgain{};
    report([&](MoveProgress& progress) { progress.paused = facts.desired_state == DesiredState::pause; });
    write_progress();
    if (facts.desired_state != DesiredState::pause) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

void MoveRunner::record_problem(const std::string& problem) try {
  if (source_)
    source_->change([&](pqxx::work& transaction) {
      transaction.exec_params("UPDATE shardplex.moves SET problem = $2, changed_at = now() WHERE id = $1",
                              entry_.id, problem);
    });
} catch (const std::exception&) {
  // The source cannot be reached, which is then the problem; the mover says so itself.
}

void MoveRunner::report(const std::function<void(MoveProgress&)>& change) {
  board_.update(entry_.id, [&](MoveBoard::Line& line) {
    change(line.progress);
    line.progress.seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  });
}

void MoveRunner::write_progress() {
  if (Clock::now() - progress_written_ < std::chrono::seconds(1) && is_under_way(entry_.phase)) return;
  progress_written_ = Clock::now();
  std::string progress;
  board_.update(entry_.id, [&](MoveBoard::Line& line) { progress = to_json(line.progress); });
  source_->change([&](pqxx::work& transaction) {
    transaction.exec_params(
        "UPDATE shardplex.moves SET progress = $2::jsonb, changed_at = now() WHERE id = $1", entry_.id,
        progress);
  });
}

void MoveRunner::perform(Step step) {
  const auto on = [&](MoveSite& site, const auto& f) {
    site.change([&](pqxx::work& transaction) { f(transaction); });
  };
  switch (step) {
    case Step::record_on_target:
      return on(*target_, [&](auto& transaction) { record_move(transaction, entry_); });
    case Step::receive:
      return with_lock_timeout(*target_,
                               [&](auto& transaction) { change_slots(transaction, "receive_slots"); });
    case Step::publish:
      return publish(forward());
    case Step::copy:
      return copy();
    case Step::subscribe:
      return on(*target_,
                [&](auto& transaction) { subscribe(transaction, entry_.forward(), source_->conninfo()); });
    case Step::catch_up:
      return catch_up(forward());
    case Step::verify:
      return verify(forward());
    case Step::publish_reverse:
      return publish(reverse());
    case Step::make_reverse_replication_slot:
      return make_reverse_replication_slot();
    case Step::fence:
      require_routers();
      return fence(forward());
    case Step::drain:
      return drain(forward());
    case Step::hand_over:
      return hand_over();
    case Step::own:
      return own();
    case Step::start_over:
      return start_over();
    case Step::unfence:
      return unfence(*source_);
    case Step::release_on_source:
      return release_on_source();
    case Step::take_back:
      return take_back();
    case Step::take_back_target:
      return with_lock_timeout(*target_, [&](auto& transaction) {
        change_slots(transaction, "receive_slots");
        change_slots(transaction, "own_slots");
      });
    case Step::release_on_target:
      return release_on_target();
    case Step::unsubscribe:
      return on(*target_, [&](auto& transaction) { unsubscribe(transaction, entry_.forward()); });
    case Step::drop_replication_slot:
      return drop_replication_slot(*source_, entry_.forward());
    case Step::unpublish:
      return unpublish(*source_, entry_.forward());
    case Step::subscribe_reverse:
      return subscribe_reverse();
    case Step::open_window:
      options_.owner_changed(entry_, entry_.target);
      return on(*source_, [&](auto& transaction) { set_phase(transaction, entry_.id, Phase::reversible); });
    case Step::catch_up_reverse:
      return catch_up(reverse());
    case Step::verify_reverse:
      return verify(reverse());
    case Step::fence_target:
      return fence(reverse());
    case Step::drain_reverse:
      return drain(reverse());
    case Step::hand_back:
      return hand_back();
    case Step::unfence_target:
      return unfence(*target_);
    case Step::own_source:
      return own_source();
    case Step::unsubscribe_reverse:
      return on(*source_, [&](auto& transaction) { unsubscribe(transaction, entry_.reverse()); });
    case Step::drop_reverse_replication_slot:
      return drop_replication_slot(*target_, entry_.reverse());
    case Step::unpublish_reverse:
      return unpublish(*target_, entry_.reverse());
    case Step::delete_source_rows:
      return delete_rows(*source_);
    case Step::forget_on_source:
      return with_lock_timeout(*source_,
                               [&](auto& transaction) { change_slots(transaction, "forget_slots"); });
    case Step::delete_target_rows:
      return delete_rows(*target_);
    case Step::forget_on_target:
      return with_lock_timeout(*target_,
                               [&](auto& transaction) { change_slots(transaction, "forget_slots"); });
    case Step::restore_identities:
      restore_identities(*source_);
      return restore_identities(*target_);
    case Step::erase:
      return erase();
    case Step::close:
      return close();
    case Step::rest:
      return;
  }
}

}  // namespace shardplex::operations
