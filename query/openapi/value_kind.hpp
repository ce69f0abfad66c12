// What JSON the values of a column are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/catalogue.hpp"

namespace shardplex {

/// What to_json() makes of a column's values that are not null. Of an array it is what its elements are.
struct ValueKind {
  std::string_view type;    ///< of JSON Schema; "" where it can be any, or is not known
  std::string_view format;  ///< of OpenAPI's registry of formats; "" for none
  bool is_array = false;
  std::optional<std::uint32_t> max_length;  ///< in characters: of varchar(n) and char(n)
  bool operator==(const ValueKind&) const = default;
};

/// A domain is what it is made of. A type that is neither PostgreSQL's own nor an enum may have a cast to
/// json, so it is not known, but for citext.
ValueKind value_kind(const Column& column);

}  // namespace shardplex
