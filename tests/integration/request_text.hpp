// Names and values as URLs and as SQL write them, for generated requests.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "tests/integration/http_client.hpp"
#include "tests/integration/sample_rows.hpp"

namespace shardplex::integration {

inline std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

inline std::string sql_identifier(std::string_view name) {
  return '"' + replaced(std::string(name), "\"", "\"\"") + '"';
}

inline std::string sql_literal(std::string_view text) {
  return '\'' + replaced(std::string(text), "'", "''") + '\'';
}

/// "text", a backslash before quotes and backslashes.
inline std::string url_quoted(std::string_view text) {
  return '"' + replaced(replaced(std::string(text), "\\", "\\\\"), "\"", "\\\"") + '"';
}

inline bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

/// A name of a column, an alias or a json key in a URL.
inline std::string url_name(std::string_view name) {
  return is_word(name) ? std::string(name) : url_quoted(name);
}

inline std::string encoded(std::string_view text, Random& random) {
  auto out = percent_encode(text);
  return chance(random, 50) ? replaced(std::move(out), "%20", "+") : out;
}

}  // namespace shardplex::integration
