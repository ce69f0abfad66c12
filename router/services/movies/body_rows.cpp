#include "router/services/movies/body_rows.hpp"

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

}  // namespace

std::size_t rows_in(std::string_view json, std::size_t enough) {
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

}  // namespace shardplex::router
