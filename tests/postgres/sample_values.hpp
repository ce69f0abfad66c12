// Values of many types as SQL, odd ones and random ones, to compare what the router makes of them with what
// PostgreSQL does.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace shardplex::test {

/// PostgreSQL's names of a type: in SQL, and in pg_type.
struct TypeName {
  std::string sql, catalogue;
};

const std::vector<TypeName>& sample_types();

/// Values of a type, odd ones first: each as SQL, and all as rows of one column v, to stand behind FROM.
struct SampleValues {
  std::vector<std::string> values;
  std::string rows_sql;
};
SampleValues sample_values(const TypeName& type, std::mt19937_64& random);

/// SHARDPLEX_TEST_SEED, or another each time.
std::uint64_t sample_seed();

}  // namespace shardplex::test
