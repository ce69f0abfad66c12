// What the rows of a result are written as.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shardplex {

enum class RowFormat : std::uint8_t {
  json,
  json_in_utc,  ///< the statement runs in UTC, in which the router writes instants itself
  /// JSON that goes without the members that are null. A read is stripped where it is answered
  /// (strip_nulls.hpp), whoever has put its rows together; a write by its statement, which has to fail as a
  /// whole where a row cannot be stripped.
  stripped_json,
  stripped_json_in_utc,
  csv,
};
inline constexpr std::size_t row_format_count = 5;

constexpr bool is_in_utc(RowFormat format) {
  return format == RowFormat::json_in_utc || format == RowFormat::stripped_json_in_utc;
}

}  // namespace shardplex
