#include "query/engine/jsonb_order.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

/// A value, or a key; those of a container follow it.
struct JsonbToken {
  enum Kind : std::uint8_t { null, string, number, boolean, array, object };  // in sort order
  Kind kind = null;
  /// As it is written; of a string what is between its quotes.
  std::string_view text = {};
  std::size_t members = 0;  ///< of an array or object

  bool is_container() const { return kind == array || kind == object; }
};

bool is_one_of(char c, std::string_view all) {
  return all.find(c) != std::string_view::npos;
}

bool has_escapes(std::string_view text) {
  return is_one_of('\\', text);
}

/// The values of a jsonb's text, in their order. Keeps its own stack: values may be nested deeply.
class JsonbReader {
 public:
  explicit JsonbReader(std::string_view text) : rest_(text) {}

  std::optional<std::vector<JsonbToken>> read() {
    if (!value()) return std::nullopt;
    while (!open_.empty())
      if (!close() && !member()) return std::nullopt;
    if (!rest_.empty()) return std::nullopt;
    return std::move(tokens_);
  }

 private:
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool add(JsonbToken::Kind kind, std::size_t length) {
    tokens_.push_back({kind, rest_.substr(0, length), 0});
    rest_.remove_prefix(length);
    return true;
  }

  bool open(JsonbToken::Kind kind) {
    open_.push_back(tokens_.size());
    return add(kind, 1);
  }

  /// The end of the container that is read.
  bool close() {
    if (!take(tokens_[open_.back()].kind == JsonbToken::array ? "]" : "}")) return false;
    open_.pop_back();
    return true;
  }

  bool member() {
    auto& container = tokens_[open_.back()];
    const bool has_key = container.kind == JsonbToken::object;
    if (container.members++ > 0 && !take(", ")) return false;
    return (!has_key || (string() && take(": "))) && value();
  }

  bool value() {
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '[':
        return open(JsonbToken::array);
      case '{':
        return open(JsonbToken::object);
      case '"':
        return string();
      case 'n':
        return rest_.starts_with("null") && add(JsonbToken::null, 4);
      case 't':
        return rest_.starts_with("true") && add(JsonbToken::boolean, 4);
      case 'f':
        return rest_.starts_with("false") && add(JsonbToken::boolean, 5);
      default:
        return number();
    }
  }

  bool string() {
    if (!take("\"")) return false;
    std::size_t end = 0;
    for (; end < rest_.size() && rest_[end] != '"'; ++end)
      if (rest_[end] == '\\') ++end;
    if (end >= rest_.size()) return false;
    if (!is_escaped(rest_.substr(0, end))) return false;
    add(JsonbToken::string, end);
    return take("\"");
  }

  /// Every escape is one that escape_json() writes.
  static bool is_escaped(std::string_view text) {
    for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
      const std::string_view escape = text.substr(at + 1);
      const bool is_control = escape.size() >= 5 && escape.starts_with("u00") &&
                              (escape[3] == '0' || escape[3] == '1') &&
                              is_one_of(escape[4], "0123456789abcdef");
      if (!is_control && (escape.empty() || !is_one_of(escape.front(), "bfnrt\"\\"))) return false;
      at += is_control ? 6 : 2;
    }
    return true;
  }

  bool number() {
    std::string_view text = rest_;
    if (text.starts_with('-')) text.remove_prefix(1);
    if (digits(text) == 0) return false;
    text.remove_prefix(digits(text));
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      if (digits(text) == 0) return false;
      text.remove_prefix(digits(text));
    }
    return add(JsonbToken::number, rest_.size() - text.size());
  }

  static std::size_t digits(std::string_view text) {
    const auto end = text.find_first_not_of("0123456789");
    return end == std::string_view::npos ? text.size() : end;
  }

  std::string_view rest_;
  std::vector<JsonbToken> tokens_;
  std::vector<std::size_t> open_;  // where in tokens_ the containers are that have not ended
};

std::optional<std::vector<JsonbToken>> read_jsonb(std::string_view bytes) {
  if (!bytes.starts_with('\1')) return std::nullopt;
  return JsonbReader(bytes.substr(1)).read();
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

bool is_jsonb(std::string_view bytes) {
  return read_jsonb(bytes).has_value();
}

int compare_jsonb(std::string_view bytes_a, std::string_view bytes_b) {
  if (bytes_a == bytes_b) return 0;
  const auto a = read_jsonb(bytes_a), b = read_jsonb(bytes_b);
  invariant(a && b, "only values of jsonb are compared as such");
  if (is_before_scalars(a->front()) && !b->front().is_container()) return -1;
  if (is_before_scalars(b->front()) && !a->front().is_container()) return 1;
  // Containers that have as many members have these at the same places.
  for (std::size_t i = 0; i < a->size() && i < b->size(); ++i)
    if (const int order = compare_tokens((*a)[i], (*b)[i]); order != 0) return order;
  return 0;
}

}  // namespace shardplex
