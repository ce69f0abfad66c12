#include "query/resolve/row_shape.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace shardplex {
namespace {

Error shown_twice(const std::string& name) {
  return {.code = "42702",
          .message = "column reference \"" + name + "\" is ambiguous",
          .details = std::nullopt,
          .hint = "Give one of the members of the spread an alias, such as other:" + name,
          .status = std::nullopt};
}

Error aggregate_in_arrays() {
  return {.code = "PGRST127",
          .message = "Feature not implemented",
          .details = "Aggregates are not implemented for one-to-many or many-to-many spreads.",
          .hint = std::nullopt,
          .status = std::nullopt};
}

void add_value(const ResolvedNode& node, SelectItem item, std::vector<RowMember>& members) {
  RowMember& member = members.emplace_back();
  member.name = output_name(item);
  member.node = &node;
  member.item = std::move(item);
}

void add_columns(const Table& table, std::vector<SelectItem>& items) {
  for (const auto& column : table.columns)
    items.push_back({false, {column.name, {}}, std::nullopt, std::nullopt});
}

Result<std::vector<RowMember>> members_of(const ResolvedNode& node);

bool is_grouped(const std::vector<RowMember>& members) {
  return std::ranges::any_of(members,
                             [](const RowMember& member) { return member.item.aggregate.has_value(); });
}

bool has_bare_count(const ResolvedNode& node) {
  return std::ranges::any_of(node.asked->select,
                             [&](const SelectItem& item) { return is_bare_count(item, *node.table); });
}

Error aggregated_in_group_by() {
  return {.code = "42803",
          .message = "aggregate functions are not allowed in GROUP BY",
          .details = std::nullopt,
          .hint = "Write count(), with parentheses, to count the rows of each group.",
          .status = std::nullopt};
}

/// nullopt where there is no bare count, or nothing else.
std::optional<Error> beside_bare_count(const ResolvedNode& node) {
  if (!has_bare_count(node)) return std::nullopt;
  for (const auto& item : node.asked->select) {
    if (item.aggregate) return aggregated_in_group_by();
    if (item.star && !node.table->columns.empty())
      return not_grouped_by(node.table->name, node.table->columns.front().name);
    if (item.star) continue;
    if (!is_bare_count(item, *node.table)) return not_grouped_by(node.table->name, item.field.column);
  }
  for (const auto& embed : node.asked->embeds)
    if (!shows_nothing(embed.rows)) return not_grouped_by(node.table->name, embed.name());
  return std::nullopt;
}

Error bare_count_in_spread(const ResolvedEmbed& embed) {
  return {
      .code = "SHARD400",
      .message = "This request is not served by this release",
      .details = "select asks for count, without parentheses, in a spread of " + embed.asked->name(),
      .hint = "Embed " + embed.asked->name() + "(count()) for the number of rows that belong to each row.",
      .status = std::nullopt};
}

Result<std::vector<RowMember>> spread_members(const ResolvedEmbed& embed) {
  if (has_bare_count(embed.node)) return bare_count_in_spread(embed);
  auto members = members_of(embed.node);
  if (!members) return members;
  std::set<std::string_view> names;
  for (const auto& member : *members)
    if (!names.insert(member.name).second) return shown_twice(member.name);
  if (embed.relation->is_to_one()) return members;
  if (is_grouped(*members)) return aggregate_in_arrays();
  for (auto& member : *members) ++member.in_arrays;
  return members;
}

Result<RowMember> embed_member(const ResolvedEmbed& embed) {
  auto row = row_shape(embed.node);
  if (!row) return row.error();
  RowMember member;
  member.name = embed.asked->name();
  member.kind = embed.relation->is_to_one() ? RowMember::Kind::object : RowMember::Kind::objects;
  member.node = &embed.node;
  member.row = std::move(*row);
  return member;
}

/// The members of the node's rows; those of its spreads among them.
Result<std::vector<RowMember>> members_of(const ResolvedNode& node) {
  if (auto refusal = beside_bare_count(node)) return *std::move(refusal);
  std::vector<RowMember> members;
  auto items = own_items(node);
  if (items.empty() && node.asked->embeds.empty()) add_columns(*node.table, items);
  for (auto& item : items) add_value(node, std::move(item), members);
  for (const auto& embed : node.embeds) {
    if (shows_nothing(embed.asked->rows)) continue;
    if (embed.asked->spread) {
      auto spread = spread_members(embed);
      if (!spread) return spread;
      std::ranges::move(*spread, std::back_inserter(members));
    } else {
      auto member = embed_member(embed);
      if (!member) return member.error();
      members.push_back(std::move(*member));
    }
  }
  return members;
}

}  // namespace

Error not_grouped_by(std::string_view table, std::string_view column) {
  return {.code = "42803",
          .message = "column \"" + std::string(table) + '.' + std::string(column) +
                     "\" must appear in the GROUP BY clause or be used in an aggregate function",
          .details = std::nullopt,
          .hint = std::nullopt,
          .status = std::nullopt};
}

bool is_bare_count(const SelectItem& item, const Table& table) {
  return item.field == Field{"count", {}} && !item.cast && !item.aggregate && !table.find_readable("count");
}

std::vector<SelectItem> own_items(const ResolvedNode& node) {
  std::vector<SelectItem> items;
  for (const auto& item : node.asked->select) {
    if (item.star && !item.aggregate)
      add_columns(*node.table, items);
    else if (is_bare_count(item, *node.table))
      items.push_back({true, {}, item.alias, std::nullopt, Aggregate{}});
    else
      items.push_back(item);
  }
  return items;
}

Result<RowShape> row_shape(const ResolvedNode& node) {
  RowShape row;
  auto members = members_of(node);
  if (!members) return members.error();
  row.members = std::move(*members);
  row.grouped = is_grouped(row.members);
  return row;
}

}  // namespace shardplex
