#include "query/engine/raw_value.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace shardplex {
namespace {

/// Appends the byte that `digits` are to the base. False where they are none.
bool append_byte(std::string& out, std::string_view digits, int base) {
  unsigned char byte = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  out += static_cast<char>(byte);
  return true;
}

bool append_of_hex(std::string& out, std::string_view digits) {
  if (digits.size() % 2 != 0) return false;
  out.reserve(out.size() + digits.size() / 2);
  for (; !digits.empty(); digits.remove_prefix(2))
    if (!append_byte(out, digits.substr(0, 2), 16)) return false;
  return true;
}

/// A backslash stands before another one, or before three octal digits.
bool append_of_escapes(std::string& out, std::string_view text) {
  while (!text.empty()) {
    if (text.front() != '\\') {
      out += text.front();
      text.remove_prefix(1);
    } else if (text.starts_with("\\\\")) {
      out += '\\';
      text.remove_prefix(2);
    } else {
      if (text.size() < 4 || !append_byte(out, text.substr(1, 3), 8)) return false;
      text.remove_prefix(4);
    }
  }
  return true;
}

}  // namespace

bool append_unquoted(std::string& out, std::string_view field) {
  if (!field.starts_with('"')) {
    out += field;
    return true;
  }
  if (field.size() < 2 || !field.ends_with('"')) return false;
  field = field.substr(1, field.size() - 2);
  out.reserve(out.size() + field.size());
  const auto is_doubled = [](char c) { return c == '"' || c == '\\'; };
  while (!field.empty()) {
    const auto found = std::ranges::find_if(field, is_doubled);
    const auto plain = static_cast<std::size_t>(found - field.begin());
    out += field.substr(0, plain);
    if (plain == field.size()) break;
    if (plain + 1 == field.size() || field[plain + 1] != field[plain]) return false;
    out += field[plain];
    field.remove_prefix(plain + 2);
  }
  return true;
}

bool append_bytes(std::string& out, std::string_view field) {
  std::string text;
  if (!append_unquoted(text, field)) return false;
  if (text.starts_with("\\x")) return append_of_hex(out, std::string_view(text).substr(2));
  return append_of_escapes(out, text);
}

}  // namespace shardplex
