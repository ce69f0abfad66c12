#include "shard_schema/text_rows.hpp"

#include <charconv>

namespace shardplex {
namespace {

void expect(bool holds, const char* what) {
  if (!holds) throw UnexpectedAnswer(what);
}

}  // namespace

std::string_view TextRows::view(std::size_t row, std::size_t column) const {
  const auto found = value(row, column);
  expect(found.has_value(), "a null where there has to be a value");
  return *found;
}

std::int64_t TextRows::integer(std::size_t row, std::size_t column) const {
  const std::string_view digits = view(row, column);
  std::int64_t number = 0;
  const auto end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  expect(parsed.ec == std::errc{} && parsed.ptr == end, "something else where there has to be a number");
  return number;
}

bool TextRows::boolean(std::size_t row, std::size_t column) const {
  const std::string_view word = view(row, column);
  expect(word == "true" || word == "false", "something else where there has to be true or false");
  return word == "true";
}

}  // namespace shardplex
