// The value of a filter on a column, already decoded.
#include <variant>

#include "query/grammar/parse.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {

void take(std::string_view input) {
  const ParseLimits limits;
  const auto query = parse_query("films", "name=" + encoded(input), limits);
  if (!query) {
    check_error(query.error());
    return;
  }
  invariant(query->filters.size() == 1, "a parameter is one filter");
  const auto* condition = std::get_if<Condition>(&query->filters.front().node);
  invariant(condition != nullptr && condition->field.column == "name", "it is on the column");
  invariant(condition->list.size() <= limits.list_items, "a list has no more items than are allowed");
  invariant(condition->list.empty() || condition->op == Operator::in, "only in has a list");
  invariant(is_utf8(condition->value), "its value is UTF-8");
}

}  // namespace shardplex::fuzz
