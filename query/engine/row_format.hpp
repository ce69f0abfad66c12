// What the rows of a result are written as.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shardplex {

enum class RowFormat : std::uint8_t {
  json,
  /// JSON that goes without the members that are null. A read is stripped where it is answered
  /// (strip_nulls.hpp), whoever has put its rows together; a write by its statement, which has to fail as a
  /// whole where a row cannot be stripped.
  stripped_json,
  csv,
};
inline constexpr std::size_t row_format_count = 3;

}  // namespace shardplex
