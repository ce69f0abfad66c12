// One process of a server may hang while the others answer.
#pragma once

#include <chrono>
#include <memory>

#include "postgres/pool.hpp"

namespace shardplex::postgres {

/// From when on an answer is late enough to ask what became of it.
inline constexpr std::chrono::milliseconds stalled_after{400};

/// Asks the server about its processes that owe the pool an answer (Pool::stalled()). PostgreSQL says "idle"
/// of one that has not begun what was sent to it, and "active" of one that is at it: the connections of the
/// former are replaced, so that what was sent can be asked elsewhere. A process that stopped in the middle
/// of a statement cannot be told from a slow one. Nothing follows where the server that answers has no such
/// process, as where several stand behind one address.
Awaitable<void> replace_hung_backends(std::shared_ptr<Pool> pool);

}  // namespace shardplex::postgres
