// What is said of a body that cannot be read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "query/error.hpp"

namespace shardplex::grammar {

/// PGRST102
Error bad_body(std::string message, std::optional<std::string> details);

/// "line 2, column 7 (byte 31)": lines, and characters within the line, from 1, as an editor counts them;
/// bytes from 0.
std::string place_in(std::string_view text, std::size_t byte);

}  // namespace shardplex::grammar
