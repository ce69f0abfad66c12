// The steps of a move, and which comes next. Pure: decided from the phase and from what can be seen in the
// two shards, so that a mover that takes over where another died needs no memory of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "operations/shard/move_entry.hpp"
#include "shard_map/ownership.hpp"

namespace shardplex::operations {

/// Each can be repeated: what of it is done already is left as it is. The name is also that of its crash
/// points (crash_point.hpp).
enum class Step : std::uint8_t {
  record_on_target,               ///< the target's cleanup record
  receive,                        ///< target: the slots are incoming
  publish,                        ///< source: publication, full replica identity, in one transaction
  copy,                           ///< source: replication slot; target: the rows of its snapshot
  subscribe,                      ///< target: the subscription that follows the source
  catch_up,                       ///< wait until the lag is small
  verify,                         ///< compare all rows, while writes go on
  publish_reverse,                ///< target: publication and full replica identity for the way back
  make_reverse_replication_slot,  ///< target: replication slot for the way back, before the target takes its
                                  ///< first write
  fence,                          ///< source: no writes to the slots from here on
  drain,                          ///< wait until the target has applied what the source had at the fence
  hand_over,                      ///< source: the slots are moved; the point of no return
  own,                            ///< target: the slots are owned
  start_over,                     ///< what was copied may lack acknowledged writes: back to before the copy
  unfence,                        ///< source: writes go on; the hand-over is tried again later
  release_on_source,  ///< the target owns the slots, and a failed-over source has forgotten that it handed
                      ///< over
  take_back,    ///< the target failed over before it owned: the source, which has everything, owns again
  unsubscribe,  ///< target: no more following
  drop_replication_slot,  ///< source: its replication slot
  unpublish,              ///< source: its publication
  subscribe_reverse,      ///< source: follows the target, from its first write on
  open_window,            ///< phase reversible
  catch_up_reverse,       ///< as catch_up, verify, fence, drain and hand_over, from target to source
  verify_reverse,
  fence_target,
  drain_reverse,
  hand_back,  ///< target: the slots are moved; the point of no return of the way back
  unfence_target,
  own_source,        ///< source: owns the slots again
  take_back_target,  ///< the source failed over before it owned: the target, which has everything, owns again
  release_on_target,    ///< the source owns again, and a failed-over target has forgotten that it handed back
  unsubscribe_reverse,  ///< source
  drop_reverse_replication_slot,  ///< target
  unpublish_reverse,              ///< target
  delete_source_rows,             ///< in batches, throttled; nobody can see these rows
  forget_on_source,               ///< source: the slots are absent
  delete_target_rows,
  forget_on_target,
  restore_identities,  ///< on both shards, where no other move needs them full
  erase,               ///< the target's record, and all markers
  close,               ///< the phase in which the move is over
  rest,                ///< nothing to do until somebody decides
};

std::string_view to_string(Step step);
std::optional<Step> parse_step(std::string_view name);

/// The state of all slots of the move on one shard; nullopt: not all in the same one.
using SlotsState = std::optional<SlotState>;

/// What one shard shows of a move. Publication and replication slot are those of changes made here, the
/// subscription is to those made on the other shard.
struct ShardFacts {
  SlotsState slots = SlotState::absent;
  bool recorded = false;  ///< its row in shardplex.moves is there
  bool published = false;
  bool has_replication_slot = false;   ///< its replication slot is there
  bool replication_slot_lost = false;  ///< and useless: WAL that it needs is gone
  bool subscribed = false;
  bool same_timeline = true;     ///< as when the copy (or the reverse window) began, or none has begun
  bool full_identities = false;  ///< this move has made replica identities full here
  bool markers = false;          ///< rows of this move are in shardplex.markers
};

/// What this mover has seen to itself, and a new one has to see to again.
struct Assurance {
  bool caught_up = false;  ///< a short while ago
  bool verified = false;
  bool drained = false;
  bool rows_deleted = false;
};

struct MoveFacts {
  ShardFacts source, target;
  bool copied = false;  ///< the target holds the rows of the snapshot that the source's slot begins with
  Assurance assurance;
};

/// A state that the mover cannot have made, or that there is no safe way on from.
struct Stuck {
  std::string reason;
};

std::variant<Step, Stuck> next_step(Phase phase, const MoveFacts& facts);

}  // namespace shardplex::operations
