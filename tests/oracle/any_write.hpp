// Writes of a schema's tables at random, also through its views, each as a request and as SQL. Pure.
#pragma once

#include <string>

#include "tests/integration/http_client.hpp"
#include "tests/oracle/schema.hpp"

namespace shardplex::oracle {

/// Of rows of one shard key.
struct Write {
  std::string method, target, body;
  integration::Headers headers;
  std::string table;          ///< that has the rows
  std::string sql;            ///< does the same, and gives the rows that it returns, as the JSON of an array
  std::string contents_sql;   ///< all rows of the table, as the JSON of an array
  std::string met_sql;        ///< whether there is a row to change; "" where that does not matter
  bool returns_rows = false;  ///< Prefer: return=representation

  std::string describe() const;
};

/// Throws LeftOut where it comes to what is left out of the schema.
Write any_write(const Schema& schema, Random& random);

}  // namespace shardplex::oracle
