#include "query/plan/failing_row.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex {
namespace {

constexpr std::string_view value_separator = ", ";

std::vector<std::string_view> values_in(std::string_view row) {
  std::vector<std::string_view> values;
  while (true) {
    const auto end = row.find(value_separator);
    values.push_back(row.substr(0, end));
    if (end == std::string_view::npos) return values;
    row.remove_prefix(end + value_separator.size());
  }
}

/// Where the slot's value begins in the row; nullopt where values cannot be told from each other.
std::optional<std::size_t> place_of_slot(std::string_view row, const FailingRow& shown) {
  if (shown.behind_slot == 0) {  // whatever is in the values before it, there is no comma in a number
    const auto last = row.rfind(value_separator);
    return last == std::string_view::npos ? std::nullopt : std::optional(last + value_separator.size());
  }
  const auto values = values_in(row);
  if (values.size() != shown.columns || shown.behind_slot >= values.size()) return std::nullopt;
  return static_cast<std::size_t>(values[values.size() - 1 - shown.behind_slot].data() - row.data());
}

/// Whether the write could have put a row into the slot of this number.
bool is_slot_of(const WritePlan& plan, std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || !plan.slots) return false;
  if (plan.new_slot) return plan.new_slot->value == number;
  return number < plan.slots->slot_count() && plan.slots->contains(Slot{number});
}

}  // namespace

std::optional<std::string> details_of_failing_row(const Error& error, const WritePlan& plan) {
  if (!plan.failing_row || !error.details) return std::nullopt;
  if (error.message.find("relation \"" + plan.table + '"') == std::string::npos) return std::nullopt;
  const std::string_view details = *error.details;
  const auto open = details.find('('), close = details.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  if (details.find(slot_column) != std::string_view::npos) return std::nullopt;  // columns are named
  const std::string_view row = details.substr(open + 1, close - open - 1);
  const auto begin = place_of_slot(row, *plan.failing_row);
  if (!begin) return std::nullopt;
  const auto end = row.find(value_separator, *begin);
  if (!is_slot_of(plan, row.substr(*begin, end == std::string_view::npos ? end : end - *begin)))
    return std::nullopt;
  std::string rest(row.substr(0, *begin));
  if (end != std::string_view::npos)
    rest += row.substr(end + value_separator.size());
  else if (!rest.empty())
    rest.resize(rest.size() - value_separator.size());
  return std::string(details.substr(0, open + 1)) + rest + std::string(details.substr(close));
}

}  // namespace shardplex
