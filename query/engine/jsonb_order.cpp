#include "query/engine/jsonb_order.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include "query/engine/jsonb_tokens.hpp"

namespace shardplex {
namespace {

bool has_escapes(std::string_view text) {
  return text.find('\\') != std::string_view::npos;
}

template <class T>
int order_of(const T& a, const T& b) {
  return (a > b) - (a < b);
}

char unescaped(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;
  }
}

std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (text[++i] != 'u') {
      out += unescaped(text[i]);
      continue;
    }
    // u00, then 0 or 1, then a digit.
    const char low = text[i + 4];
    out += static_cast<char>((text[i + 3] - '0') * 16 + (low <= '9' ? low - '0' : low - 'a' + 10));
    i += 4;
  }
  return out;
}

int compare_strings(std::string_view a, std::string_view b) {
  if (!has_escapes(a) && !has_escapes(b)) return order_of(a, b);
  return order_of(without_escapes(a), without_escapes(b));
}

/// A number as numeric_out() writes it, without zeros at its ends.
struct WrittenNumber {
  explicit WrittenNumber(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const auto point = std::min(text.find('.'), text.size());
    whole = text.substr(0, point);
    if (point < text.size()) fraction = text.substr(point + 1);
    while (whole.starts_with('0')) whole.remove_prefix(1);
    while (fraction.ends_with('0')) fraction.remove_suffix(1);
    sign = whole.empty() && fraction.empty() ? 0 : negative ? -1 : 1;
  }

  int sign = 0;
  std::string_view whole, fraction;
};

int compare_decimals(std::string_view text_a, std::string_view text_b) {
  const WrittenNumber a(text_a), b(text_b);
  if (a.sign != b.sign) return order_of(a.sign, b.sign);
  int magnitude = order_of(a.whole.size(), b.whole.size());
  if (magnitude == 0) magnitude = order_of(a.whole, b.whole);
  if (magnitude == 0) magnitude = order_of(a.fraction, b.fraction);
  return a.sign * magnitude;
}

int compare_tokens(const JsonbToken& a, const JsonbToken& b) {
  if (a.kind != b.kind) return order_of(a.kind, b.kind);
  switch (a.kind) {
    case JsonbToken::null:
      return 0;
    case JsonbToken::string:
      return compare_strings(a.text, b.text);
    case JsonbToken::number:
      return compare_decimals(a.text, b.text);
    case JsonbToken::boolean:  // "false" is before "true" as a text, too
      return order_of(a.text, b.text);
    case JsonbToken::array:
    case JsonbToken::object:
      break;
  }
  return order_of(a.members, b.members);
}

/// PostgreSQL keeps a value that is no container as an array of one, and compares the numbers of members
/// after it has told the two apart.
bool is_before_scalars(const JsonbToken& value) {
  return value.kind == JsonbToken::array && value.members == 0;
}

}  // namespace

int compare_jsonb(std::string_view bytes_a, std::string_view bytes_b) {
  if (bytes_a == bytes_b) return 0;
  JsonbTokens tokens_a(bytes_a), tokens_b(bytes_b);
  auto a = tokens_a.next(), b = tokens_b.next();
  if (is_before_scalars(*a) && !b->is_container()) return -1;
  if (is_before_scalars(*b) && !a->is_container()) return 1;
  // Containers that have as many members have these at the same places.
  for (; a && b; a = tokens_a.next(), b = tokens_b.next())
    if (const int order = compare_tokens(*a, *b); order != 0) return order;
  return 0;
}

}  // namespace shardplex
