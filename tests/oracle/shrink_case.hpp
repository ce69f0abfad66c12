// Makes what was found as small as it can be: the request first, then rows, then tables and columns.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "tests/oracle/any_request.hpp"
#include "tests/oracle/rows.hpp"
#include "tests/oracle/schema.hpp"
#include "tests/oracle/site.hpp"
#include "tests/oracle/smallest.hpp"

namespace shardplex::oracle {

/// A schema, its rows, and the draws of a request (any_request()).
struct Found {
  Schema schema;
  Rows rows;
  Draws draws;
  bool with_writes = false;
};

struct Shrunk {
  Found found;
  AnyRequest request;
  std::string why;         ///< it is wrong, as small as it is now
  std::size_t tried = 0;   ///< how many requests were made for it
  bool is_steady = false;  ///< else it was right when it was asked again, at first or in the end
};

/// The site has the schema and the rows of `found` when it begins, and those of what it returns when it ends.
/// Takes `time` and a little more at most. `tell` is told what it is at. Throws ConnectionFailure where a
/// router dies.
Shrunk shrink(Site& site, Found found, std::chrono::seconds time,
              const std::function<void(const std::string&)>& tell);

}  // namespace shardplex::oracle
