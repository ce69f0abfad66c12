#include "query/plan/write_over_shards.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

bool is_blank_in_json(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Behind the string that begins at `at`.
std::size_t behind_json_string(std::string_view json, std::size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\')
      ++at;
    else if (json[at] == '"')
      return at + 1;
  }
  return json.size();
}

std::string json_array_of(const std::vector<std::string_view>& elements, const RowNumbers& rows) {
  std::size_t bytes = 2;
  for (const auto row : rows) bytes += elements[row].size() + 1;
  std::string text;
  text.reserve(bytes);
  text += '[';
  for (const auto row : rows) {
    if (text.size() > 1) text += ',';
    text += elements[row];
  }
  text += ']';
  return text;
}

std::string array_of_rows(const std::vector<std::optional<std::string>>& values, const RowNumbers& rows) {
  std::vector<std::optional<std::string_view>> of_rows;
  of_rows.reserve(rows.size());
  for (const auto row : rows)
    of_rows.push_back(values[row] ? std::optional<std::string_view>(*values[row]) : std::nullopt);
  return array_literal(of_rows);
}

/// Of an INSERT: the rows of the part in the place of all.
Statement statement_of_rows(const WritePlan& plan, const std::vector<std::string_view>& elements,
                            const RowNumbers& rows) {
  const auto& inserted = *plan.inserted;
  Statement part{plan.head.sql + plan.tail, {}};
  part.params.reserve(plan.head.params.size());
  for (std::size_t i = 0; i < plan.head.params.size(); ++i) {
    if (i < inserted.first_given)
      part.params.push_back(json_array_of(elements, rows));
    else if (i < inserted.first_given + inserted.given.size())
      part.params.push_back(array_of_rows(inserted.given[i - inserted.first_given], rows));
    else
      part.params.push_back(plan.head.params[i]);
  }
  return part;
}

/// Of an UPDATE or DELETE: the same on every shard, each on the rows that it owns.
Statement statement_of_target(const WritePlan& plan, const Target& target) {
  Statement part = plan.head;
  std::string condition = plan.where;
  if (!target.clean) condition = and_also(std::move(condition), plan.owned);
  if (!condition.empty()) part.sql += " WHERE " + condition;
  part.sql += plan.part_tail;
  return part;
}

}  // namespace

std::vector<std::string_view> json_elements(std::string_view array) {
  std::vector<std::string_view> elements;
  auto at = array.find('[');
  if (at == std::string_view::npos) return elements;
  std::size_t depth = 1, begin = 0, end = 0;  // of the element that has begun, where they differ
  const auto close_element = [&] {
    if (end > begin) elements.push_back(array.substr(begin, end - begin));
    begin = end = 0;
  };
  for (++at; at < array.size() && depth > 0;) {
    const char c = array[at];
    if (depth == 1 && c == ',') {
      close_element();
      ++at;
      continue;
    }
    if (depth == 1 && c == ']') break;
    if (depth == 1 && is_blank_in_json(c)) {
      ++at;
      continue;
    }
    if (end == begin) begin = at;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    at = c == '"' ? behind_json_string(array, at) : at + 1;
    end = at;
  }
  close_element();
  return elements;
}

std::vector<RowNumbers> rows_of_targets(const std::vector<Slot>& slots, const std::vector<Target>& targets) {
  std::vector<RowNumbers> rows(targets.size());
  for (std::size_t row = 0; row < slots.size(); ++row) {
    const auto owner = std::ranges::find_if(
        targets, [&](const Target& target) { return target.slots.contains(slots[row]); });
    invariant(owner != targets.end(), "the slot of a row is one of those that were placed");
    rows[static_cast<std::size_t>(owner - targets.begin())].push_back(row);
  }
  return rows;
}

std::size_t choose_decider(const WritePlan& plan, const std::vector<Target>& targets) {
  std::vector<std::size_t> weights;
  if (plan.inserted)
    for (const auto& rows : rows_of_targets(plan.inserted->slots, targets)) weights.push_back(rows.size());
  else
    for (const auto& target : targets) weights.push_back(target.slots.size());
  return static_cast<std::size_t>(std::ranges::max_element(weights) - weights.begin());
}

std::vector<Statement> statements_of_parts(const WritePlan& plan, const std::vector<Target>& targets) {
  std::vector<Statement> parts;
  if (plan.chooses_rows) {
    for (const auto& target : targets) parts.push_back(statement_of_target(plan, target));
    return parts;
  }
  invariant(plan.inserted != nullptr, "rows of several shards are several rows");
  std::vector<std::string_view> elements;
  if (plan.inserted->first_given > 0) {
    const auto& body = plan.head.params.front();
    elements = json_elements(body ? std::string_view(*body) : std::string_view());
    invariant(elements.size() == plan.inserted->slots.size(), "each row of the body has its slot");
  }
  for (const auto& rows : rows_of_targets(plan.inserted->slots, targets))
    parts.push_back(statement_of_rows(plan, elements, rows));
  return parts;
}

void set_bounds(Statement& part, const WritePlan& plan, const RowBounds& bounds) {
  if (plan.bounds == RowBounds{}) return;
  part.params[plan.bounds_param] = std::to_string(bounds.least);
  part.params[plan.bounds_param + 1] =
      bounds.most ? std::optional(std::to_string(*bounds.most)) : std::nullopt;
}

RowBounds bounds_of_rest(const RowBounds& whole, std::uint64_t touched) {
  constexpr auto never = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (whole.most && touched > *whole.most) return {never, 0};
  RowBounds rest;
  rest.least = whole.least > touched ? whole.least - touched : 0;
  if (whole.most) rest.most = *whole.most - touched;
  return rest;
}

std::vector<PartRow> in_body_order(const std::vector<RowNumbers>& rows,
                                   const std::vector<std::size_t>& returned) {
  std::vector<std::pair<std::size_t, PartRow>> placed;
  for (std::size_t part = 0; part < returned.size(); ++part)
    for (std::size_t row = 0; row < returned[part]; ++row) {
      const auto& numbers = rows[part];
      placed.emplace_back(numbers.empty() ? 0 : numbers[std::min(row, numbers.size() - 1)],
                          PartRow{part, row});
    }
  std::ranges::stable_sort(placed, {}, [](const auto& one) { return one.first; });
  std::vector<PartRow> ordered;
  ordered.reserve(placed.size());
  for (const auto& one : placed) ordered.push_back(one.second);
  return ordered;
}

}  // namespace shardplex
