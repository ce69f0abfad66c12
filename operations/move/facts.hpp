// What the mover reads of a move in its two shards, and writes into the source's row.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/move/steps.hpp"
#include "operations/shard/move_entry.hpp"

namespace shardplex::operations {

/// The source's view, in one snapshot.
struct SourceFacts {
  ShardFacts shard;  ///< same_timeline: of the source
  Phase phase = Phase::moving;
  DesiredState desired_state = DesiredState::run;
  std::int64_t timeline = 0;
  std::optional<std::int64_t> target_timeline;  ///< that of the target when the copy began
};

/// The target's view, in one snapshot; same_timeline is left to whoever knows the source's.
struct TargetFacts {
  ShardFacts shard;
  bool copied = false;
  std::int64_t timeline = 0;
};

/// Throws std::runtime_error where the source does not have the move's row.
SourceFacts read_source_facts(pqxx::transaction_base& transaction, const MoveEntry& entry);
TargetFacts read_target_facts(pqxx::transaction_base& transaction, const MoveEntry& entry);

/// Inserts the move's row: on the source before anything else, on the target as its cleanup record.
void record_move(pqxx::transaction_base& transaction, const MoveEntry& entry);

/// Both change the source's row.
void set_phase(pqxx::transaction_base& transaction, const std::string& id, Phase phase);
void set_desired_state(pqxx::transaction_base& transaction, const std::string& id,
                       DesiredState desired_state);

/// Ids of moves that are not over, on this shard as source or as target, with any of these slots.
std::vector<std::string> moves_of_slots(pqxx::transaction_base& transaction, const std::string& group,
                                        const SlotSet& slots);

}  // namespace shardplex::operations
