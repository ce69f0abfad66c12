#include "router/services/movies/table_request.hpp"

#include <algorithm>
#include <variant>

namespace shardplex::router {
namespace {

bool is_eq_on(const Filter& filter, std::string_view column) {
  const auto* condition = std::get_if<Condition>(&filter.node);
  return condition != nullptr && condition->op == Operator::eq && !condition->negated &&
         condition->quantifier == Quantifier::none && condition->field.path.empty() &&
         condition->field.column == column;
}

}  // namespace

bool names_one_row(const TableRequest& request) {
  return std::ranges::all_of(request.table->primary_key, [&](const std::string& column) {
    return std::ranges::any_of(request.query.filters,
                               [&](const Filter& filter) { return is_eq_on(filter, column); });
  });
}

}  // namespace shardplex::router
