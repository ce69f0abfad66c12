// Places at which tests let the mover die, or stop it while they do something to the servers.
#pragma once

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace shardplex::operations {

/// Ends the process by SIGKILL where the environment variable SHARDPLEX_CRASH_AT names this point, and stops
/// it by SIGSTOP where SHARDPLEX_STOP_AT does, the first time that it comes there.
inline void crash_point(std::string_view name) {
  static const char* const crash = std::getenv("SHARDPLEX_CRASH_AT");
  static const char* const stop = std::getenv("SHARDPLEX_STOP_AT");
  if (crash != nullptr && name == crash) std::raise(SIGKILL);
  static std::atomic_flag stopped;
  if (stop != nullptr && name == stop && !stopped.test_and_set()) std::raise(SIGSTOP);
}

}  // namespace shardplex::operations
