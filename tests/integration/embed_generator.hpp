// Random reads with embeds, each as a URL and, built apart from it, as the SQL that one PostgreSQL answers it
// with.
#pragma once

#include <cstdint>

#include "tests/integration/request_generator.hpp"

namespace shardplex::integration {

/// A read of a table's rows with embeds in them.
ReadRequest embedding_read_of(const SampleDatabase& database, Random& random);

/// Of the related tables that the map by genre has, or that by hash. The same seed always gives the same
/// request.
ReadRequest make_embedding_read(std::uint64_t seed, bool by_genre);

}  // namespace shardplex::integration
