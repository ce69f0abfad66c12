// A request that was answered wrongly, with all that is needed to make it again: for people and as a folder.
#pragma once

#include <cstdint>
#include <string>

#include "tests/oracle/any_request.hpp"
#include "tests/oracle/database_text.hpp"

namespace shardplex::oracle {

struct Case {
  /// Which it was: the schema, and the request in it, counted from 0.
  std::uint64_t seed = 0, schema = 0, number = 0;
  int shards = 0;
  bool moving = false;  ///< it was found while slots moved, and did not come up again when they rested
  std::string why;
  AnyRequest request;
  DatabaseText database;
};

/// What was asked as a curl command, the SQL of the same, the map, the tables and the rows.
std::string text_of(const Case& found);

/// Makes the folder where it is not there. Throws std::runtime_error.
void write_case(const Case& found, const std::string& folder);
/// Throws std::runtime_error with what is wrong with which file.
Case read_case(const std::string& folder);

}  // namespace shardplex::oracle
