#include "query/grammar/row_texts.hpp"

#include <cstddef>

namespace shardplex {
namespace {

bool is_json_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Behind the string that begins at `at`.
std::size_t behind_string(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at)
    if (json[at] == '\\') ++at;
  return at + 1;
}

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<std::string_view> row_texts(std::string_view json) {
  json = without_spaces(json);
  if (!json.starts_with('[')) return {json};
  std::vector<std::string_view> rows;
  std::size_t depth = 0, begin = 1;
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    if (c == '"') {
      at = behind_string(json, at);
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if ((c == ',' && depth == 1) || depth == 0) {
      const auto row = without_spaces(json.substr(begin, at - begin));
      if (!row.empty()) rows.push_back(row);  // an empty array has none
      begin = at + 1;
    }
    ++at;
  }
  return rows;
}

}  // namespace shardplex
