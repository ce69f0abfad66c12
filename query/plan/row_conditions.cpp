#include "query/plan/row_conditions.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

namespace shardplex {
namespace {

RowCondition rows_of_lookup(std::size_t lookup) {
  return {RowCondition::Kind::has_rows, lookup, {}};
}

RowCondition negation_of(RowCondition condition) {
  return {RowCondition::Kind::negation, 0, {std::move(condition)}};
}

}  // namespace

/// The lookup that a filter by itself asks for.
std::optional<std::size_t> RowConditions::lookup_of(const Filter& filter) const {
  const auto* condition = std::get_if<Condition>(&filter.node);
  const Embed* embed = condition ? node_.asked->embed_of(*condition) : nullptr;
  if (embed == nullptr) return std::nullopt;
  const auto found = std::ranges::find(looked_up_, embed, [](const ResolvedEmbed* e) { return e->asked; });
  if (found == looked_up_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - looked_up_.begin());
}

bool RowConditions::concerns(const Filter& filter) const {
  if (const auto* logic = std::get_if<std::shared_ptr<const Logic>>(&filter.node))
    return std::ranges::any_of((*logic)->children, [&](const Filter& child) { return concerns(child); });
  return lookup_of(filter).has_value();
}

Result<RowCondition> RowConditions::condition(const Filter& filter, std::size_t first_known,
                                              std::vector<std::string>& known) const {
  if (!concerns(filter)) {
    auto sql = writer_.filter(filter);
    if (!sql) return sql.error();
    known.push_back(std::move(*sql));
    return RowCondition{RowCondition::Kind::known, first_known + known.size() - 1, {}};
  }
  if (const auto lookup = lookup_of(filter)) {
    auto has_rows = rows_of_lookup(*lookup);
    return asks_for_rows(std::get<Condition>(filter.node)) ? has_rows : negation_of(std::move(has_rows));
  }
  const auto& logic = *std::get<std::shared_ptr<const Logic>>(filter.node);
  RowCondition out{logic.disjunction ? RowCondition::Kind::any : RowCondition::Kind::all, 0, {}};
  for (const auto& child : logic.children) {
    auto part = condition(child, first_known, known);
    if (!part) return part;
    out.parts.push_back(std::move(*part));
  }
  return logic.negated ? negation_of(std::move(out)) : out;
}

Result<std::optional<RowCondition>> RowConditions::keep(const std::vector<Filter>& filters,
                                                        std::size_t first_known,
                                                        std::vector<std::string>& known) const {
  RowCondition all;
  for (std::size_t i = 0; i < looked_up_.size(); ++i)
    if (looked_up_[i]->asked->inner) all.parts.push_back(rows_of_lookup(i));
  for (const auto& filter : filters) {
    if (!concerns(filter)) continue;
    auto part = condition(filter, first_known, known);
    if (!part) return part.error();
    all.parts.push_back(std::move(*part));
  }
  if (all.parts.empty()) return std::optional<RowCondition>();
  return std::optional(std::move(all));
}

}  // namespace shardplex
