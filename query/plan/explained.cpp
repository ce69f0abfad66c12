#include "query/plan/explained.hpp"

#include <boost/json.hpp>
#include <limits>
#include <utility>

namespace shardplex {
namespace {

/// Of arrays and objects: two for each level of a plan, which views and embeds make deep.
constexpr std::size_t deepest_plan = 1000;

/// The object in EXPLAIN's array of one, with the shard's name before its members.
std::string named_object(const ShardPlan& plan) {
  const std::string_view text = plan.text;
  const auto begin = text.find('{') + 1, end = text.rfind('}') + 1;
  return "{\n    \"Shard\": " + boost::json::serialize(boost::json::string_view(plan.shard)) + "," +
         std::string(text.substr(begin, end - begin));
}

}  // namespace

Statement explaining(Statement statement, const PlanAsked& asked) {
  std::string options = asked.format == PlanAsked::Format::json ? "FORMAT JSON" : "FORMAT TEXT";
  if (asked.analyze) options += ", ANALYZE";
  if (asked.verbose) options += ", VERBOSE";
  if (asked.settings) options += ", SETTINGS";
  if (asked.buffers) options += ", BUFFERS";
  if (asked.wal) options += ", WAL";
  statement.sql = "EXPLAIN (" + options + ") " + statement.sql;
  statement.read_only = true;
  return statement;
}

std::string side_by_side(const std::vector<ShardPlan>& plans, PlanAsked::Format format) {
  if (plans.size() == 1) return plans.front().text;
  const bool as_json = format == PlanAsked::Format::json;
  std::string out = as_json ? "[" : "";
  for (const auto& plan : plans) {
    const bool is_first = &plan == &plans.front();
    if (as_json)
      out += (is_first ? "\n  " : ",\n  ") + named_object(plan);
    else
      out += (is_first ? "Shard: " : "\nShard: ") + plan.shard + '\n' + plan.text;
  }
  return as_json ? out + "\n]\n" : out;
}

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
