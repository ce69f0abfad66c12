#include "query/patterns/pattern_json.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace shardplex {
namespace {

namespace json = boost::json;

struct CountRow {
  std::string_view name;
  std::uint64_t PatternCounts::*count;
};

constexpr CountRow count_rows[] = {
    {"calls", &PatternCounts::calls},       {"errors", &PatternCounts::errors},
    {"time_us", &PatternCounts::time_us},   {"shards_asked", &PatternCounts::shards},
    {"scatters", &PatternCounts::scatters}, {"rows_returned", &PatternCounts::rows},
    {"bytes", &PatternCounts::bytes},       {"inherited_us", &PatternCounts::inherited_us},
};

json::array buckets_of(const LatencyCounts& latency) {
  json::array buckets;
  for (std::size_t i = 0; i < latency.size(); ++i)
    if (latency[i] > 0) buckets.push_back(json::array{longest_of_bucket(i), latency[i]});
  return buckets;
}

void tell(json::object& out, const PatternCounts& counts) {
  for (const auto& row : count_rows) out[row.name] = counts.*row.count;
  out["rows_read"] = counts.not_known == 0 ? json::value(counts.rows_read) : json::value(nullptr);
  out["scatter_share"] =
      counts.calls == 0 ? 0.0 : static_cast<double>(counts.scatters) / static_cast<double>(counts.calls);
  out["p50_us"] = percentile(counts.latency, 0.50);
  out["p95_us"] = percentile(counts.latency, 0.95);
  out["p99_us"] = percentile(counts.latency, 0.99);
  out["latency"] = buckets_of(counts.latency);
}

std::optional<std::uint64_t> whole(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  boost::system::error_code ec;
  const auto number = value->to_number<std::uint64_t>(ec);
  return ec ? std::nullopt : std::optional(number);
}

bool read_buckets(const json::value* value, LatencyCounts& latency) {
  if (value == nullptr || !value->is_array()) return false;
  for (const auto& entry : value->get_array()) {
    const auto* pair = entry.if_array();
    if (pair == nullptr || pair->size() != 2) return false;
    const auto longest = whole(&(*pair)[0]), count = whole(&(*pair)[1]);
    if (!longest || !count) return false;
    latency[latency_bucket(*longest)] += *count;
  }
  return true;
}

bool read_counts(const json::value& value, PatternCounts& counts) {
  const auto* object = value.if_object();
  if (object == nullptr) return false;
  for (const auto& row : count_rows) {
    const auto number = whole(object->if_contains(row.name));
    if (!number) return false;
    counts.*row.count = *number;
  }
  const auto rows_read = whole(object->if_contains("rows_read"));
  counts.rows_read = rows_read.value_or(0);
  counts.not_known = rows_read ? 0 : counts.calls;
  return read_buckets(object->if_contains("latency"), counts.latency);
}

}  // namespace

json::object to_json(const PatternReport& report, std::size_t limit) {
  const auto shown = std::min(limit, report.patterns.size());
  json::array patterns;
  for (std::size_t i = 0; i < shown; ++i) {
    json::object entry{{"pattern", report.patterns[i].text}};
    tell(entry, report.patterns[i].counts);
    patterns.push_back(std::move(entry));
  }
  json::object other;
  tell(other, report.other);
  return {{"patterns", std::move(patterns)},
          {"left_out", report.patterns.size() - shown},
          {"other", std::move(other)}};
}

std::optional<PatternReport> read_pattern_report(const json::value& value) {
  const auto* object = value.if_object();
  const auto* patterns = object ? object->if_contains("patterns") : nullptr;
  const auto* other = object ? object->if_contains("other") : nullptr;
  if (patterns == nullptr || !patterns->is_array() || other == nullptr) return std::nullopt;
  PatternReport report;
  for (const auto& entry : patterns->get_array()) {
    const auto* text = entry.is_object() ? entry.get_object().if_contains("pattern") : nullptr;
    if (text == nullptr || !text->is_string()) return std::nullopt;
    auto& pattern = report.patterns.emplace_back();
    pattern.text = std::string(text->get_string());
    if (!read_counts(entry, pattern.counts)) return std::nullopt;
  }
  if (!read_counts(*other, report.other)) return std::nullopt;
  return report;
}

}  // namespace shardplex
