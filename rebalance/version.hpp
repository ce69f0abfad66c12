#pragma once

#include <string_view>

namespace shardplex::rebalance {

/// The project's version, as CMake names it.
inline constexpr std::string_view version = SHARDPLEX_VERSION;

}  // namespace shardplex::rebalance
