// Faults of routers.
#include <signal.h>

#include <stdexcept>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {

void end_router(Round& round) {
  const auto index = round.random() % round.site.routers();
  round.begin();
  const auto status = round.site.router(index).stop();
  if (status != 0) throw std::runtime_error("the router ended with status " + std::to_string(status));
  round.hold_on();
  round.shows_router_down(index);
  round.site.start_router(index);
}

void kill_router(Round& round) {
  const auto index = round.random() % round.site.routers();
  round.begin();
  round.site.router(index).kill();
  round.hold_on();
  round.shows_router_down(index);
  round.site.start_router(index);
}

}  // namespace shardplex::chaos
