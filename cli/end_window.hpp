// rebalance reverse and finish, which differ in where they lead.
#pragma once

#include <string>

#include "cli/options.hpp"
#include "operations/shard/move_entry.hpp"

namespace shardplex::cli {

/// For moves that rest in their reverse window, and those that were begun with it: takes them into `phase`,
/// reversing or finishing, and to their end.
int end_window(const std::string& verb, const std::string& about, Phase phase, Arguments args,
               const Terminal& terminal);

}  // namespace shardplex::cli
