// Times as people read them.
#pragma once

#include <string>

#include "tests/consistency/history.hpp"

namespace shardplex::chaos {

/// "1.25 s"
std::string seconds_text(consistency::Time time);

}  // namespace shardplex::chaos
