// Reading one decoded text from left to right.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "query/error.hpp"
#include "query/grammar/grammar_errors.hpp"

namespace shardplex::grammar {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_word(char c) {
  return is_lower(c) || is_upper(c) || c == '_';
}
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}
constexpr bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// Letters outside ASCII all count as parts of a name, so that every alphabet works unquoted.
constexpr bool is_name(char c) {
  return is_word(c) || is_digit(c) || c == '$' || c == ' ' || !is_ascii(c);
}
constexpr bool is_json_key(char c) {
  return std::string_view("(-:.,>)").find(c) == std::string_view::npos;
}
constexpr bool ends_item(char c) {
  return c == ',' || c == ')';
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Reads one decoded text from left to right. Every read_… function of this folder consumes one thing of the
/// grammar and returns true, or records why it could not and returns false; take_… functions consume only
/// what is there.
class Reader {
 public:
  /// `what` names the text in messages, such as "filter". Both must outlive the reader.
  Reader(std::string_view what, std::string_view text) : what_(what), text_(text) {}

  std::string_view rest() const { return text_.substr(at_); }
  std::size_t position() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  /// NUL, which no text holds, past the end.
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void advance(std::size_t bytes) { at_ += bytes; }
  void rewind(std::size_t position) { at_ = position; }
  void skip_blanks() {
    while (is_blank(peek())) ++at_;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!rest().starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  template <class Predicate>
  std::string_view take_while(Predicate belongs) {
    const std::size_t start = at_;
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  std::string_view since(std::size_t start) const { return text_.substr(start, at_ - start); }

  bool expect(char c, std::string_view expecting) { return take(c) || fail(expecting); }
  bool expect_end(std::string_view expecting) { return at_end() || fail(expecting); }

  bool fail(std::string_view expecting) { return fail_at(at_, expecting); }
  bool fail_at(std::size_t position, std::string_view expecting) {
    at_ = position;
    is_readable_ = false;
    std::string where = " (line 1, column " + std::to_string(column()) + ")";
    return refuse(grammar_error(
        quoted("failed to parse " + std::string(what_) + " (" + std::string(text_) + ")") + where,
        "unexpected " + unexpected() + " expecting " + std::string(expecting)));
  }
  bool refuse(Error error) {
    error_ = std::move(error);
    return false;
  }
  Error take_error() { return std::move(error_); }
  /// False where the text does not say what was to be read; true still where it was refused for what it says.
  bool is_readable() const { return is_readable_; }

 private:
  // Columns count characters, as an editor does.
  std::size_t column() const {
    const std::string_view before = text_.substr(0, at_);
    const auto inside = std::count_if(before.begin(), before.end(), is_continuation);
    return before.size() - static_cast<std::size_t>(inside) + 1;
  }
  std::string unexpected() const {
    if (at_end()) return "end of input";
    std::size_t bytes = 1;
    while (is_continuation(peek(bytes))) ++bytes;
    return quoted(text_.substr(at_, bytes));
  }

  std::string_view what_;
  std::string_view text_;
  std::size_t at_ = 0;
  bool is_readable_ = true;
  Error error_;
};

/// The row of that name in a table of the grammar; nullptr where there is none.
template <class Row, std::size_t size>
const Row* find_row(const Row (&rows)[size], std::string_view name) {
  const auto* found =
      std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.name == name; });
  return found == std::end(rows) ? nullptr : found;
}

}  // namespace shardplex::grammar
