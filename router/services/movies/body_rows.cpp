#include "router/services/movies/body_rows.hpp"

#include <string_view>

namespace shardplex::router {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Where the string that begins at `at` ends, its quote included.
std::size_t end_of_string(std::string_view json, std::size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\') {
      ++at;
    } else if (json[at] == '"') {
      return at + 1;
    }
  }
  return json.size();
}

std::size_t elements_in(std::string_view json, std::size_t enough) {
  std::size_t at = 0;
  while (at < json.size() && is_space(json[at])) ++at;
  if (at == json.size() || json[at] != '[') return 1;
  std::size_t depth = 1, rows = 0;
  bool row_begun = false;
  for (++at; at < json.size() && depth > 0 && rows < enough;) {
    const char c = json[at];
    if (depth == 1 && !row_begun && !is_space(c) && c != ']') {
      row_begun = true;
      ++rows;
    }
    if (c == '"') {
      at = end_of_string(json, at);
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == ',' && depth == 1) row_begun = false;
    ++at;
  }
  return rows;
}

/// Lines that are not empty, without the first. A line ends outside of quotes.
std::size_t lines_in(std::string_view csv, std::size_t enough) {
  std::size_t lines = 0;
  bool is_quoted = false, has_begun = false;
  for (std::size_t at = 0; at < csv.size() && lines <= enough; ++at) {
    const char c = csv[at];
    if (c == '"') is_quoted = !is_quoted;
    if (!is_quoted && (c == '\n' || c == '\r')) {
      has_begun = false;
    } else if (!has_begun) {
      has_begun = true;
      ++lines;
    }
  }
  return lines == 0 ? 0 : lines - 1;
}

}  // namespace

std::size_t rows_in(const BodyText& body, std::size_t enough) {
  switch (body.format) {
    case BodyFormat::json:
      return elements_in(body.text, enough);
    case BodyFormat::csv:
      return lines_in(body.text, enough);
    case BodyFormat::form:
      break;
  }
  return 1;
}

}  // namespace shardplex::router
