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
  /// JSON whose first member is the row's geometry, as PostGIS has it in a Feature. It becomes one where it
  /// is answered (feature_json.hpp), whoever has put the row together.
  feature,
  feature_in_utc,
};
inline constexpr std::size_t row_format_count = 7;

constexpr bool is_in_utc(RowFormat format) {
  return format == RowFormat::json_in_utc || format == RowFormat::stripped_json_in_utc ||
         format == RowFormat::feature_in_utc;
}

constexpr bool is_feature(RowFormat format) {
  return format == RowFormat::feature || format == RowFormat::feature_in_utc;
}

}  // namespace shardplex
