// Filters: a column, an operator and a value, and trees of them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/grammar/query.hpp"
#include "query/grammar/reader.hpp"

namespace shardplex::grammar {

/// As requests write them: "gte", "not_null".
std::string_view word_of(Operator op);
std::string_view word_of(IsValue value);

/// Reads conditions and holds their number and nesting to the limits. Lifetime: refers to the limits.
class FilterReader {
 public:
  explicit FilterReader(const ParseLimits& limits) : limits_(limits) {}

  /// A parameter's value, after its key has been read into condition.field.
  bool read_parameter(Reader& in, Condition& condition);

  /// (item,item,…) at the given depth of and() and or(), counted from 1.
  bool read_children(Reader& in, std::size_t depth, std::vector<Filter>& children);

 private:
  bool read_child(Reader& in, std::size_t depth, Filter& child);
  bool count(Reader& in);

  const ParseLimits& limits_;
  std::size_t conditions_ = 0;
};

}  // namespace shardplex::grammar
