// A cursor's text; and the bytes as the values of a cursor, a line each.
#include <algorithm>
#include <optional>
#include <string>

#include "query/grammar/cursor.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

Cursor cursor_of(std::string_view input) {
  Cursor cursor{input.size() % 2 == 0, input.size(), {}};
  while (!input.empty()) {
    const auto line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    if (line.empty())
      cursor.values.emplace_back();
    else
      cursor.values.emplace_back(line);
  }
  return cursor;
}

bool is_text(const std::optional<std::string>& value) {
  return !value || (is_utf8(*value) && value->find('\0') == std::string::npos);
}

}  // namespace

void take(std::string_view input) {
  if (const auto cursor = decode_cursor(input)) {
    invariant(encode_cursor(*cursor) == input, "a cursor has one text");
    invariant(input.size() <= longest_cursor, "a cursor is no longer than is allowed");
    invariant(std::ranges::all_of(cursor->values, is_text), "its values are texts of PostgreSQL's");
  }
  const auto cursor = cursor_of(input);
  const auto text = encode_cursor(cursor);
  const bool is_good = text.size() <= longest_cursor && std::ranges::all_of(cursor.values, is_text);
  invariant(decode_cursor(text) == (is_good ? std::optional(cursor) : std::nullopt),
            "a cursor is read as it was written");
}

}  // namespace shardplex::fuzz
