// Tells on the standard error how far it is: on a terminal in one line that is written over, else a line
// every ten seconds.
#pragma once

#include <chrono>
#include <string>

namespace shardplex::oracle {

class Progress {
 public:
  Progress();

  /// Where it is; most are not told.
  void at(const std::string& line);
  /// What stays to be read.
  void say(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;

  void wipe();

  bool is_terminal_;
  bool has_line_ = false;
  Clock::time_point told_;
};

}  // namespace shardplex::oracle
