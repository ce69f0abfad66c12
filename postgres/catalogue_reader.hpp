// Reads what a shard's database exposes.
#pragma once

#include <string>

#include "postgres/pool.hpp"
#include "query/catalogue/catalogue.hpp"

namespace shardplex::postgres {

/// Tables, columns, types, keys, enum labels and collations of the schema `public` (the slot column left out
/// and noted), in one job on Lane::read.
Awaitable<Outcome<ShardCatalogue>> read_catalogue(Pool& pool, Deadline deadline);

}  // namespace shardplex::postgres
