// How a CSV is written.
#pragma once

#include <optional>
#include <string>

namespace shardplex::operations {

struct CsvDialect {
  char delimiter = ',';
  std::string null_text;  ///< what stands for null where it is not quoted
  bool crlf = false;      ///< lines end with carriage return and line feed, not with line feed alone
  bool quotes = true;     ///< fields may be quoted; else a quote is text like any other
  /// What is between the elements of an array, whose columns then hold lists and no array literals.
  std::optional<char> list_separator = std::nullopt;
};

}  // namespace shardplex::operations
