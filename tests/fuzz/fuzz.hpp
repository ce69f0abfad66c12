// What a fuzz target is: a function that takes any bytes, and ends the process where what comes of them is
// not what has to.
#pragma once

#include <string>
#include <string_view>

#include "query/error.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/utf8.hpp"

namespace shardplex::fuzz {

/// Each target defines it. `input` is a buffer of its own size, so that AddressSanitizer sees what is read
/// behind its end. What it checks, it checks by invariant().
void take(std::string_view input);

/// An error that a client can be told: with a message, the status of an error, and as JSON that is UTF-8.
inline void check_error(const Error& error) {
  invariant(!error.code.empty() && !error.message.empty(), "an error has a code and a message");
  invariant(http_status(error) >= 300 && http_status(error) < 600, "an error has the status of one");
  invariant(is_utf8(to_json(error)), "an error is UTF-8");
}

/// A parameter's value in which every byte is percent-encoded, so that a target can take what is decoded.
inline std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace shardplex::fuzz
