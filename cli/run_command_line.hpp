// The command line `shardplex` as one function.
#pragma once

#include <span>
#include <string>

#include "operations/process/terminal.hpp"

namespace shardplex::cli {

using namespace operations;  // the commands are about nothing else

using Arguments = std::span<const std::string>;

/// Runs `shardplex ARGS…` (without the program's name) and returns its exit code. Never throws: every failure
/// is told on terminal.err.
int run_command_line(Arguments args, const Terminal& terminal);

}  // namespace shardplex::cli
