// Requests in the figures and in the logs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "router/http/call.hpp"
#include "router/metrics.hpp"

namespace shardplex::router {

/// One request: in flight while this lives, and counted when it is answered. Both come before the
/// answer's end is sent, so that a client that has its answer finds it in the figures. One that ends
/// unanswered, as when its connection is cut with the whole listener, only ceases to be in flight.
class RequestTally {
 public:
  /// What is written of requests, beside the figures.
  struct Logs {
    bool access = false;                        ///< every request
    std::chrono::milliseconds slow_request{0};  ///< those that take as long; 0: none
  };

  /// `metrics`: null where nothing is counted, nor told of slow requests. Lifetime: that of the call.
  RequestTally(WorkerMetrics* metrics, Logs logs, Call& call);
  ~RequestTally() { leave(); }
  RequestTally(const RequestTally&) = delete;
  RequestTally& operator=(const RequestTally&) = delete;

  /// To be called once: the answer is known, and what it still takes is its client's time.
  void answered(unsigned status);
  /// So many bytes of its body are sent.
  void sends(std::size_t bytes) { bytes_ += bytes; }
  /// To be called once, after answered() and all of sends(): counts the request in the pattern of its shape.
  void ends();

 private:
  void leave();
  bool is_slow() const;
  void log_slow_request() const;

  WorkerMetrics* metrics_;
  Logs logs_;
  bool in_flight_ = true;
  unsigned status_ = 0;
  std::uint64_t microseconds_ = 0, bytes_ = 0;
  Call& call_;
};

/// What the access log says of a request's path: the table that it names. Of a path that names none it says
/// nothing, since any part of it may be a key, or credentials. Pure.
std::string path_to_log(const Call& call);

/// Counts what was refused before a request was read whole; among the durations it is not.
void count_refusal(WorkerMetrics* metrics, http::verb method, unsigned status);

}  // namespace shardplex::router
