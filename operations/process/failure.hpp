// What an operation throws, and how failures are told in one line.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace shardplex::operations {

/// What was asked for failed. Every problem found, one line each; never empty.
struct CommandFailed : std::runtime_error {
  explicit CommandFailed(std::vector<std::string> all);
  explicit CommandFailed(std::string one) : CommandFailed(std::vector<std::string>{std::move(one)}) {}
  std::vector<std::string> problems;
};

/// `text` on one line, without white space at its ends.
std::string one_line(std::string_view text);

/// PostgreSQL's refusal without the SQLSTATE and position noise: the primary message and DETAIL, one line.
std::string reason_of(const std::exception& error);

}  // namespace shardplex::operations
