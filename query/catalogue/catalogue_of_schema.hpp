// The catalogue by schema: who asks for tables of one schema sees no others.
#pragma once

#include <string_view>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// The catalogue as it were if the databases had this schema alone: its tables, views and functions, by their
/// name alone, and the foreign keys between its tables. Without warnings. `catalogue` is combine()'s of
/// `map`.
Catalogue catalogue_of_schema(const Catalogue& catalogue, const ShardMap& map, std::string_view schema);

}  // namespace shardplex
