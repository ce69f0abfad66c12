// The admin port: /live, /ready, /metrics, /map, /shards, /load, /patterns, /plan.
#pragma once

#include "router/http/answer.hpp"
#include "router/http/call.hpp"
#include "router/metrics.hpp"
#include "router/settings.hpp"
#include "router/topology/control.hpp"

namespace shardplex::router {

/// Thread: the control thread.
class Admin {
 public:
  Admin(const Control& control, const Metrics& metrics, const Settings& settings)
      : control_(control), metrics_(metrics), settings_(settings) {}

  Awaitable<Answer> serve(Call& call) const;

  /// From now on /ready says no, so that load balancers look elsewhere.
  void set_draining() { draining_ = true; }

 private:
  const Control& control_;
  const Metrics& metrics_;
  const Settings& settings_;
  bool draining_ = false;
};

}  // namespace shardplex::router
