// Whoever asked for a statement, as far as its connection to PostgreSQL has to know.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace shardplex {

/// Thread: that of the worker which serves the client.
struct Caller {
  bool gone = false;  ///< it waits for no answer any more
};
using CallerPtr = std::shared_ptr<const Caller>;

/// Everybody who asked has gone. False where nobody is named: somebody may wait.
inline bool all_gone(const std::vector<CallerPtr>& clients) {
  return !clients.empty() && std::ranges::all_of(clients, [](const auto& client) { return client->gone; });
}

/// A list for Job::clients; none where the pointer is null.
inline std::vector<CallerPtr> only(CallerPtr client) {
  if (!client) return {};
  return {std::move(client)};
}

}  // namespace shardplex
