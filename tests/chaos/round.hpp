// One fault under a recorded load, judged.
#pragma once

#include <string>
#include <vector>

#include "tests/chaos/fault.hpp"
#include "tests/chaos/judge.hpp"
#include "tests/chaos/stock.hpp"

namespace shardplex::chaos {

struct RoundResult {
  std::string fault, shard;  ///< "" no shard
  Judgement judgement;
  double seconds = 0;
  bool healed = true;  ///< false: the cluster is not as it was before, and no further round means much
  std::vector<std::string> log;  ///< what the routers logged meanwhile, where a must was violated
};

class Rounds {
 public:
  Rounds(Site& site, std::uint64_t seed, std::chrono::milliseconds hold);

  /// Rounds count from 1, and each draws from the seed and its number alone.
  RoundResult run(const Fault& fault);

 private:
  Site& site_;
  const std::uint64_t seed_;
  const std::chrono::milliseconds hold_;
  int number_ = 0;
  std::vector<StoredRow> stock_;
};

}  // namespace shardplex::chaos
