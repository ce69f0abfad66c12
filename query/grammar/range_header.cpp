#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <system_error>

#include "query/grammar/parse.hpp"
#include "query/grammar/reader.hpp"

namespace shardplex {
namespace {

constexpr std::uint64_t greatest_row = std::numeric_limits<std::int64_t>::max();

/// Digits as a row number; everything beyond bigint is the greatest one, since no table has as many rows.
std::uint64_t row_number(std::string_view digits) {
  std::int64_t row = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), row);
  return parsed.ec == std::errc{} ? static_cast<std::uint64_t>(row) : greatest_row;
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), grammar::is_digit);
}

/// Rows `first` up to but not including `end`; no `end` where it is open.
struct RowRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> end;
};

/// "first-last" or "first-"; nullopt where the header is something else, which is ignored.
std::optional<RowRange> parse_row_range(std::string_view header) {
  const std::size_t dash = header.find('-');
  if (dash == 0 || dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = header.substr(0, dash), last = header.substr(dash + 1);
  if (!all_digits(first) || !all_digits(last)) return std::nullopt;
  RowRange range{.first = row_number(first), .end = std::nullopt};
  if (!last.empty() && row_number(last) < greatest_row) range.end = row_number(last) + 1;
  return range;
}

Error range_not_satisfiable(std::string details) {
  return {.code = "PGRST103",
          .message = "Requested range not satisfiable",
          .details = std::move(details),
          .hint = std::nullopt,
          .status = std::nullopt};
}

}  // namespace

Result<void> apply_range_header(Query& query, std::optional<std::string_view> range) {
  const auto asked = range ? parse_row_range(grammar::trimmed(*range)) : std::nullopt;
  if (!asked || query.limit == 0) return {};
  if (asked->end && asked->first >= *asked->end)
    return range_not_satisfiable(
        "The lower boundary must be lower than or equal to the upper boundary in the Range header.");
  const std::uint64_t first = std::max(query.offset, asked->first);
  std::optional<std::uint64_t> end = asked->end;
  if (query.limit) end = std::min(end.value_or(query.offset + *query.limit), query.offset + *query.limit);
  if (end && first >= *end)
    return range_not_satisfiable(
        "The Range header and the limit and offset parameters have no row in common.");
  query.offset = first;
  if (end) query.limit = *end - first;
  return {};
}

}  // namespace shardplex
