// Functions that are called by HTTP: what shards serve of them together.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"

namespace shardplex {

/// The column of a function that returns a value, as PostgREST calls it.
inline constexpr std::string_view value_column = "pgrst_scalar";

/// The part of combine() that is about functions: those of the map as far as they are the same on every
/// shard, and the names of the others. A difference is in the way of calls alone.
void combine_functions(const ShardMap& map, const std::vector<std::pair<std::string, ShardCatalogue>>& shards,
                       Catalogue& combined);

}  // namespace shardplex
