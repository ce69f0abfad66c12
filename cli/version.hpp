#pragma once

#include <string_view>

namespace shardplex::cli {

/// The project's version, as CMake names it.
inline constexpr std::string_view version = SHARDPLEX_VERSION;

}  // namespace shardplex::cli
