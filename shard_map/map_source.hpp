// Where the values of a shard map stand in its text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "shard_map/yaml_tree.hpp"

namespace shardplex {

inline bool contains(std::string_view characters, char c) {
  return characters.find(c) != std::string_view::npos;
}

/// The text is too unusual to be edited in place.
struct UnusualText {};

/// The text of a map, and the places in it. Offsets and columns are bytes, columns from 0.
class MapSource {
 public:
  explicit MapSource(std::string_view text) : text_(text), newline_(contains_crlf(text) ? "\r\n" : "\n") {}

  std::string_view text() const { return text_; }
  std::string_view newline() const { return newline_; }

  std::size_t line_begin(std::size_t at) const {
    const auto before = text_.substr(0, at).rfind('\n');
    return before == std::string_view::npos ? 0 : before + 1;
  }

  /// Before the line break.
  std::size_t line_end(std::size_t at) const {
    const auto end = std::min(text_.find('\n', at), text_.size());
    return end > 0 && text_[end - 1] == '\r' ? end - 1 : end;
  }

  /// After the line break.
  std::size_t next_line(std::size_t at) const {
    const auto end = text_.find('\n', at);
    return end == std::string_view::npos ? text_.size() : end + 1;
  }

  std::size_t column(std::size_t at) const { return at - line_begin(at); }
  bool on_one_line(std::size_t a, std::size_t b) const { return line_begin(a) == line_begin(b); }

  /// Past white space and comments. Precondition: not within a scalar.
  std::size_t next_token(std::size_t at) const {
    while (true) {
      at = std::min(text_.find_first_not_of(" \t\r\n", at), text_.size());
      if (at == text_.size() || text_[at] != '#') return at;
      at = next_line(at);
    }
  }

  std::size_t end_of(const YamlValue& value) const {
    switch (value.kind) {
      case YamlValue::Kind::null:
        throw UnusualText{};
      case YamlValue::Kind::scalar:
        return end_of_scalar(value);
      case YamlValue::Kind::list:
        if (value.items.empty()) return end_of_brackets(value.begin + 1);
        return end_of_collection(value, value.items.back());
      case YamlValue::Kind::mapping:
        if (value.entries.empty()) return end_of_brackets(value.begin + 1);
        return end_of_collection(value, value.entries.back().value);
    }
    throw UnusualText{};
  }

  /// The end of the last line of an entry that has lines of its own, with the comments below that are
  /// indented as what is within the entry.
  std::size_t end_of_lines(const YamlEntry& entry) const {
    auto end = line_end(end_of(entry.value));
    while (true) {
      const auto line = next_line(end);
      const auto first = std::min(text_.find_first_not_of(" \t", line), text_.size());
      if (first == text_.size() || text_[first] != '#' || first - line <= column(entry.begin)) return end;
      end = line_end(first);
    }
  }

  /// Where the lines of an entry begin, which nothing else may stand on.
  std::size_t begin_of_lines(const YamlEntry& entry) const {
    const auto begin = line_begin(entry.begin);
    if (text_.substr(begin, entry.begin - begin).find_first_not_of(' ') != std::string_view::npos)
      throw UnusualText{};
    return begin;
  }

 private:
  static bool contains_crlf(std::string_view text) { return text.find("\r\n") != std::string_view::npos; }

  std::size_t end_of_collection(const YamlValue& value, const YamlValue& last) const {
    return value.flow ? end_of_brackets(end_of(last)) : end_of(last);
  }

  std::size_t end_of_brackets(std::size_t at) const {
    at = next_token(at);
    if (at < text_.size() && text_[at] == ',') at = next_token(at + 1);
    if (at == text_.size() || !contains("]}", text_[at])) throw UnusualText{};
    return at + 1;
  }

  std::size_t end_of_scalar(const YamlValue& value) const {
    if (!value.quoted) return end_of_words(value.begin, value.text);
    const char quote = text_[value.begin];
    if (quote == '"' || quote == '\'') return end_of_quotes(value.begin + 1, quote);
    return end_of_words(line_end(value.begin), value.text);  // a block, after its first line
  }

  std::size_t end_of_quotes(std::size_t at, char quote) const {
    while (at < text_.size()) {
      const bool escape = quote == '"' ? text_[at] == '\\' : text_.substr(at).starts_with("''");
      if (!escape && text_[at] == quote) return at + 1;
      at += escape ? 2 : 1;
    }
    throw UnusualText{};
  }

  /// The end of text without escapes: only its white space may be written otherwise than it is read.
  std::size_t end_of_words(std::size_t at, std::string_view words) const {
    for (const char c : words) {
      if (contains(" \t\r\n", c)) continue;
      at = text_.find_first_not_of(" \t\r\n", at);
      if (at == std::string_view::npos || text_[at] != c) throw UnusualText{};
      ++at;
    }
    return at;
  }

  std::string_view text_, newline_;
};

}  // namespace shardplex
