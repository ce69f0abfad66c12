// The samples of one metric: a value, or a histogram, for each set of labels.
#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/metrics.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex::router {

using LabelNames = std::array<std::string_view, 3>;           // those not used are empty and last
using LabelValues = std::initializer_list<std::string_view>;  // one for each name that is used

/// A family that is being filled, sample by sample. Both arguments must outlive it.
class Samples {
 public:
  Samples(prometheus::MetricFamily& family, const LabelNames& names) : family_(family), names_(names) {}

  void add(LabelValues labels, double value) {
    auto& metric = append(labels);
    (family_.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }
  /// The sum of the workers' distributions as one histogram. Precondition: there is at least one.
  template <std::size_t N>
  void add(LabelValues labels, const std::vector<const Distribution<N>*>& parts) {
    auto& histogram = append(labels).histogram;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i <= N; ++i) {
      for (const auto* part : parts) cumulative += part->bucket(i);
      prometheus::ClientMetric::Bucket bucket;
      bucket.cumulative_count = cumulative;
      bucket.upper_bound = i < N ? parts.front()->bounds()[i] : std::numeric_limits<double>::infinity();
      histogram.bucket.push_back(bucket);
    }
    histogram.sample_count = cumulative;
    for (const auto* part : parts) histogram.sample_sum += part->sum();
  }

 private:
  prometheus::ClientMetric& append(LabelValues labels) {
    prometheus::ClientMetric metric;
    auto name = names_.begin();
    for (const auto value : labels) {
      invariant(name != names_.end() && !name->empty(), "a sample has no more labels than its family");
      metric.label.push_back({std::string(*name++), std::string(value)});
    }
    invariant(name == names_.end() || name->empty(), "a sample has all labels of its family");
    return family_.metric.emplace_back(std::move(metric));
  }

  prometheus::MetricFamily& family_;
  const LabelNames& names_;
};

}  // namespace shardplex::router
