// What the program is asked for. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace shardplex::oracle {

struct Options {
  std::uint64_t seed = 0;
  std::uint64_t requests = 1'000, per_schema = 250;
  int shards = 3;
  bool moving = false, writes = false;
  std::uint64_t findings = 3;  ///< that end it
  std::chrono::seconds shrink{600};
  std::string cases = "oracle-cases";  ///< a folder
  std::string replay;                  ///< a folder; "" none
  std::string json;                    ///< a file; "" none
  bool help = false;
};

extern const char* const usage;

/// `environment_seed`: the seed where the arguments have none, the value of SHARDPLEX_ORACLE_SEED; nullptr:
/// any. Throws std::invalid_argument with what is wrong, for people.
Options options_of(const std::vector<std::string>& arguments, const char* environment_seed = nullptr);

}  // namespace shardplex::oracle
