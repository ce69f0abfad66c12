// Draws, asks, judges, and keeps what was answered wrongly.
#pragma once

#include "tests/oracle/options.hpp"
#include "tests/oracle/progress.hpp"
#include "tests/oracle/tally.hpp"

namespace shardplex::oracle {

/// Throws where a program fails that it needs, a router dies, or what was drawn cannot be made.
Tally run(const Options& options, Progress& progress);

/// Asks the case in the folder again: whether it is answered rightly, or refused, now.
bool replay(const std::string& folder, Progress& progress);

}  // namespace shardplex::oracle
