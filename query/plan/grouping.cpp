#include "query/plan/grouping.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "query/plan/cast_type.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

std::string group_key_name(std::size_t number) {
  return 'g' + std::to_string(number);
}

std::string argument_name(std::size_t number) {
  return 'a' + std::to_string(number);
}

/// PostgreSQL compares no json. A count asks only whether a value is null.
Result<void> check_groupable(const Table& table, const SelectItem& item) {
  const Column* column = table.find_readable(item.field.column);
  if (column == nullptr || !item.field.path.empty() || !is_shown_as_json(*column)) return {};
  if (item.aggregate && item.aggregate->function == AggregateFunction::count && !item.cast) return {};
  return cannot_merge(
      "Column " + column->name + " is shown by " + column->representations.to_json +
          " as json, by which rows are not grouped and of which there are no aggregates but count().",
      "Leave " + column->name + " out where aggregates are asked for.");
}

/// Gathers the members of a node's groups.
class Grouper {
 public:
  Grouper(const ResolvedNode& node, ExpressionWriter& writer) : node_(node), writer_(writer) {}

  Result<void> add_own(const RowMember& member) {
    const SelectItem& item = member.item;
    if (!item.star)
      if (auto checked = check_groupable(*node_.table, item); !checked) return checked;
    if (item.aggregate) return add_own_aggregate(member);
    const bool by_value = item.alias || !item.field.path.empty();
    const bool cast_afterwards = item.cast && !by_value;
    const auto value = cast_afterwards ? writer_.field(item.field) : writer_.value(item);
    if (!value) return value.error();
    auto type = type_of(*node_.table, item.field, cast_afterwards ? std::nullopt : item.cast);
    if (!type) return type.error();
    GroupKey key{*value, std::move(*type), member.node, item.field, item.cast};
    if (cast_afterwards) key.cast.reset();
    return add_key(member.name, std::move(key), cast_afterwards ? item.cast : std::nullopt);
  }

  /// `value`: what the embed adds for the member.
  Result<void> add_embedded(const RowMember& member, const std::string& value) {
    const bool is_value = member.kind == RowMember::Kind::value && member.in_arrays == 0;
    if (!is_value)
      return add_key(member.name, {cast_to_jsonb(value), built_in_type("jsonb"), nullptr, {}, {}}, {});
    const SelectItem& item = member.item;
    if (item.star) return add_aggregate(member, GroupArgument{value, built_in_type("int4")});
    if (auto checked = check_groupable(*member.node->table, item); !checked) return checked;
    auto type = type_of(*member.node->table, item.field, item.cast);
    if (!type) return type.error();
    if (item.aggregate) return add_aggregate(member, GroupArgument{value, std::move(*type)});
    return add_key(member.name, {value, std::move(*type), member.node, item.field, item.cast}, {});
  }

  Grouping take() && { return std::move(grouping_); }

 private:
  static std::string cast_to_jsonb(const std::string& value) { return "CAST(" + value + " AS jsonb)"; }

  Result<void> add_own_aggregate(const RowMember& member) {
    const SelectItem& item = member.item;
    if (item.star) return add_aggregate(member, std::nullopt);
    const auto value = writer_.value(item);
    if (!value) return value.error();
    auto type = type_of(*node_.table, item.field, item.cast);
    if (!type) return type.error();
    return add_aggregate(member, GroupArgument{*value, std::move(*type)});
  }

  Result<void> add_aggregate(const RowMember& member, std::optional<GroupArgument> argument) {
    GroupMember out{member.name, std::nullopt, std::nullopt, member.item.aggregate->function, ""};
    if (argument) {
      out.argument = grouping_.arguments.size();
      grouping_.arguments.push_back(std::move(*argument));
    }
    return add(std::move(out), member.item.aggregate->cast);
  }

  Result<void> add_key(const std::string& name, GroupKey key, const std::optional<std::string>& cast) {
    GroupMember out{name, grouping_.keys.size(), std::nullopt, {}, ""};
    grouping_.keys.push_back(std::move(key));
    return add(std::move(out), cast);
  }

  Result<void> add(GroupMember member, const std::optional<std::string>& cast) {
    if (cast) {
      auto type = cast_type_sql(*cast);
      if (!type) return type.error();
      member.cast = std::move(*type);
    }
    grouping_.members.push_back(std::move(member));
    return {};
  }

  const ResolvedNode& node_;
  ExpressionWriter& writer_;
  Grouping grouping_;
};

}  // namespace

const Column* GroupKey::column() const {
  return node != nullptr && field.path.empty() && !cast ? node->table->find_readable(field.column) : nullptr;
}

std::optional<std::size_t> Grouping::find_key(const ResolvedNode& node, const Field& field,
                                              const std::optional<std::string>& cast) const {
  const auto found = std::ranges::find_if(
      keys, [&](const GroupKey& key) { return key.node == &node && key.field == field && key.cast == cast; });
  if (found == keys.end()) return std::nullopt;
  return static_cast<std::size_t>(found - keys.begin());
}

std::string Grouping::inner_columns() const {
  std::string out;
  for (std::size_t i = 0; i < keys.size(); ++i) add_item(out, keys[i].value + " AS " + group_key_name(i));
  for (std::size_t i = 0; i < arguments.size(); ++i)
    add_item(out, arguments[i].value + " AS " + argument_name(i));
  return out;
}

std::string Grouping::group_by() const {
  if (keys.empty() && !numbered) return " HAVING true";
  std::string out = numbered ? "p.ord" : "";
  for (std::size_t i = 0; i < keys.size(); ++i) add_item(out, "p." + group_key_name(i));
  return " GROUP BY " + out;
}

std::string Grouping::argument(const GroupMember& member) const {
  if (member.argument) return "p." + argument_name(*member.argument);
  return numbered ? "p.here" : "*";
}

std::string Grouping::value(const GroupMember& member, const std::string& aggregate) const {
  const std::string value = member.key ? "p." + group_key_name(*member.key) : aggregate;
  return member.cast.empty() ? value : "CAST(" + value + " AS " + member.cast + ')';
}

std::string Grouping::value(const GroupMember& member) const {
  return value(member, std::string(to_string(member.function)) + '(' + argument(member) + ')');
}

std::string Grouping::order_by(const std::vector<GroupOrder>& order) const {
  std::string out = numbered ? "p.ord" : "";
  for (const auto& term : order) {
    const ValueType& type = keys[term.key].type;
    add_item(out,
             "p." + group_key_name(term.key) + (sorts_by_collation(sort_kind(type)) ? type.collate : "") +
                 (term.descending ? " DESC" : " ASC") + (term.nulls_first ? " NULLS FIRST" : " NULLS LAST"));
  }
  return out;
}

Result<Grouping> group(const ResolvedNode& node, const RowShape& shape, ExpressionWriter& writer,
                       const std::vector<MemberSql>& embedded) {
  invariant(shape.members.size() >= embedded.size(), "what embeds add to a row is part of its shape");
  const std::size_t own = shape.members.size() - embedded.size();
  Grouper grouper(node, writer);
  for (std::size_t i = 0; i < shape.members.size(); ++i) {
    const auto done = i < own ? grouper.add_own(shape.members[i])
                              : grouper.add_embedded(shape.members[i], embedded[i - own].value);
    if (!done) return done.error();
  }
  return std::move(grouper).take();
}

}  // namespace shardplex
