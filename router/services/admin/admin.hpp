// The admin port: /live, /ready, /metrics, /map, /shards, /load.
#pragma once

#include <prometheus/registry.h>

#include <atomic>

#include "router/http/exchange.hpp"
#include "router/metrics.hpp"
#include "router/topology/control.hpp"

namespace shardplex::router {

/// Thread: the control thread.
class Admin {
 public:
  Admin(const Control& control, const Metrics& metrics) : control_(control), metrics_(metrics) {}

  Awaitable<void> serve(Exchange& exchange) const;

  /// From now on /ready says no, so that load balancers look elsewhere.
  void set_draining() { draining_ = true; }

 private:
  void live(Exchange& exchange) const;
  void ready(Exchange& exchange) const;
  void metrics(Exchange& exchange) const;
  void map(Exchange& exchange) const;
  void shards(Exchange& exchange) const;
  void load(Exchange& exchange) const;

  struct Endpoint {
    std::string_view path;
    void (Admin::*answer)(Exchange&) const;
  };
  static const Endpoint endpoints[6];

  const Control& control_;
  const Metrics& metrics_;
  bool draining_ = false;
};

}  // namespace shardplex::router
