#include "query/patterns/pattern_report.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace shardplex {
namespace {

std::uint64_t measure(const PatternCounts& counts, PatternOrder order) {
  switch (order) {
    case PatternOrder::time:
      return counts.time_us;
    case PatternOrder::calls:
      return counts.calls;
    case PatternOrder::errors:
      return counts.errors;
  }
  return 0;
}

Error not_asked_so(std::string details) {
  return {"SHARD400", "The parameters of /patterns cannot be understood", std::move(details),
          "Ask for /patterns?order=time&limit=20; order is time, calls or errors.", std::nullopt};
}

Result<std::size_t> read_pattern_limit(std::string_view text) {
  std::size_t limit = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, limit);
  if (parsed.ec == std::errc{} && parsed.ptr == end && limit > 0) return limit;
  return not_asked_so("limit takes a whole number above 0.");
}

}  // namespace

void PatternCounts::add(const PatternCounts& more) {
  calls += more.calls;
  errors += more.errors;
  time_us += more.time_us;
  shards += more.shards;
  scatters += more.scatters;
  rows += more.rows;
  rows_read += more.rows_read;
  not_known += more.not_known;
  bytes += more.bytes;
  inherited_us += more.inherited_us;
  for (std::size_t bucket = 0; bucket < latency.size(); ++bucket) latency[bucket] += more.latency[bucket];
}

void PatternReport::add(const PatternReport& more) {
  std::unordered_map<std::string_view, std::size_t> places;
  patterns.reserve(patterns.size() + more.patterns.size());  // the keys are views of the texts in it
  for (std::size_t i = 0; i < patterns.size(); ++i) places.emplace(patterns[i].text, i);
  for (const auto& pattern : more.patterns) {
    const auto found = places.find(pattern.text);
    if (found == places.end())
      patterns.push_back(pattern);
    else
      patterns[found->second].counts.add(pattern.counts);
  }
  other.add(more.other);
}

void PatternReport::keep(std::size_t most) {
  if (patterns.size() <= most) return;
  sort_patterns(patterns, PatternOrder::time);
  for (std::size_t i = most; i < patterns.size(); ++i) other.add(patterns[i].counts);
  patterns.resize(most);
}

std::optional<PatternOrder> read_pattern_order(std::string_view word) {
  if (word == "time") return PatternOrder::time;
  if (word == "calls") return PatternOrder::calls;
  if (word == "errors") return PatternOrder::errors;
  return std::nullopt;
}

void sort_patterns(std::vector<QueryPattern>& patterns, PatternOrder order) {
  std::ranges::sort(patterns, [order](const QueryPattern& a, const QueryPattern& b) {
    const auto of_a = measure(a.counts, order), of_b = measure(b.counts, order);
    return of_a != of_b ? of_a > of_b : a.text < b.text;
  });
}

Result<PatternsAsked> read_patterns_asked(std::string_view query) {
  PatternsAsked asked;
  bool has_order = false, has_limit = false;
  while (!query.empty()) {
    const auto parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    const auto equals = parameter.find('=');
    const auto name = parameter.substr(0, equals);
    const auto value = equals == parameter.npos ? std::string_view() : parameter.substr(equals + 1);
    if (name == "order" && !std::exchange(has_order, true)) {
      const auto order = read_pattern_order(value);
      if (!order) return not_asked_so("order takes time, calls or errors.");
      asked.order = *order;
    } else if (name == "limit" && !std::exchange(has_limit, true)) {
      const auto limit = read_pattern_limit(value);
      if (!limit) return limit.error();
      asked.limit = *limit;
    } else {
      return not_asked_so("There are order and limit, each once.");
    }
  }
  return asked;
}

}  // namespace shardplex
