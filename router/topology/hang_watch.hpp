// A server may begin to hang between two probes, at what is asked of it then.
#pragma once

#include <memory>

#include "postgres/asio.hpp"
#include "postgres/pool.hpp"
#include "postgres/server_pulse.hpp"

namespace shardplex::router {

/// While this lives, statements of the control thread are under way that may take longer than a probe may. A
/// server that answers nothing meanwhile, on a connection of its own neither, is given up (Pool::give_up()),
/// so that all of them end. Thread: the control thread.
class HangWatch {
 public:
  /// The pool outlives this; `pulse` is that of the workers' connections to the same server.
  HangWatch(asio::io_context& io, postgres::Pool& pool, std::shared_ptr<postgres::ServerPulse> pulse);
  ~HangWatch();
  HangWatch(const HangWatch&) = delete;

  /// The server was given up.
  bool gave_up() const;

 private:
  struct State;
  static Awaitable<void> run(std::shared_ptr<State> state);

  const std::shared_ptr<State> state_;
};

}  // namespace shardplex::router
