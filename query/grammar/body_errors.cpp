#include "query/grammar/body_errors.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::grammar {

Error bad_body(std::string message, std::optional<std::string> details) {
  return {"PGRST102", std::move(message), std::move(details), std::nullopt, std::nullopt};
}

std::string place_in(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte);
  const auto lines = std::ranges::count(before, '\n');
  const std::string_view line = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0
  const auto characters =
      std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(characters + 1) + " (byte " +
         std::to_string(byte) + ')';
}

}  // namespace shardplex::grammar
