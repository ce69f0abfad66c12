// Two shards and a mover in memory, deep enough that what PostgreSQL loses at a failover is lost here: the
// server that takes over lacks the last commits of the one that failed and all of its replication slots, and
// a subscription goes on where the publisher believes that it was.
#pragma once

#include <boost/container/flat_map.hpp>
#include <boost/container/flat_set.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operations/move/steps.hpp"

namespace shardplex::test {

/// A row's value: the numbers of all writes that made it what it is, so that none can hide the loss of
/// another. Rows are copied at every commit, which is most of what a run does.
using Row = boost::container::flat_set<int>;
using Rows = boost::container::flat_map<int, Row>;  ///< by key

/// What of a shard is in its WAL.
struct ShardState {
  SlotState slots = SlotState::absent;
  Rows rows{};
  bool recorded = false, copied = false, published = false, subscribed = false;
  bool full_identities = false, markers = false;
  operations::Phase phase = operations::Phase::moving;  ///< source's row
  std::optional<int> source_timeline, target_timeline;  ///< source's row
  std::size_t reverse_from = 0;                         ///< target's row: a position in its log
  std::size_t origin = 0;                               ///< of the other's log, what was applied here
  std::size_t log_length = 0;

  /// All that must be equal in the end, whatever happened on the way.
  bool looks_like(const ShardState& other) const;
};

struct LoggedRow {
  int key;
  Row row;
};

struct ModelShard {
  ShardState now;
  std::vector<ShardState> history{};              ///< by commit
  std::size_t durable = 0;                        ///< the commit that no failover forgets
  std::vector<LoggedRow> log{};                   ///< what logical decoding sees
  std::optional<std::size_t> replication_slot{};  ///< the position that its subscriber has confirmed
  std::map<int, std::size_t> acknowledged{};      ///< writes, and the commits that they were
  int timeline = 1;
  bool mover_connected = false;

  void commit();
  void set_row(int key, Row row);
  /// Forgets its last commits, but none that all replicas have unless `any`.
  void fail_over(std::size_t commits, bool any);
};

/// Defects of a mover, planted to show that they are found.
enum class Planted {
  nothing,
  own_at_once,
  own_source_at_once,
  own_late,
  delete_at_once,
  close_at_once,
  no_drain,
  no_fence,
  no_timelines
};

/// The mover died; what it was doing stays half done.
struct MoverDied {};

enum class Outcome { stepped, interrupted, resting, stuck };

class MoveModel {
 public:
  explicit MoveModel(Planted planted = Planted::nothing);

  // What the world does.
  void write();      ///< the next client's, where a shard takes it
  void replicate();  ///< one change in each direction that is open
  void fail_over_source(std::size_t commits) { source.fail_over(commits, forgets_durable); }
  void fail_over_target(std::size_t commits) { target.fail_over(commits, forgets_durable); }
  void set_phase(operations::Phase phase);  ///< a person's decision, by way of the source's row

  /// Looks, decides and performs a step. Whatever `disturb` throws ends the mover; the next call is a new
  /// one's.
  Outcome advance();
  /// Performs it once more, as the facts were.
  void repeat() { perform(last_step); }
  operations::MoveFacts look();

  ModelShard source, target;
  std::function<void()> disturb = [] {};  ///< called before and after each transaction of the mover
  bool abort_wanted = false;
  int slow_drains = 0;           ///< fences that end because the target takes too long
  bool replicas_behind = false;  ///< far: nobody waits for them before slots are owned elsewhere
  bool forgets_durable = false;  ///< replicas are promoted that nobody thought were far behind

  static int key_of(int number) { return number % 5; }
  int writes = 0;  ///< acknowledged; the number of the last one
  int parts = 0;   ///< transactions that movers have made
  operations::Step last_step = operations::Step::rest;
  std::string stuck_reason;
  std::vector<std::string> violations;  ///< of what must hold at each moment

 private:
  template <class F>
  void on(ModelShard& shard, F change);
  template <class F>
  void on_both(F change);
  void perform(operations::Step step);
  void see_handed_over(ModelShard& from);
  void not_long_after(const ModelShard& from) const;
  void copy();
  void start_over();
  void take(ModelShard& shard, SlotState state);
  bool deliver(ModelShard& from, ModelShard& to);
  void follow_to_the_end(ModelShard& from, ModelShard& to);
  void drain(ModelShard& from, ModelShard& to);
  void fence(ModelShard& shard);
  void unfence(ModelShard& shard);
  void delete_rows(ModelShard& shard, ModelShard& owner);
  void subscribe(ModelShard& to);
  void connected(const ModelShard& shard) const;

  Planted planted_;
  operations::Assurance assurance_;
};

}  // namespace shardplex::test
