#include "query/plan/key_filter.hpp"

#include <algorithm>

#include "shard_map/contains_name.hpp"

namespace shardplex {
namespace {

bool is_null_word(std::string_view element) {
  constexpr std::string_view word = "null";
  return std::ranges::equal(element, word, [](char a, char b) { return (a | 0x20) == b; });
}

/// The elements of {a,b}: no quotes, escapes, white space, nesting or nulls.
std::optional<std::vector<std::string>> simple_array(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != '{' || literal.back() != '}') return std::nullopt;
  literal = literal.substr(1, literal.size() - 2);
  if (literal.find_first_of("{}\"\\ \t\n\v\f\r") != std::string_view::npos) return std::nullopt;
  std::vector<std::string> elements;
  if (literal.empty()) return elements;
  for (bool more = true; more;) {
    const auto comma = literal.find(',');
    const auto element = literal.substr(0, comma);
    if (element.empty() || is_null_word(element)) return std::nullopt;
    elements.emplace_back(element);
    more = comma != std::string_view::npos;
    if (more) literal.remove_prefix(comma + 1);
  }
  return elements;
}

}  // namespace

std::optional<std::vector<std::string>> equal_values(const Condition& condition) {
  if (condition.negated || !condition.field.path.empty()) return std::nullopt;
  if (condition.op == Operator::in) return condition.list;
  if (condition.op != Operator::eq) return std::nullopt;
  if (condition.quantifier == Quantifier::none) return std::vector{condition.value};
  if (condition.quantifier == Quantifier::any) return simple_array(condition.value);
  return std::nullopt;
}

const std::string* eq_value(const std::vector<Filter>& filters, std::string_view column) {
  for (const auto& filter : filters) {
    const auto* condition = std::get_if<Condition>(&filter.node);
    if (condition && condition->field.column == column && condition->field.path.empty() &&
        !condition->negated && condition->op == Operator::eq && condition->quantifier == Quantifier::none)
      return &condition->value;
  }
  return nullptr;
}

bool names_one_row(const std::vector<Filter>& filters, const Table& table) {
  return !table.primary_key.empty() && std::ranges::all_of(table.primary_key, [&](const std::string& column) {
    return eq_value(filters, column) != nullptr;
  });
}

std::optional<std::string> canonical_key(const Table& table, std::string_view name, std::string_view text) {
  const Column* column = table.find_column(name);
  if (!column || !column->deterministic_collation) return std::nullopt;
  if (!column->representations.from_text.empty()) return std::nullopt;  // PostgreSQL alone reads it
  const auto type = key_type(*column);
  // A label that is not known yet may be the new name of one by which rows were placed.
  if (type == KeyType::enumeration && !contains_name(column->enum_labels, text)) return std::nullopt;
  return type ? canonical_bytes(*type, text) : std::nullopt;
}

}  // namespace shardplex
