// The right to move slots: at most one process of a cluster has it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>

#include "operations/process/failure.hpp"
#include "operations/shard/mover_session.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {

/// SQL of the advisory lock that the mover's sessions hold, one on each shard.
inline constexpr const char* mover_lock_arguments = "1936223345, 0";

/// A mover that lives shows itself to each shard once a second. One that has not for so long is gone or
/// hangs.
inline constexpr std::chrono::seconds mover_silence{10};

/// What becomes of another mover that is at work.
enum class OtherMover : bool {
  stays,       ///< it goes on, and this one is refused
  is_replaced  ///< where it has been silent for mover_silence, its sessions are ended
};

/// Another mover is at work, or has taken over.
struct MoverReplaced : CommandFailed {
  using CommandFailed::CommandFailed;
};

/// Holds an advisory lock on every shard while it lives, and has written a token of its own into
/// shardplex.mover there. The lock keeps a second mover from beginning; the token, which each of the mover's
/// transactions checks by as_mover(), keeps one from going on whose lock was lost with its connection.
class Mover {
 public:
  /// Throws MoverReplaced where another mover is at work (naming it, and since when), or a shard has no
  /// primary; CommandFailed where a shard has the schema of an older version.
  explicit Mover(const ShardMap& map, OtherMover other = OtherMover::stays);
  Mover(const Mover&) = delete;

  const std::string& token() const { return token_; }
  static std::string holder();  ///< "db7, process 4711"

  /// Takes the lock anew on the shard's primary, after its server was lost.
  /// Throws CommandFailed where another mover has taken over meanwhile. Any thread.
  void renew(const Shard& shard, const std::string& conninfo);

 private:
  enum class Wait : bool { hardly, briefly };
  void take(const Shard& shard, std::unique_ptr<pqxx::connection> connection, Wait wait, OtherMover other);

  std::string token_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<MoverSession>> sessions_;  // by shard
};

}  // namespace shardplex::operations
