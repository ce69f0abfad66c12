#include "query/engine/row_condition.hpp"

#include <algorithm>

#include "shard_map/invariant.hpp"

namespace shardplex {

std::optional<bool> value_of(const RowCondition& condition, const Row& row,
                             const std::function<bool(std::size_t lookup)>& has_rows) {
  using Kind = RowCondition::Kind;
  switch (condition.kind) {
    case Kind::known: {
      const auto& value = row.related[condition.of];
      return value ? std::optional(*value == "true") : std::nullopt;
    }
    case Kind::has_rows:
      return has_rows(condition.of);
    case Kind::negation: {
      invariant(condition.parts.size() == 1, "one condition is negated");
      const auto value = value_of(condition.parts.front(), row, has_rows);
      return value ? std::optional(!*value) : std::nullopt;
    }
    case Kind::all:
    case Kind::any:
      break;
  }
  // One part that decides is enough; otherwise one that is null makes the whole null.
  const bool deciding = condition.kind == Kind::any;
  std::optional<bool> all = !deciding;
  for (const auto& part : condition.parts) {
    const auto value = value_of(part, row, has_rows);
    if (value == deciding) return deciding;
    if (!value) all.reset();
  }
  return all;
}

bool depends_on(const RowCondition& condition, std::size_t lookup) {
  if (condition.kind == RowCondition::Kind::has_rows) return condition.of == lookup;
  return std::ranges::any_of(condition.parts,
                             [&](const RowCondition& part) { return depends_on(part, lookup); });
}

}  // namespace shardplex
