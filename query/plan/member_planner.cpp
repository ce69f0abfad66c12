#include "query/plan/member_planner.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"

namespace shardplex {
namespace {

/// What is looked up comes as JSON. As a field of CSV a value that is alone would be written otherwise.
Error spread_into_csv(const ResolvedEmbed& embed) {
  return {"SHARD400", "This request cannot be answered in CSV",
          "Values of " + embed.relation->foreign_table +
              " can be on other shards, from which they come as JSON and not as CSV",
          "Ask for the embed without the three dots, or for JSON.", std::nullopt};
}

}  // namespace

MemberPlanner::MemberPlanner(const ResolvedNode& tree, const std::vector<const ResolvedEmbed*>& looked_up,
                             const std::vector<bool>& json_already, NodeRead& read)
    : tree_(tree), looked_up_(looked_up), read_(read), plan_(read.scan) {
  const auto& fields = plan_.row.fields();
  for (std::size_t i = 0; i < fields.size(); ++i) read_.members.push_back({fields[i].name, !json_already[i]});
}

Result<void> MemberPlanner::add_keys() {
  std::vector<std::string> names;
  for (const auto* embed : looked_up_) {
    JoinPlan::Embed joined;
    joined.with_null = read_.lookups[read_.join.embeds.size()].gives_every_key();
    for (const auto& name : key_columns_of(*embed->relation)) {
      const auto known = std::ranges::find(names, name);
      joined.key.push_back(static_cast<std::size_t>(known - names.begin()));
      if (known != names.end()) continue;
      names.push_back(name);
      const auto column = require_column(*tree_.table, name);
      if (!column) return column.error();
      const auto text = key_text_sql(**column, next_related());
      if (!text) return text.error();
      add_related(column_sql(*tree_.table, name), *text);
    }
    read_.join.embeds.push_back(std::move(joined));
  }
  return {};
}

Result<void> MemberPlanner::add_embeds(EmbedWriter& embeds) {
  std::vector<std::string> related;
  const auto column = [&](const std::string& name) {
    const auto known = std::ranges::find(related, name);
    const auto number = static_cast<std::size_t>(known - related.begin());
    if (known == related.end()) related.push_back(name);
    return "q.r" + std::to_string(number);
  };
  for (const auto& embed : tree_.embeds) {
    if (const auto lookup = std::ranges::find(looked_up_, &embed); lookup != looked_up_.end()) {
      if (auto left = leave_room(embed, static_cast<std::size_t>(lookup - looked_up_.begin())); !left)
        return left.error();
      continue;
    }
    auto embedded = embeds.members_of(embed, column);
    if (!embedded) return embedded.error();
    plan_.joins += embedded->joins;
    for (const auto& member : embedded->members) {
      add_item(plan_.values, plan_.row.sql_of_member(member.value, member.is_json));
      plan_.row.add(member.name, {});
      read_.members.push_back({member.name, member.in_lines});
    }
  }
  for (std::size_t i = 0; i < related.size(); ++i)
    add_item(plan_.inner_columns, row_part_sql(*tree_.table, related[i]) + " AS r" + std::to_string(i));
  return {};
}

void MemberPlanner::add_conditions(const std::vector<std::string>& conditions) {
  for (const auto& condition : conditions) add_related('(' + condition + ')', next_related() + "::text");
}

Result<void> MemberPlanner::leave_room(const ResolvedEmbed& embed, std::size_t number) {
  const auto& rows = read_.lookups[number].rows;
  auto& shape = read_.join.embeds[number].shape;
  shape = shape_of(embed, rows);
  shape.in_csv = plan_.row.format() == RowFormat::csv;
  shape.sort_keys = read_.lookups[number].sort_keys;
  if (shape.in_csv && shape.kind == EmbedShape::Kind::values) return spread_into_csv(embed);
  std::vector<NodeRead::Member> members;
  if (embed.asked->spread) {
    members = rows.members;
    if (!shape.to_one)
      for (auto& member : members) member.in_lines = false;
  } else if (shape.kind != EmbedShape::Kind::nothing) {
    members.push_back({embed.asked->name(), false});
  }
  std::vector<std::string> names;
  for (const auto& member : members) names.push_back(member.name);
  shape.before = plan_.row.leave_room(names);
  std::ranges::move(members, std::back_inserter(read_.members));
  return {};
}

std::string MemberPlanner::next_related() const {
  return "q.h" + std::to_string(plan_.related.size());
}

void MemberPlanner::add_related(const std::string& inner, const std::string& outer) {
  add_item(plan_.inner_columns, inner + " AS h" + std::to_string(plan_.related.size()));
  plan_.related.push_back(outer);
}

}  // namespace shardplex
