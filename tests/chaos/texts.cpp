#include "tests/chaos/texts.hpp"

#include <chrono>
#include <cstdio>

namespace shardplex::chaos {

std::string seconds_text(consistency::Time time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", std::chrono::duration<double>(time).count());
  return text;
}

}  // namespace shardplex::chaos
