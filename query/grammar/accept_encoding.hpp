// The Accept-Encoding header (RFC 9110, section 12.5.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shardplex {

/// How an answer's body can be written smaller.
enum class ContentCoding : std::uint8_t {
  zstd,  ///< RFC 8878
  br,    ///< Brotli, RFC 7932
  gzip,  ///< RFC 1952
};

/// As Content-Encoding names it. Lifetime: a literal.
std::string_view to_string(ContentCoding coding);

/// The coding that the client likes best; of several the first of ContentCoding. nullopt where it takes none,
/// or likes the body as it is better. A body as it is may always be sent.
std::optional<ContentCoding> parse_accept_encoding(std::string_view header);

}  // namespace shardplex
