// What the sessions of one process know of each other, over all servers: by which settings they all go, and
// that no two of them are one and the same session of a server.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard_schema/session_settings.hpp"

namespace shardplex::postgres {

/// What sessions are held to; other values have a greater generation.
struct HeldTo {
  AgreedValues values;
  std::uint64_t generation = 0;
};

/// Thread: any. A lock that is held for a few comparisons, when a connection is made or closed.
class Sessions {
 public:
  struct Server {
    std::string conninfo;
    std::string name;  ///< for people
  };

  /// The settings that all sessions are held to: those that were elected, and before that those of the first
  /// session that was made. nullopt before it.
  std::optional<HeldTo> agreed() const;

  /// The generation of the above, without a lock. A session of another one is to be replaced.
  std::uint64_t generation() const { return generation_.load(std::memory_order_relaxed); }

  /// Whether UTC is the time zone that sessions are held to, without a lock. False before the first one.
  bool in_utc() const { return in_utc_.load(std::memory_order_relaxed); }

  /// Notes that a session of the server was opened with `own`.
  HeldTo agree(const Server& server, const AgreedValues& own);

  /// Has each shard vote, by the first of its servers that has told what it is set to: sessions are held to
  /// what most have. Of values with as many votes those stay that were elected before; else the first of
  /// these shards decides.
  void elect(std::vector<std::vector<Server>> shards);

  /// Notes that a session has the backend of a server (by its connection string). False where a session that
  /// is still open has it: then the two are clients of a connection pooler that lends a backend to whoever
  /// has a transaction, at the address `name`.
  bool enter(const std::string& server, const std::string& backend, const std::string& name);
  void leave(const std::string& server, const std::string& backend);

  /// Whether the server's own settings, as it told last, are not those that sessions are held to.
  bool differs(const std::string& conninfo) const;

  /// Sentences about servers (those of the last elect()) whose own settings are not those that sessions are
  /// held to, and about poolers that lend no sessions.
  std::vector<std::string> problems() const;

 private:
  struct Own {
    std::string name;
    AgreedValues values;
  };
  void hold_to(const AgreedValues& values, const std::string& server);

  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> in_utc_{false};
  std::optional<HeldTo> agreed_;
  std::string agreed_with_;         // a server that has them of its own
  bool elected_ = false;            // not merely those of the first session
  std::map<std::string, Own> own_;  // by connection string
  std::vector<std::vector<Server>> electorate_;
  std::set<std::pair<std::string, std::string>> backends_;
  std::set<std::string> poolers_;  // that lend backends for a transaction, by address
};

}  // namespace shardplex::postgres
