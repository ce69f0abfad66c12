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
#include "query/grammar/accept.hpp"
#include "query/grammar/preferences.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// Bounds on what one request may ask of the parser; a request over one is refused with an error naming the
/// bound.
struct ParseLimits {
  std::size_t filters = 100;        ///< conditions, nested ones included (PGRST100)
  std::size_t nesting = 8;          ///< depth of and()/or() (PGRST100)
  std::size_t list_items = 10'000;  ///< items of one in.(…) list (PGRST100)
  std::size_t embeds = 50;          ///< embeds and spreads of one request (PGRST100)
  std::size_t embed_depth = 8;      ///< how deep they nest (PGRST100)
};

/// percent_decoded() for what is UTF-8 without NUL; nullopt where it is not.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// Whether after= can be asked for. Where it cannot, it is SHARD400.
enum class Cursors : std::uint8_t { refused, served };

/// Parses the query string (without '?') of a request on `table`. Splitting at & and = happens before
/// decoding. A parameter about an embed that select does not have is PGRST108. Whether what an embed names is
/// there, and can be had from here, is not the grammar's to say. Filters of a POST are read as any others;
/// what they mean there is its caller's to say.
Result<Query> parse_query(std::string_view table, std::string_view query_string, const ParseLimits& limits,
                          Cursors cursors = Cursors::refused);

/// The same of GET /rpc/function?…, where a parameter that is no filter is an argument. (Of POST
/// /rpc/function the body has the arguments, and parse_query() reads the rest.)
Result<FunctionCall> parse_function_call(std::string_view function, std::string_view query_string,
                                         const ParseLimits& limits);

/// A `Range: 0-9` header (Range-Unit items) intersected with the query's limit/offset, as PostgREST does for
/// GET: nullopt text means no header. Malformed ranges are ignored as PostgREST does; an empty one
/// (10-5) is PGRST103.
Result<void> apply_range_header(Query& query, std::optional<std::string_view> range);

}  // namespace shardplex
