#include "shard_map/percent.hpp"

#include <charconv>
#include <cstddef>
#include <system_error>

namespace shardplex {
namespace {

/// The byte of two hexadecimal digits; nullopt where they are something else, or NUL.
std::optional<char> decoded_byte(std::string_view digits) {
  unsigned char byte = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, byte, 16);
  if (digits.size() != 2 || error != std::errc{} || stopped != end || byte == 0) return std::nullopt;
  return static_cast<char>(byte);
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto byte = decoded_byte(text.substr(i + 1, 2));
      if (!byte) return std::nullopt;
      decoded.push_back(*byte);
      i += 2;
    } else {
      decoded.push_back(text[i] == '+' && plus_is_space ? ' ' : text[i]);
    }
  }
  return decoded;
}

}  // namespace shardplex
