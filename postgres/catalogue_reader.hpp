// Reads what a shard's database exposes.
#pragma once

#include <string>
#include <vector>

#include "postgres/pool.hpp"
#include "query/catalogue/catalogue.hpp"
#include "shard_map/map_schemas.hpp"

namespace shardplex::postgres {

struct ReadCatalogue {
  ShardCatalogue catalogue;
  std::string fingerprint;  ///< of it, or of what it was a moment before
};

/// Tables, columns, types, keys, enum labels and collations of the schemas (the slot column left out and
/// noted), in one job on Lane::read; then the forms of the keys that rows were placed by, where the server
/// keeps them. `schemas` outlives the first await.
Awaitable<Outcome<ReadCatalogue>> read_catalogue(
    Pool& pool, Deadline deadline, const std::vector<std::string>& schemas = only_plain_schema());

/// Another text than that of read_catalogue() where the catalogue of these schemas is another one. One round
/// trip, a few milliseconds of the server's time. `schemas` outlives the first await.
Awaitable<Outcome<std::string>> read_catalogue_fingerprint(
    Pool& pool, Deadline deadline, const std::vector<std::string>& schemas = only_plain_schema());

}  // namespace shardplex::postgres
