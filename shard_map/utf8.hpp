// Whether bytes are UTF-8 as PostgreSQL accepts it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shardplex {

/// The offset of the first byte that does not begin or continue a valid code point (RFC 3629: no overlong
/// forms, no surrogates, nothing beyond U+10FFFF), or text.size().
std::size_t valid_utf8_prefix(std::string_view text);

inline bool is_utf8(std::string_view text) {
  return valid_utf8_prefix(text) == text.size();
}

/// The text with U+FFFD for each byte that is no UTF-8.
std::string as_utf8(std::string_view text);

}  // namespace shardplex
