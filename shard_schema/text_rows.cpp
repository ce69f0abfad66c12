#include "shard_schema/text_rows.hpp"

#include <charconv>

#include "shard_map/invariant.hpp"

namespace shardplex {

std::string_view TextRows::view(std::size_t row, std::size_t column) const {
  const auto found = value(row, column);
  invariant(found.has_value(), "a shard's statement gives null only where its decoder expects it");
  return *found;
}

std::int64_t TextRows::integer(std::size_t row, std::size_t column) const {
  const std::string_view digits = view(row, column);
  std::int64_t number = 0;
  const auto end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  invariant(parsed.ec == std::errc{} && parsed.ptr == end,
            "a shard's statement gives whole numbers as digits");
  return number;
}

bool TextRows::boolean(std::size_t row, std::size_t column) const {
  const std::string_view word = view(row, column);
  invariant(word == "true" || word == "false", "a shard's statement gives truth as true or false");
  return word == "true";
}

}  // namespace shardplex
