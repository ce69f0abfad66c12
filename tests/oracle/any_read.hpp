// Reads of a schema at random, each as a URL and as SQL. Pure.
#pragma once

#include "tests/integration/request_generator.hpp"
#include "tests/oracle/schema.hpp"

namespace shardplex::oracle {

/// Throws LeftOut where it comes to what is left out of the schema, and Random::Endless.
integration::ReadRequest any_read(const Schema& schema, Random& random);

}  // namespace shardplex::oracle
