#include "query/resolve/ordered_item.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "query/resolve/row_shape.hpp"

namespace shardplex {
namespace {

std::string order_by(const ResolvedEmbed& embed, const std::string& name) {
  return embed.asked->name() + '(' + name + ')';
}

Error not_shown(const ResolvedEmbed& embed, const std::string& name) {
  return {.code = "42703",
          .message = "column " + embed.asked->name() + '.' + name + " does not exist",
          .details = std::nullopt,
          .hint = "An embed can be ordered by what it shows: add " + name + " to " + embed.asked->name() +
                  "(…) in select, or name one of its members.",
          .status = std::nullopt};
}

Error shown_several_times(const ResolvedEmbed& embed, const std::string& name) {
  return {.code = "42702",
          .message = "column reference \"" + name + "\" is ambiguous",
          .details = std::nullopt,
          .hint = "Give one of the members of " + embed.asked->name() + " an alias, such as other:" + name,
          .status = std::nullopt};
}

Error no_order_by(const ResolvedEmbed& embed, const std::string& name, const std::string& why) {
  return {.code = "SHARD400",
          .message = "This request is not served by this release",
          .details = "order asks for " + order_by(embed, name) + ", " + why,
          .hint = "Order by a column of " + embed.node.table->name + " that the embed shows.",
          .status = std::nullopt};
}

/// Nothing can be looked up in what is no json any more.
bool is_closed(const SelectItem& item) {
  return item.cast || (!item.field.path.empty() && item.field.path.back().as_text);
}

}  // namespace

Result<SelectItem> ordered_item(const ResolvedEmbed& embed, const Field& named) {
  const auto row = row_shape(embed.node);
  if (!row) return row.error();
  const auto has_name = [&](const RowMember& member) { return member.name == named.column; };
  const auto found = std::ranges::find_if(row->members, has_name);
  if (found == row->members.end()) return not_shown(embed, named.column);
  if (std::ranges::count_if(row->members, has_name) > 1) return shown_several_times(embed, named.column);
  if (found->kind != RowMember::Kind::value || found->node != &embed.node || found->in_arrays > 0 ||
      found->item.aggregate)
    return no_order_by(embed, named.column, "which is made of rows of another table");
  SelectItem item = found->item;
  if (!named.path.empty() && is_closed(item))
    return no_order_by(embed, named.column, "of which no path leads on");
  item.alias.reset();
  item.field.path.insert(item.field.path.end(), named.path.begin(), named.path.end());
  return item;
}

}  // namespace shardplex
