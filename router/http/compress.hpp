// Bodies that are written smaller where the client takes them so.
#pragma once

#include <cstddef>
#include <string_view>

#include "postgres/memory_budget.hpp"
#include "router/http/answer.hpp"

namespace shardplex::router {

/// Bodies of fewer bytes are sent as they are: they fit a packet, or nearly so.
inline constexpr std::size_t least_compressed_bytes = 1024;

/// Encodes the answer's body in the coding that `accept_encoding` (the field; "" where there is none) likes
/// best, and says so in Content-Encoding. A longer body, or one that is made while it is sent, is encoded
/// part by part, so that nobody waits for the whole of it. `memory`: has what that takes to spare
/// (take_spare()), or the body stays as it is; null: no bound. No effect on answers with a Content-Encoding,
/// nor where a short body would not get shorter.
void compress(Answer& answer, std::string_view accept_encoding, MemoryBudget* memory);

}  // namespace shardplex::router
