#include "router/http/request_tally.hpp"

#include <algorithm>
#include <chrono>

#include "router/log.hpp"

namespace shardplex::router {
namespace {

std::size_t method_label(http::verb method) {
  const auto name = http::to_string(method);
  for (std::size_t i = 0; i + 1 < method_labels.size(); ++i)
    if (name == method_labels[i]) return i;
  return method_labels.size() - 1;
}

}  // namespace

RequestTally::RequestTally(WorkerMetrics* metrics, bool access_log, const Call& call)
    : metrics_(metrics), access_log_(access_log), call_(call) {
  if (metrics_) metrics_->requests_in_flight.set(metrics_->requests_in_flight.get() + 1);
}

void RequestTally::leave() {
  if (!in_flight_) return;
  in_flight_ = false;
  if (metrics_) metrics_->requests_in_flight.set(metrics_->requests_in_flight.get() - 1);
}

void RequestTally::answered(unsigned status) {
  leave();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - call_.began).count();
  if (metrics_)
    metrics_->request(call_.route, method_label(call_.request.method()), status,
                      static_cast<std::uint64_t>(took));
  if (access_log_)
    log_info("request", {{"method", method_labels[method_label(call_.request.method())]},
                         {"path", std::string_view(path_to_log(call_))},
                         {"status", static_cast<std::int64_t>(status)},
                         {"microseconds", static_cast<std::int64_t>(took)}});
}

std::string path_to_log(const Call& call) {
  return call.table.empty() ? "(no table)" : "/" + call.table;
}

void count_refusal(WorkerMetrics* metrics, http::verb method, unsigned status) {
  if (metrics) metrics->refusal(method_label(method), status);
}

}  // namespace shardplex::router
