#include "query/engine/strip_nulls.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "query/engine/json_value.hpp"

namespace shardplex {
namespace {

Error not_json() {
  return {"SHARD503", "A shard's answer cannot be understood", "A value is not the JSON that it should be.",
          "Try again shortly.", std::nullopt};
}

Error no_character() {
  return {"22P05", "unsupported Unicode escape sequence", "\\u0000 cannot be converted to text.",
          std::nullopt, std::nullopt};
}

Error lone_surrogate(bool after_high) {
  return {"22P02", "invalid input syntax for type json",
          after_high ? "Unicode high surrogate must not follow a high surrogate."
                     : "Unicode low surrogate must follow a high surrogate.",
          std::nullopt, std::nullopt};
}

bool is_json_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto add = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
  const auto continued = [&](int shift) { add(0x80U | (point >> shift & 0x3FU)); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0U | point >> 6);
    continued(0);
  } else if (point < 0x10000) {
    add(0xE0U | point >> 12);
    continued(6);
    continued(0);
  } else {
    add(0xF0U | point >> 18);
    continued(12);
    continued(6);
    continued(0);
  }
}

/// What \b, \n and the like stand for; the character itself for one that stands for itself.
std::optional<char> escaped_character(char c) {
  switch (c) {
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
    case '"':
    case '\\':
    case '/':
      return c;
    default:
      return std::nullopt;
  }
}

/// Takes the text of one string literal apart, which has no quotes any more.
class Unescaper {
 public:
  explicit Unescaper(std::string_view literal) : rest_(literal) {}

  Result<std::string> text() {
    while (!rest_.empty()) {
      const auto plain = std::min(rest_.find('\\'), rest_.size());
      if (plain > 0 && high_) return lone_surrogate(false);
      text_ += rest_.substr(0, plain);
      rest_.remove_prefix(plain);
      if (rest_.empty()) break;
      if (auto done = take_escape(); !done) return done.error();
    }
    if (high_) return lone_surrogate(false);
    return {Result<std::string>::in_place_value, std::move(text_)};
  }

 private:
  Result<void> take_escape() {
    if (rest_.size() < 2) return not_json();
    const char what = rest_[1];
    rest_.remove_prefix(2);
    if (what == 'u') return take_code_unit();
    if (high_) return lone_surrogate(false);
    const auto character = escaped_character(what);
    if (!character) return not_json();
    text_ += *character;
    return {};
  }

  Result<void> take_code_unit() {
    constexpr std::size_t digits = 4;
    std::uint32_t unit = 0;
    const auto text = rest_.substr(0, digits);
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), unit, 16);
    const bool is_whole = text.size() == digits && end == text.data() + text.size();
    if (failure != std::errc{} || !is_whole) return not_json();
    rest_.remove_prefix(digits);
    const bool is_high = unit >= 0xD800 && unit < 0xDC00, is_low = unit >= 0xDC00 && unit < 0xE000;
    if (is_high && high_) return lone_surrogate(true);
    if (is_low != high_.has_value() && !is_high) return lone_surrogate(false);
    if (unit == 0) return no_character();
    if (is_high) {
      high_ = unit;
    } else {
      append_utf8(text_, high_ ? 0x10000 + ((*high_ - 0xD800) << 10) + (unit - 0xDC00) : unit);
      high_.reset();
    }
    return {};
  }

  std::string_view rest_;
  std::string text_;
  std::optional<std::uint32_t> high_;  // a surrogate whose other half has to come next
};

/// Copies token by token. No stack is needed: a string before a colon is a name, and a comma is due before
/// whatever does not come first or behind a name.
class NullStripper {
 public:
  NullStripper(std::string& out, std::string_view json) : out_(out), begin_(out.size()), rest_(json) {}

  Result<void> run() {
    for (skip_space(); !rest_.empty(); skip_space()) {
      const char c = rest_.front();
      if (c == '"') {
        if (auto done = copy_string(); !done) return done;
      } else if (c == ',') {
        rest_.remove_prefix(1);
      } else if (c == '{' || c == '[') {
        begin_item();
        copy(1);
      } else if (c == '}' || c == ']') {
        copy(1);
      } else {
        if (word_size() == 0) return not_json();
        begin_item();
        copy(word_size());
      }
    }
    return {};
  }

 private:
  void skip_space() {
    while (!rest_.empty() && is_json_space(rest_.front())) rest_.remove_prefix(1);
  }

  void copy(std::size_t size) {
    out_ += rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  void begin_item() {
    if (out_.size() == begin_) return;
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':') out_ += ',';
  }

  /// Of the number, true, false or null at the front.
  std::size_t word_size() const { return std::min(rest_.find_first_of(",:]}[{\" \t\n\r"), rest_.size()); }

  /// A string, or a name, which goes where null follows.
  Result<void> copy_string() {
    const auto size = string_size();
    if (!size) return not_json();
    const auto literal = rest_.substr(1, *size - 2);
    rest_.remove_prefix(*size);
    skip_space();
    const bool is_name = rest_.starts_with(':');
    if (is_name) {
      rest_.remove_prefix(1);
      skip_space();
      if (rest_.substr(0, word_size()) == "null") {
        rest_.remove_prefix(word_size());
        return check(literal);
      }
    }
    begin_item();
    if (auto done = write(literal); !done) return done;
    if (is_name) out_ += ':';
    return {};
  }

  /// With its quotes; nullopt where it does not end.
  std::optional<std::size_t> string_size() const {
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') return i + 1;
      if (rest_[i] == '\\') ++i;
    }
    return std::nullopt;
  }

  Result<void> write(std::string_view literal) {
    if (literal.find('\\') == std::string_view::npos) {  // nothing is escaped, and nothing needs it
      ((out_ += '"') += literal) += '"';
      return {};
    }
    const auto text = Unescaper(literal).text();
    if (!text) return text.error();
    append_json_string(out_, *text);
    return {};
  }

  /// A name is read, and may be none, though nobody will see it.
  static Result<void> check(std::string_view literal) {
    if (literal.find('\\') == std::string_view::npos) return {};
    const auto text = Unescaper(literal).text();
    if (!text) return text.error();
    return {};
  }

  std::string& out_;
  std::size_t begin_;
  std::string_view rest_;
};

}  // namespace

Result<void> append_without_nulls(std::string& out, std::string_view json) {
  return NullStripper(out, json).run();
}

}  // namespace shardplex
