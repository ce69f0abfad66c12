// Runs PostgreSQL's own programs (pg_dump, pg_restore, psql) to their end. No shell is involved.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardplex::operations {

struct ProgramRun {
  int status = 0;  ///< the exit status, or 128 + the signal that ended it
  std::string output, errors;
};

/// Environment variables that the program gets beside this process's own.
using MoreEnvironment = std::vector<std::pair<std::string, std::string>>;

/// Runs `command` (found along PATH) with `input` as its standard input. Memory: all of what it writes.
/// Throws CommandFailed where it cannot be started.
ProgramRun run_program(const std::vector<std::string>& command, std::string_view input = {},
                       const MoreEnvironment& environment = {});

/// What the program wrote. Throws CommandFailed with its first error where it did not end with status 0.
std::string output_of(const std::vector<std::string>& command, std::string_view input = {},
                      const MoreEnvironment& environment = {});

}  // namespace shardplex::operations
