// What the sessions of one process know of each other, over all servers: by which settings they all go, and
// that no two of them are one and the same session of a server.
#pragma once

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

inline constexpr std::string_view whole_sessions_needed =
    "it has to lend them whole (PgBouncer: pool_mode = session)";

/// Thread: any. A lock that is held for a few comparisons, when a connection is made or closed.
class Sessions {
 public:
  /// The settings that all sessions are held to: those of the first one that was made. nullopt before it.
  std::optional<AgreedValues> agreed() const;

  /// The same, now that a session of `server` (a name for people) was opened with `own`; these where there
  /// were none before.
  AgreedValues agree(const std::string& server, const AgreedValues& own);

  /// Notes that a session has the backend of a server (by its connection string). False where a session that
  /// is still open has it: then the two are clients of a connection pooler that lends a backend to whoever
  /// has a transaction, at the address `name`.
  bool enter(const std::string& server, const std::string& backend, const std::string& name);
  void leave(const std::string& server, const std::string& backend);

  /// Sentences about servers whose own settings are not those that sessions are held to, and about poolers
  /// that lend no sessions.
  std::vector<std::string> problems() const;

 private:
  mutable std::mutex mutex_;
  std::optional<AgreedValues> agreed_;
  std::string agreed_with_;  // the server that had them
  std::map<std::string, AgreedValues> own_;
  std::set<std::pair<std::string, std::string>> backends_;
  std::set<std::string> poolers_;  // that lend backends for a transaction, by address
};

}  // namespace shardplex::postgres
