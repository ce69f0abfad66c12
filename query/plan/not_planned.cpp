#include "query/plan/not_planned.hpp"

#include <algorithm>

namespace shardplex {
namespace {

Error not_served(std::string details, std::string hint) {
  return {"SHARD400", "This request is not served by this release", std::move(details), std::move(hint),
          std::nullopt};
}

bool is_aggregated(const SelectItem& item) {
  return item.aggregate.has_value();
}

bool has_aggregates(const ReadNode& node) {
  return std::ranges::any_of(node.select, is_aggregated) ||
         std::ranges::any_of(node.embeds, [](const Embed& embed) { return has_aggregates(embed.rows); });
}

}  // namespace

bool is_planned(const ReadNode& node) {
  return node.embeds.empty() && std::ranges::none_of(node.select, is_aggregated);
}

std::optional<Error> not_planned(const Query& query) {
  if (!query.embeds.empty())
    return not_served("select asks for rows of another table inside these rows (an embed)",
                      "Select columns of this table only, and read the other table with a request of its "
                      "own, such as GET /ratings?movie_id=in.(1,2,3)");
  if (has_aggregates(query)) return aggregates_not_planned();
  return std::nullopt;
}

Error aggregates_not_planned() {
  return not_served(
      "select asks for an aggregate (count, sum, avg, min, max)",
      "Prefer: count=exact tells the number of rows; order and limit=1 find a minimum or maximum");
}

std::optional<Error> aggregates_not_allowed(const ReadNode& node) {
  if (!has_aggregates(node)) return std::nullopt;
  return Error{"PGRST123", "Use of aggregate functions is not allowed", std::nullopt, std::nullopt,
               std::nullopt};
}

}  // namespace shardplex
