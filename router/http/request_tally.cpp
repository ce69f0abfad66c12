#include "router/http/request_tally.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "query/patterns/request_shape.hpp"
#include "router/log.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::router {
namespace {

std::size_t method_label(http::verb method) {
  const auto name = http::to_string(method);
  for (std::size_t i = 0; i + 1 < method_labels.size(); ++i)
    if (name == method_labels[i]) return i;
  return method_labels.size() - 1;
}

/// How somebody finds out what such a request does.
std::string how_to_explain(std::string_view shape, bool is_explained) {
  const auto command = is_explained ? explain_command(shape) : std::string();
  if (!command.empty()) return command + " (with a value in place of each ?)";
  return "shardplex queries --map FILE tells of the statements in the shards";
}

}  // namespace

RequestTally::RequestTally(WorkerMetrics* metrics, Logs logs, Call& call)
    : metrics_(metrics), logs_(logs), call_(call) {
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
  status_ = status;
  microseconds_ = static_cast<std::uint64_t>(took);
  if (metrics_) metrics_->request(call_.route, method_label(call_.request.method()), status, microseconds_);
  if (logs_.access)
    log_info("request", {{"method", method_labels[method_label(call_.request.method())]},
                         {"path", std::string_view(path_to_log(call_))},
                         {"status", static_cast<std::int64_t>(status)},
                         {"microseconds", static_cast<std::int64_t>(took)}});
}

void RequestTally::ends() {
  if (!metrics_) return;
  if (is_slow()) log_slow_request();
  auto& record = call_.record;
  metrics_->patterns.count(std::move(record.pattern), {microseconds_, status_ >= 400, record.asked.size(),
                                                       record.rows, record.rows_read, bytes_});
}

bool RequestTally::is_slow() const {
  const auto limit = std::chrono::microseconds(logs_.slow_request).count();
  return limit > 0 && microseconds_ >= static_cast<std::uint64_t>(limit);
}

void RequestTally::log_slow_request() const {
  const auto& record = call_.record;
  const auto shape = metrics_->patterns.text_of(record.pattern);
  const auto number = [](std::uint64_t n) { return static_cast<std::int64_t>(n); };
  log_warning("slow request", {{"pattern", shape.empty() ? "(other)" : shape},
                               {"status", static_cast<std::int64_t>(status_)},
                               {"microseconds", number(microseconds_)},
                               {"parse_us", number(record.parse_us)},
                               {"plan_us", number(record.plan_us)},
                               {"shards_us", number(record.shards_us)},
                               {"merge_us", number(record.merge_us)},
                               {"shards", std::string_view(joined(record.asked, ","))},
                               {"rows", number(record.rows)},
                               {"bytes", number(bytes_)},
                               {"explain", std::string_view(how_to_explain(shape, record.is_explained))}});
}

std::string path_to_log(const Call& call) {
  return call.table.empty() ? "(no table)" : "/" + call.table;
}

void count_refusal(WorkerMetrics* metrics, http::verb method, unsigned status) {
  if (metrics) metrics->refusal(method_label(method), status);
}

}  // namespace shardplex::router
