// The columns that tables at random have. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/integration/sample_rows.hpp"

namespace shardplex::oracle {

/// CREATE TYPE and CREATE DOMAIN of all that the columns need.
std::string create_types();

/// Columns of every type that is served, each with values that a database may trip over.
const std::vector<integration::SampleColumn>& all_columns();

/// A column by whose values rows are spread, of most types that a key can have: `count` different values, or
/// as many as the type has.
integration::SampleColumn any_key(const std::string& name, std::size_t count, integration::Random& random);

}  // namespace shardplex::oracle
