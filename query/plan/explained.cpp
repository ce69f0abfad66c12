#include "query/plan/explained.hpp"

#include <boost/json.hpp>
#include <limits>

namespace shardplex {
namespace {

/// Of arrays and objects: two for each level of a plan, which views and embeds make deep.
constexpr std::size_t deepest_plan = 1000;

}  // namespace

std::optional<std::int64_t> planned_rows(std::string_view explained) {
  boost::system::error_code ec;
  boost::json::parse_options options;
  options.max_depth = deepest_plan;
  const auto value = boost::json::parse({explained.data(), explained.size()}, ec, {}, options);
  if (ec) return std::nullopt;
  const auto* rows = value.find_pointer("/0/Plan/Plan Rows", ec);
  if (rows == nullptr) return std::nullopt;
  const auto number = boost::json::try_value_to<double>(*rows);
  if (!number || *number < 0) return std::nullopt;
  return *number < 9e18 ? static_cast<std::int64_t>(*number) : std::numeric_limits<std::int64_t>::max();
}

}  // namespace shardplex
