// The JSON body of a write, read as far as routing needs it: its keys, and the values of a few columns. The
// rest is PostgreSQL's to read.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"

namespace shardplex {

/// A member's value as PostgreSQL's json functions turn it into a column's input text.
struct BodyValue {
  enum class Kind {
    absent,
    null,
    text,   ///< `text`: a string's characters, or a number's or boolean's own spelling
    nested  ///< an object or array
  } kind = Kind::absent;
  std::string text;
  bool operator==(const BodyValue&) const = default;
};

/// An object, or an array of objects.
struct Body {
  bool is_array = false;
  std::size_t rows = 0;
  std::vector<std::string> keys;                ///< of the first row, each once, in order
  std::vector<std::vector<BodyValue>> watched;  ///< by watched column, then by row; of a doubled key the last
  /// Where columns were to be noted: which of them rows have, one '0' or '1' for each, as many shapes as
  /// there are; and of each row, its shape.
  std::vector<std::string> shapes = {};
  std::vector<std::size_t> shape_of_row = {};
  bool operator==(const Body&) const = default;
};

/// Errors: PGRST102 where `json` is not JSON, not an object or array of objects, nested deeper than 128, or,
/// under `equal_keys`, where not every object has the keys of the first. `noted`: the columns of
/// Body::shapes.
Result<Body> read_body(std::string_view json, std::span<const std::string> watched, bool equal_keys,
                       std::span<const std::string> noted = {});

}  // namespace shardplex
