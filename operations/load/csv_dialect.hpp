// How a CSV is written.
#pragma once

#include <string>

namespace shardplex::operations {

struct CsvDialect {
  char delimiter = ',';
  std::string null_text;  ///< what stands for null where it is not quoted
  bool crlf = false;      ///< lines end with carriage return and line feed, not with line feed alone
};

}  // namespace shardplex::operations
