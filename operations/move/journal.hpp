// The journal of moves in the shards (shardplex.moves, shardplex.mover): written by the mover, read by
// everyone.
#pragma once

#include <map>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/move/steps.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/mover.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Who moves slots at the moment: holds the advisory lock on the shard.
struct MoverSeen {
  std::string holder;         ///< "db7, process 4711"
  std::string since;          ///< as PostgreSQL writes a timestamp
  double silent_seconds = 0;  ///< since it was last heard of; a mover that lives shows itself once a second

  bool is_silent() const { return silent_seconds >= static_cast<double>(mover_silence.count()); }
};

/// A fence as it stands on one shard: writes to its slots wait.
struct FenceSeen {
  std::string move;
  std::string shard;
  std::size_t slots = 0;
  std::optional<double> seconds;  ///< since it was raised; nullopt: by a version that did not write it down
};

/// "writes to 256 slots of beta have waited for 12 s".
std::string to_string(const FenceSeen& fence);

/// "db7, process 4711 has been moving slots since …".
std::string to_string(const MoverSeen& mover);

/// nullopt where nobody does.
std::optional<MoverSeen> read_mover(pqxx::transaction_base& transaction);

/// The moves whose source is this shard, by creation and number; without those that are over unless
/// `with_history`. Throws CommandFailed where one does not fit the map.
std::vector<MoveEntry> read_moves(pqxx::transaction_base& transaction, const ShardMap& map,
                                  const std::string& shard, bool with_history);

/// What the journals of all shards say.
struct ClusterJournal {
  std::vector<MoveEntry> moves;  ///< by creation and number
  std::vector<FenceSeen> fences;
  /// Of moves that rest in their reverse window, by id: what is wrong with the way back.
  std::multimap<std::string, std::string> broken_ways_back;
  std::optional<MoverSeen> mover;     ///< as the first shard tells on which there is one
  std::vector<std::string> problems;  ///< why shards could not be read; their moves are missing
};

/// Reads all shards in parallel, over find_primary().
ClusterJournal read_cluster_journal(const ShardMap& map, bool with_history);

/// The moves of all shards of the map, found over find_primary() in parallel, by creation and number. Where a
/// shard cannot be read, its reason goes to `problems` and its moves are missing.
std::vector<MoveEntry> read_all_moves(const ShardMap& map, bool with_history,
                                      std::vector<std::string>& problems);

}  // namespace shardplex::operations
