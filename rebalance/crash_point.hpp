// Places at which tests let the mover die, or stop it while they do something to the servers.
#pragma once

#include <csignal>
#include <cstdlib>
#include <string_view>

namespace shardplex::rebalance {

/// Ends the process by SIGKILL where the environment variable SHARDPLEX_CRASH_AT names this point, and stops
/// it by SIGSTOP where SHARDPLEX_STOP_AT does.
inline void crash_point(std::string_view name) {
  static const char* const crash = std::getenv("SHARDPLEX_CRASH_AT");
  static const char* const stop = std::getenv("SHARDPLEX_STOP_AT");
  if (crash != nullptr && name == crash) std::raise(SIGKILL);
  if (stop != nullptr && name == stop) std::raise(SIGSTOP);
}

}  // namespace shardplex::rebalance
