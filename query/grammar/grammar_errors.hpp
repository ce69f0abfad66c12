// What a request is told that is not of the grammar, or asks for what is not served.
#pragma once

#include <string>
#include <string_view>

#include "query/error.hpp"

namespace shardplex::grammar {

/// The text in double quotes.
std::string quoted(std::string_view text);

/// PGRST100.
Error grammar_error(std::string message, std::string details);

/// PGRST100 for a request above one of the bounds of ParseLimits.
Error over_limit(std::string details);

/// PGRST108: a parameter or an order is about an embed that select does not have.
Error not_embedded(std::string_view name);

/// SHARD400 for what PostgREST would serve; `hint` says what to ask instead.
Error not_served(std::string details, std::string hint);

}  // namespace shardplex::grammar
