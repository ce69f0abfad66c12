// The end of a load: all shards commit, or none does.
//
// Two-phase: every writing shard but the first prepares its transaction under a name that holds the
// transaction id of the first; then the first commits, and with it the load. Whoever finds a prepared
// transaction later asks the first shard how that id ended (pg_xact_status), so no record of the decision is
// needed besides PostgreSQL's own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operations/load/load_mode.hpp"
#include "operations/process/terminal.hpp"
#include "operations/replication/copy_session.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// A prepared transaction's name: shardplex_load_<load>.<number>:<transaction id>:<first shard>.
struct PreparedLoad {
  std::string load;            ///< unique to the load
  std::size_t number = 0;      ///< of the shard within it: servers can hold several databases
  std::string transaction_id;  ///< of the first shard's transaction
  std::string first_shard;

  std::string to_gid() const;
  static std::optional<PreparedLoad> from_gid(std::string_view gid);
};

/// A name that no other load has: 16 hexadecimal digits, at random.
std::string new_load_name();

/// A shard's transaction that is to be committed.
struct WritingShard {
  const Shard* shard = nullptr;
  CopySession* session = nullptr;
};

/// How far shards came that commit one after the other, by their names.
struct PartlyCommitted {
  std::vector<std::string> kept;
  std::string failed;
  bool refused = false;  ///< it said no, and kept nothing; else it went away while it committed
  std::vector<std::string> rest;
};

/// Which shards have the load and which have not, and how to go on.
std::string told_parts(const PartlyCommitted& parts, LoadMode mode);

/// True where every one of several shards can prepare transactions, or there is only one.
bool commits_as_one(const std::vector<WritingShard>& writing);

/// Commits all or, throwing CommandFailed with the reason, none; where a shard cannot be reached after the
/// decision, says what is left and what finishes it. Without two-phase commit (commits_as_one is false)
/// shards commit one after the other, and a failure names those that have and those that have not. `mode`:
/// what that says of how to go on.
void commit_load(const std::vector<WritingShard>& writing, LoadMode mode);

/// Finishes the loads that ended between prepare and commit, as their first shard decided; tells of each.
/// Loads that are still under way are left alone.
void finish_interrupted_loads(const ShardMap& map, const Terminal& terminal);

}  // namespace shardplex::operations
