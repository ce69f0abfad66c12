// What rounds came to, as a table and as JSON. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "tests/chaos/round.hpp"

namespace shardplex::chaos {

/// A line for each fault: counts are sums over its rounds, times the longest.
std::string table_of(const std::vector<RoundResult>& rounds);

/// One line on a round, with what was violated on lines of its own.
std::string line_of(const RoundResult& round);

boost::json::value json_of(const std::vector<RoundResult>& rounds, std::uint64_t seed);

}  // namespace shardplex::chaos
