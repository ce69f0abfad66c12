// Bytes written smaller, by the libraries that clients know.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "query/grammar/accept_encoding.hpp"

namespace shardplex::router {

/// One body, added part by part.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// Appends to `out` all that has been added, so that a client can read it at once; `last`: and the end.
  /// False where the library has failed, or has no memory: the body cannot be completed then.
  virtual bool add(std::string_view bytes, bool last, std::string& out) = 0;
};

/// An encoder takes no more memory than this, whatever it encodes, where no more than 128 KiB are added at a
/// time. Brotli keeps more of what comes in longer parts.
inline constexpr std::size_t encoder_bytes = std::size_t{3} << 20;

/// nullptr where the library has no memory.
std::unique_ptr<Encoder> make_encoder(ContentCoding coding);

}  // namespace shardplex::router
