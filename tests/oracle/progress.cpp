#include "tests/oracle/progress.hpp"

#include <unistd.h>

#include <cstdio>

namespace shardplex::oracle {

Progress::Progress() : is_terminal_(::isatty(STDERR_FILENO) != 0), told_(Clock::now()) {}

void Progress::wipe() {
  if (has_line_) std::fputs("\r\033[K", stderr);
  has_line_ = false;
}

void Progress::at(const std::string& line) {
  constexpr auto on_terminal = std::chrono::milliseconds(200), in_pipe = std::chrono::milliseconds(10'000);
  const auto now = Clock::now();
  if (now - told_ < (is_terminal_ ? on_terminal : in_pipe)) return;
  told_ = now;
  if (!is_terminal_) return say(line);
  wipe();
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  has_line_ = true;
}

void Progress::say(const std::string& line) {
  wipe();
  std::fprintf(stderr, "oracle: %s\n", line.c_str());
}

}  // namespace shardplex::oracle
