// Rows that refer to rows of other tables.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/integration/sample_rows.hpp"

namespace shardplex::integration {

/// Columns of a table that refer to as many of another, or of the same.
struct SampleKey {
  std::string name;
  std::vector<std::string> columns;
  std::string foreign_table;
  std::vector<std::string> foreign_columns;
};

using SampleObjects = std::vector<boost::json::object>;

/// The rows of make_rows().
SampleObjects objects_of(const std::string& ndjson);
std::string ndjson_of(const SampleObjects& rows);

/// Rows of a table whose keys are `keys`; `made` has those of the tables that they refer to. Rows that would
/// repeat a primary key, or refer to nothing, are left out. Where the first column is distinct, it has all
/// its values; else `tries` rows are tried.
SampleObjects make_related_objects(const SampleTable& table, const std::vector<SampleKey>& keys,
                                   const std::map<std::string, SampleObjects>& made, std::size_t tries,
                                   Random& random);

}  // namespace shardplex::integration
