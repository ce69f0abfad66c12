// Percent-encoding (RFC 3986, section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shardplex {

/// Decodes %XX, and `+` as space where `plus_is_space`; nullopt on a malformed escape and on %00. All other
/// bytes stay as they are. Written by hand because Boost.URL's decoding takes %00 for a character, and checks
/// escapes apart.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space = false);

}  // namespace shardplex
