// Performs the steps of one move, one after the other, as next_step() decides.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "operations/compare/row_comparison.hpp"
#include "operations/move/board.hpp"
#include "operations/move/copy_speed.hpp"
#include "operations/move/steps.hpp"
#include "operations/replication/slot_copy.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/mover_site.hpp"

namespace shardplex::operations {

/// A move goes no further without a person: what is wrong, and what can be done.
struct MoveStopped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct RunnerOptions {
  std::chrono::duration<double> max_lag{1.0};  ///< of the target behind the source, before a fence
  std::chrono::milliseconds max_pause{2000};   ///< writes are let in again where a fence takes longer
  std::chrono::seconds patience{60};           ///< for a server that is gone to come back, or be replaced
  int compare_jobs = 1;
  bool finish = false;                      ///< do not rest in the reverse window
  const std::atomic<bool>* stop = nullptr;  ///< true: stop at the next place where nobody waits
  /// Called when slots have changed hands for good, with the shard that owns them now. Any thread.
  std::function<void(const MoveEntry&, const std::string& owner)> owner_changed;
};

/// Thread: the one that calls run(). Arguments by reference outlive this.
class MoveRunner {
 public:
  MoveRunner(const ShardMap& map, MoveEntry entry, Mover& mover, MoveBoard& board, RateLimit& rate,
             const RunnerOptions& options);

  /// Goes on until the move is over or rests in its reverse window. Throws MoveStopped, with the reason in
  /// the journal too, and MoverReplaced.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  /// The two ends of a replication: forward from the source to the target, reverse the other way.
  struct Way {
    MoveSite& from;
    MoveSite& to;
    std::string name;  ///< of publication, replication slot, subscription and marker
  };
  Way forward() { return {*source_, *target_, entry_.forward()}; }
  Way reverse() { return {*target_, *source_, entry_.reverse()}; }

  /// Thrown out of a long step to decide anew what comes next.
  struct LookAgain {};

  // The loop (runner.cpp)
  void run_steps();

  void reconnect_after(const std::string& trouble);
  void report_trouble(const std::string& trouble);
  void connect();
  MoveFacts look();
  bool apply_desired_state();
  void let_writes_in();
  void stop_if_asked() const;
  void perform(Step step);
  void check();
  void record_problem(const std::string& problem);
  void report(const std::function<void(MoveProgress&)>& change);
  void write_progress();

  // Objects of PostgreSQL (runner_objects.cpp)
  void with_lock_timeout(MoveSite& site, const std::function<void(pqxx::work&)>& f);
  bool with_lock_timeout_until(MoveSite& site, Clock::time_point until,
                               const std::function<void(pqxx::work&)>& f);
  void publish(const Way& way);
  void unpublish(MoveSite& site, const std::string& name);
  void restore_identities(MoveSite& site);
  void make_reverse_replication_slot();
  void subscribe_reverse();
  void drop_replication_slot(MoveSite& site, const std::string& name);

  // The copy (runner_copy.cpp)
  void copy();
  void copy_rows(const ReplicationSlotSnapshot& snapshot);
  void report_total_rows(const std::string& slots);
  void report_copied(std::uint64_t rows, std::uint64_t bytes, CopySpeed& speed);
  void start_over();

  // Following (runner_follow.cpp)
  std::int64_t raise_marker(const Way& way);
  /// How long after `raised` the marker arrived; nullopt where it had not by `until`.
  std::optional<std::chrono::duration<double>> await_marker(const Way& way, std::int64_t number,
                                                            Clock::time_point raised,
                                                            std::optional<Clock::time_point> until);
  void watch(const Way& way);
  void analyse(MoveSite& site);
  void catch_up(const Way& way);
  void verify(const Way& way);
  void refuse_differences(const std::vector<RowDifference>& differences, std::uint64_t count, const Way& way);

  // The hand-over, forth and back (runner_hand_over.cpp)
  void change_slots(pqxx::work& transaction, std::string_view function);
  void require_guards(const Way& way);
  void fence(const Way& way);
  void require_routers();
  void drain(const Way& way);
  void retry_cutover_later(MoveSite& from);
  void fence_was_ended();
  void count_failed_cutover();
  void unfence(MoveSite& site);
  void note_pause();
  void hand_over();
  bool await_replicas(MoveSite& site, const std::string& lsn, Clock::time_point until);
  bool all_replicas_have(MoveSite& site, const std::string& lsn);
  void meet_replicas(MoveSite& site);
  void require_replicas(MoveSite& site);
  std::optional<std::string> see_handed_over(const Way& way);
  void require_seen_lately(pqxx::work& transaction, const std::string& seen_at);
  void own();
  void hand_back();
  void own_source();
  void release_on_source();
  void release_on_target();
  void take_back();

  // The end (runner_end.cpp)
  void delete_rows(MoveSite& site);
  void erase();
  void close();

  const ShardMap& map_;
  MoveEntry entry_;
  Mover& mover_;
  MoveBoard& board_;
  RateLimit& rate_;
  const RunnerOptions& options_;

  std::unique_ptr<MoveSite> source_, target_;
  std::vector<MovedTable> tables_;
  Assurance assurance_;
  std::vector<RowDifference> undecided_;  // by the last verify
  bool paused_by_fence_ = false;          // writes to the slots wait
  Clock::time_point primary_found_{};
  std::optional<std::string> primary_since_;  // known of the shard that hands over, by the other's clock
  std::set<std::string> replicas_;            // of that shard then, by replicas_known_to_have()
  std::int64_t fence_marker_ = 0;
  Clock::time_point pause_began_{};  // of the hand-over under way
  Clock::time_point fenced_at_{}, started_ = Clock::now(), checked_{}, progress_written_{};
  std::optional<Clock::time_point> trouble_since_;
  std::optional<std::int64_t> apply_errors_;
  int failed_cutovers_ = 0, start_overs_ = 0;
  std::mutex check_mutex_;  // a comparison may check from several threads
};

}  // namespace shardplex::operations
