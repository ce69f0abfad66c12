// PostgREST's URL grammar → Query. Pure; every error is PGRST100 (or the code named) and points at the
// offending text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// Bounds on what one request may ask of the parser; a request over one is refused with an error naming the
/// bound.
struct ParseLimits {
  std::size_t filters = 100;        ///< conditions, nested ones included (PGRST100)
  std::size_t nesting = 8;          ///< depth of and()/or() (PGRST100)
  std::size_t list_items = 10'000;  ///< items of one in.(…) list (PGRST100)
};

/// percent_decoded() for what is UTF-8 without NUL; nullopt where it is not.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// Parses the query string (without '?') of a request on `table`. Splitting at & and = happens before
/// decoding. Refused here: embeds, spreads and aggregates in select, embedded filters/orders (SHARD400, with
/// a hint). Filters of a POST are read as any others; what they mean there is its caller's to say.
Result<Query> parse_query(std::string_view table, std::string_view query_string, const ParseLimits& limits);

/// A `Range: 0-9` header (Range-Unit items) intersected with the query's limit/offset, as PostgREST does for
/// GET and HEAD: nullopt text means no header. Malformed ranges are ignored as PostgREST does; an empty one
/// (10-5) is PGRST103.
Result<void> apply_range_header(Query& query, std::optional<std::string_view> range);

/// All Prefer headers of a request, joined with commas. Values this release does not serve are refused with
/// SHARD400 naming them (resolution, missing=default, tx=rollback, timezone); under handling=strict
/// unknown preferences are PGRST122.
Result<Preferences> parse_prefer(std::string_view header);

/// The Preference-Applied value for what was honoured; "" where nothing was asked.
std::string preference_applied(const Preferences& preferences, bool is_write);

/// The media type of a Content-Type in lower case, without its parameters; "" where there is none.
std::string media_type(std::string_view field);

/// The answer's shape from Accept; PGRST107 where nothing acceptable is on offer ("*/*", application/json,
/// application/vnd.pgrst.object+json, application/*).
Result<Shape> parse_accept(std::optional<std::string_view> accept);

}  // namespace shardplex
