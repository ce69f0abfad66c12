// Requests in the figures and in the access log.
#pragma once

#include <string>

#include "router/http/call.hpp"
#include "router/metrics.hpp"

namespace shardplex::router {

/// One request: in flight while this lives, and counted when it is answered. Both come before the
/// answer's end is sent, so that a client that has its answer finds it in the figures. One that ends
/// unanswered, as when its connection is cut with the whole listener, only ceases to be in flight.
class RequestTally {
 public:
  /// `metrics`: null where nothing is counted. Lifetime: that of the call.
  RequestTally(WorkerMetrics* metrics, bool access_log, const Call& call);
  ~RequestTally() { leave(); }
  RequestTally(const RequestTally&) = delete;
  RequestTally& operator=(const RequestTally&) = delete;

  /// To be called once.
  void answered(unsigned status);

 private:
  void leave();

  WorkerMetrics* metrics_;
  bool access_log_;
  bool in_flight_ = true;
  const Call& call_;
};

/// What the access log says of a request's path: the table that it names. Of a path that names none it says
/// nothing, since any part of it may be a key, or credentials. Pure.
std::string path_to_log(const Call& call);

/// Counts what was refused before a request was read whole; among the durations it is not.
void count_refusal(WorkerMetrics* metrics, http::verb method, unsigned status);

}  // namespace shardplex::router
