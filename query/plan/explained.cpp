#include "query/plan/explained.hpp"

#include <boost/json.hpp>

namespace shardplex {

std::optional<std::int64_t> planned_rows(std::string_view explained) {
  boost::system::error_code ec;
  const auto value = boost::json::parse({explained.data(), explained.size()}, ec);
  if (ec) return std::nullopt;
  const auto* rows = value.find_pointer("/0/Plan/Plan Rows", ec);
  if (rows == nullptr) return std::nullopt;
  const auto number = boost::json::try_value_to<double>(*rows);
  if (!number || *number < 0 || *number > 9e18) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

}  // namespace shardplex
