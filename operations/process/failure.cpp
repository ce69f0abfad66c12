#include "operations/process/failure.hpp"

namespace shardplex::operations {

CommandFailed::CommandFailed(std::vector<std::string> all)
    : std::runtime_error(all.front()), problems(std::move(all)) {}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!space)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string reason_of(const std::exception& error) {
  std::string_view text = error.what();
  for (const std::string_view prefix : {"ERROR:", "FATAL:"})
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  if (const auto context = text.find("\nCONTEXT:"); context != std::string_view::npos)
    text = text.substr(0, context);
  return one_line(text);
}

}  // namespace shardplex::operations
