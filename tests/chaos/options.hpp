// What the program is asked for. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {

struct Options {
  std::uint64_t seed = 0;
  /// How long faults are drawn, or how many; neither: each happens once, in the order of the table.
  std::optional<std::chrono::minutes> time;
  std::optional<int> rounds;
  std::vector<const Fault*> faults;
  std::chrono::milliseconds hold{1'500};
  std::string json;  ///< a file; "" none
  bool list = false, help = false;
};

extern const char* const usage;

/// Throws std::invalid_argument with what is wrong, for people.
Options options_of(const std::vector<std::string>& arguments);

}  // namespace shardplex::chaos
