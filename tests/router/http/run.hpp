// Runs a coroutine to its end on an event loop of its own.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "postgres/asio.hpp"

namespace shardplex::tests {

/// Returns what it returns, throws what it throws; throws where it is not done within half a minute.
template <class T>
T run(asio::io_context& io, Awaitable<T> task) {
  std::optional<T> out;
  std::exception_ptr failure;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr e, T value) {
    failure = e;
    out = std::move(value);
    io.stop();
  });
  io.restart();
  io.run_for(std::chrono::seconds(30));
  if (failure) std::rethrow_exception(failure);
  if (!out) throw std::runtime_error("the coroutine has not ended in time");
  return std::move(*out);
}

}  // namespace shardplex::tests
