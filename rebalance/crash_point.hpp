// Places at which tests let the mover die.
#pragma once

#include <csignal>
#include <cstdlib>
#include <string_view>

namespace shardplex::rebalance {

/// Ends the process by SIGKILL where the environment variable SHARDPLEX_CRASH_AT names this point.
inline void crash_point(std::string_view name) {
  static const char* const wanted = std::getenv("SHARDPLEX_CRASH_AT");
  if (wanted != nullptr && name == wanted) std::raise(SIGKILL);
}

}  // namespace shardplex::rebalance
