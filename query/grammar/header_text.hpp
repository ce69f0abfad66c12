// The pieces that HTTP fields are made of.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "query/grammar/reader.hpp"

namespace shardplex::grammar {

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// Where the piece of `text` before the first separator outside double quotes ends.
inline std::size_t end_of_piece(std::string_view text, char separator) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == separator && !quoted) return i;
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\\' && quoted) ++i;
  }
  return text.size();
}

/// Calls `use` with each non-empty trimmed piece of `text` between separators.
template <class Use>
void for_each_piece(std::string_view text, char separator, Use use) {
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, end_of_piece(text, separator));
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
    if (const std::string_view inside = trimmed(piece); !inside.empty()) use(inside);
  }
}

/// name=value, a preference or a media type's parameter, without the blanks around the equals sign: the name
/// in lower case, the value as written; no value where there is no equals sign.
inline std::pair<std::string, std::string_view> name_and_value(std::string_view written) {
  const std::size_t equals = written.find('=');
  if (equals == std::string_view::npos) return {lower(written), {}};
  return {lower(trimmed(written.substr(0, equals))), trimmed(written.substr(equals + 1))};
}

/// The value of a "q": a weight between 0 and 1; 1 where it is none.
inline double quality_of(std::string_view value) {
  double quality = 1;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), quality);
  const bool is_weight = error == std::errc{} && quality >= 0 && quality <= 1;
  return is_weight ? quality : 1;
}

}  // namespace shardplex::grammar
