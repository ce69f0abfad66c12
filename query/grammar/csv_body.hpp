// A body of CSV (RFC 4180) as rows of JSON, in which PostgreSQL reads all bodies.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/body.hpp"

namespace shardplex {

/// The rows of a CSV. A value is a string, and the word NULL, quoted or not, is null, as by PostgREST. Of a
/// column that is named more than once the last counts.
struct CsvRows {
  Body body;         ///< an array; it has no keys where there are no rows
  std::string json;  ///< an array of objects, without the watched columns
  /// Of each key: what its member in `json` is called. It is short, as each row repeats it: the names in the
  /// first line may be long.
  std::vector<std::string> members;
};

/// PGRST102 where `csv` has no first line, a quote stands where none can, a line has another number of
/// fields than the first, or more than a table can have columns; and where it is not UTF-8.
Result<CsvRows> read_csv(std::string_view csv, std::span<const std::string> watched);

}  // namespace shardplex
