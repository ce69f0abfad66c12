// What the silence of a server is, and what is not.
#pragma once

#include <chrono>
#include <string_view>

#include "postgres/failure.hpp"

namespace shardplex::router {

/// Of all the ways in which a server that hangs shows itself: one of them, to the same words.
inline constexpr std::string_view silence = "does not answer";

/// An answer that is later than its deadline by so much was held up by this thread.
inline constexpr auto own_delay = std::chrono::milliseconds(150);

inline bool is_late(const postgres::Failure& failure) {
  return failure.kind == postgres::Failure::Kind::deadline;
}

inline bool is_silence(const postgres::Failure& failure) {
  return is_late(failure) || failure.silent;
}

}  // namespace shardplex::router
