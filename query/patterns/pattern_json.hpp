// Query patterns as JSON: what /patterns answers, and what is read of it again.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>

#include "query/patterns/pattern_report.hpp"

namespace shardplex {

/// {"patterns":[{"pattern":…,"calls":…,…}…],"left_out":N,"other":{…}}: the first `limit` patterns, and how
/// many there are beside them. Times are in microseconds. "rows_read" is null where it is not known of all
/// calls; "latency" has the longest time of each bucket and the calls in it.
boost::json::object to_json(const PatternReport& report, std::size_t limit);

/// The same as a report; `left_out` and what is computed is not read. nullopt where it is none.
std::optional<PatternReport> read_pattern_report(const boost::json::value& json);

}  // namespace shardplex
