#include "query/plan/embed_writer.hpp"

#include <algorithm>
#include <utility>

#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "query/resolve/ordered_item.hpp"

namespace shardplex {
namespace {

std::string alias_column(const std::string& alias, const std::string& column) {
  return alias + '.' + quote_identifier(column);
}

EmbedWriter::Column columns_of(std::string alias) {
  return [alias = std::move(alias)](const std::string& column) {
    return column == whole_row ? alias + ".*" : alias_column(alias, column);
  };
}

std::string list_of(const std::vector<MemberSql>& members) {
  std::string list;
  for (const auto& member : members)
    list += (list.empty() ? "" : ", ") + member.value + " AS " + quote_identifier(member.name);
  return list;
}

/// Keeps out what a shard has left over of slots that it gave away; "" where there is nothing to keep out. A
/// function without SETOF gives a row of nulls where it finds none.
std::string shown_of_given(const RowFunction& function, const std::string& alias,
                           const EmbedWriter::Column& row) {
  const std::string slot = alias_column(alias, std::string(slot_column));
  std::string shown;
  switch (function.given) {
    case GivenRows::all:
      return "";
    case GivenRows::of_own_slot:
      shown = slot + " = " + row(std::string(slot_column));
      break;
    case GivenRows::owned:
      shown = slot + " IN (" + select_owned_slots(quote_literal(function.group)) + ')';
      break;
  }
  return function.returns_set ? shown : '(' + slot + " IS NULL OR " + shown + ')';
}

/// A function that says ROWS 1 may give several rows, of which the first is shown.
bool is_one_of_given(const ResolvedEmbed& embed) {
  return embed.relation->function && embed.relation->is_to_one() && embed.node.asked->limit.value_or(1) > 0;
}

/// Inside a spread names may repeat, and are not seen.
std::string numbered(std::size_t number) {
  return 'm' + std::to_string(number);
}

std::string numbered_list(const std::vector<MemberSql>& members) {
  std::string list;
  for (std::size_t i = 0; i < members.size(); ++i)
    list += (i == 0 ? "" : ", ") + members[i].value + " AS " + numbered(i);
  return list;
}

/// Of each member an array of the values that it has in all rows.
std::string arrays_of(std::size_t members) {
  std::string list;
  for (std::size_t i = 0; i < members; ++i)
    list += (i == 0 ? "" : ", ") + ("coalesce(json_agg(r." + numbered(i) + "), '[]') AS " + numbered(i));
  return list;
}

/// Filters on an embed stand in the statement wherever a filter asks whether it has rows, so a short request
/// can make a long one.
constexpr std::size_t most_subqueries = 1000;
constexpr std::size_t most_params = 30'000;  // of the 65,535 that the protocol can number
constexpr std::size_t most_bytes = 1 << 20;  // of parameters and conditions

Error too_much() {
  return {"SHARD400", "This request asks for too much",
          "Its embeds, and the filters that ask whether they have rows, come to more than " +
              std::to_string(most_subqueries) + " subqueries, or to more than 1 MiB of text and values",
          "Ask for fewer embeds, or name each in one filter only.", std::nullopt};
}

}  // namespace

std::string EmbedWriter::Rows::select(const std::string& columns, const std::string& joins) const {
  const std::string list = columns.empty() ? "SELECT" : "SELECT " + columns;
  if (!groups) return list + from + joins + where + page;
  const std::string inner = groups->inner_columns();
  return list + " FROM (SELECT" + (inner.empty() ? "" : ' ' + inner) + from + grouped_joins + where +
         ") AS p" + groups->group_by() + page;
}

/// The root goes by its table's name, which can be any.
std::string EmbedWriter::new_alias() {
  std::string alias = 'e' + std::to_string(++aliases_);
  if (alias == root_.alias()) alias = 'e' + std::to_string(++aliases_);
  return alias;
}

ExpressionWriter EmbedWriter::writer_of(const ResolvedNode& node, const std::string& alias) {
  ExpressionWriter writer(*node.table, alias, root_);
  writer.when_about_embed(
      [this, &node, alias](const Condition& condition) -> std::optional<Result<std::string>> {
        const Embed* embed = node.asked->embed_of(condition);
        if (embed == nullptr) return std::nullopt;
        return presence(node.resolved(*embed), asks_for_rows(condition), columns_of(alias));
      });
  return writer;
}

bool EmbedWriter::is_too_much() {
  const auto& params = root_.params();
  for (; counted_params_ < params.size(); ++counted_params_)
    if (params[counted_params_]) bytes_ += params[counted_params_]->size();
  return aliases_ > most_subqueries || params.size() > most_params || bytes_ > most_bytes;
}

Result<EmbedWriter::Rows> EmbedWriter::rows(const ResolvedEmbed& embed, const Column& row) {
  if (is_too_much()) return too_much();
  const ResolvedNode& node = embed.node;
  const Relation& relation = *embed.relation;
  Rows out;
  out.alias = new_alias();
  const std::string from = qualified_name(*node.table) + " AS " + out.alias;
  std::string condition;
  const auto add_equal = [&](const std::string& one, const std::string& other) {
    condition = and_also(std::move(condition), one + " = " + other);
  };
  if (const auto& function = relation.function) {
    out.from = " FROM " + quote_identifier(function->schema) + '.' + quote_identifier(function->name) + '(' +
               row(std::string(whole_row)) + ") AS " + out.alias;
    condition = shown_of_given(*function, out.alias, row);
  } else if (relation.junction) {
    const auto& junction = *relation.junction;
    const std::string between = new_alias();
    // The junction's table is of the same schema as all that is served.
    out.from = " FROM " + quote_identifier(node.table->schema) + '.' + quote_identifier(junction.table) +
               " AS " + between + ", " + from;
    for (const auto& pair : junction.columns)
      add_equal(alias_column(between, pair.foreign_column), row(pair.column));
    for (const auto& pair : junction.foreign_columns)
      add_equal(alias_column(out.alias, pair.column), alias_column(between, pair.foreign_column));
  } else {
    out.from = " FROM " + from;
    for (const auto& pair : relation.columns)
      add_equal(alias_column(out.alias, pair.foreign_column), row(pair.column));
  }

  auto writer = writer_of(node, out.alias);
  const auto filters = writer.filters(node.asked->filters);
  if (!filters) return filters.error();
  condition = and_also(std::move(condition), *filters);
  const auto inner = inner_conditions(node, columns_of(out.alias));
  if (!inner) return inner.error();
  condition = and_also(std::move(condition), *inner);
  if (!condition.empty()) out.where = " WHERE " + condition;
  auto page = this->page(embed, writer, out);
  if (!page) return page.error();
  out.page = std::move(*page);
  bytes_ += out.from.size() + out.where.size() + out.page.size();
  if (out.groups) bytes_ += out.groups->inner_columns().size() + out.grouped_joins.size();
  if (is_too_much()) return too_much();
  return out;
}

/// ORDER BY, LIMIT and OFFSET; groups the rows where the embed asks for it.
Result<std::string> EmbedWriter::page(const ResolvedEmbed& embed, ExpressionWriter& writer, Rows& rows) {
  const ReadNode& asked = *embed.node.asked;
  const auto shape = row_shape(embed.node);
  if (!shape) return shape.error();
  const bool grouped = shape->grouped && !embed.asked->spread;
  auto out =
      grouped ? group_rows(embed.node, *shape, writer, rows) : order(embed, writer, columns_of(rows.alias));
  if (!out) return out;
  if (!out->empty()) *out = " ORDER BY " + *out;
  if (is_one_of_given(embed))
    *out += " LIMIT 1";
  else if (asked.limit)
    *out += " LIMIT " + root_.param(std::to_string(*asked.limit)) + "::int8";
  if (asked.offset > 0) *out += " OFFSET " + root_.param(std::to_string(asked.offset)) + "::int8";
  return out;
}

Result<std::string> EmbedWriter::order(const ResolvedEmbed& embed, ExpressionWriter& writer,
                                       const Column& row) {
  const ResolvedNode& node = embed.node;
  std::string out;
  const auto add = [&](const std::string& value, std::string_view direction) {
    out += (out.empty() ? "" : ", ") + value + std::string(direction);
  };
  for (const auto& term : node.asked->order) {
    const auto value = order_value(node, term, writer, row);
    if (!value) return value;
    add(*value, term.descending ? " DESC" : " ASC");
    out += term.nulls_first.value_or(term.descending) ? " NULLS FIRST" : " NULLS LAST";
  }
  if (!embed.relation->is_to_one() || embed.relation->function)
    for (const auto& column : node.table->primary_key) add(row(column), "");
  return sql_text(std::move(out));
}

Result<std::string> EmbedWriter::order_value(const ResolvedNode& node, const OrderTerm& term,
                                             ExpressionWriter& writer, const Column& row) {
  if (!term.embed) return writer.field(term.field);
  const auto& embed = node.resolved(*node.asked->find_embed(*term.embed));
  const auto item = ordered_item(embed, term.field);
  if (!item) return item.error();
  return value_of(embed, *item, row);
}

/// Groups the rows, and returns the order of the groups.
Result<std::string> EmbedWriter::group_rows(const ResolvedNode& node, const RowShape& shape,
                                            ExpressionWriter& writer, Rows& rows) {
  const auto row = columns_of(rows.alias);
  auto embedded = members(node, row);
  if (!embedded) return embedded.error();
  auto groups = group(node, shape, writer, embedded->members);
  if (!groups) return groups.error();
  const auto order = order_groups(
      node, *groups, [&](const OrderTerm& term) { return order_value(node, term, writer, row); });
  if (!order) return order.error();
  rows.groups = std::move(*groups);
  rows.grouped_joins = std::move(embedded->joins);
  return sql_text(rows.groups->order_by(*order));
}

/// What the embed's rows show, of columns and of embeds.
Result<EmbedSql> EmbedWriter::own_members(const ResolvedNode& node, const std::string& alias) {
  auto writer = writer_of(node, alias);
  EmbedSql out;
  for (const auto& item : own_items(node)) {
    // What count() of a spread counts: where there is no row it is null.
    auto value = item.star ? sql_text("1") : writer.value(item);
    if (!value) return value.error();
    out.members.push_back({output_name(item), std::move(*value), false, !is_json_already(*node.table, item)});
  }
  auto embedded = members(node, columns_of(alias));
  if (!embedded) return embedded.error();
  std::ranges::move(embedded->members, std::back_inserter(out.members));
  out.joins = std::move(embedded->joins);
  return out;
}

Result<EmbedSql> EmbedWriter::shown_members(const ResolvedNode& node, const Rows& rows) {
  if (!rows.groups) return own_members(node, rows.alias);
  EmbedSql out;
  for (const auto& member : rows.groups->members)
    out.members.push_back({member.name, rows.groups->value(member), false});
  return out;
}

/// One object, null, or an array of objects.
Result<MemberSql> EmbedWriter::whole(const ResolvedEmbed& embed, const Column& row) {
  const auto from = rows(embed, row);
  if (!from) return from.error();
  const auto shown = shown_members(embed.node, *from);
  if (!shown) return shown.error();
  const std::string each = '(' + from->select(list_of(shown->members), shown->joins) + ") AS r";
  if (embed.relation->is_to_one())
    return MemberSql{embed.asked->name(), "(SELECT row_to_json(r.*) FROM " + each + ')', true, false};
  return MemberSql{embed.asked->name(), "coalesce((SELECT json_agg(r.*) FROM " + each + "), '[]')", true,
                   false};
}

/// The embed's members become the row's own: values of the one row, or arrays of those of all rows. A limit
/// or an aggregate keeps PostgreSQL from making a plain join of the subquery, which could change the order.
Result<EmbedSql> EmbedWriter::spread(const ResolvedEmbed& embed, const Column& row) {
  const auto from = rows(embed, row);
  if (!from) return from.error();
  const auto shown = own_members(embed.node, from->alias);
  if (!shown) return shown.error();
  std::string each = '(' + from->select(numbered_list(shown->members), shown->joins);
  if (embed.relation->is_to_one())
    each += embed.node.asked->limit || is_one_of_given(embed) ? ")" : " LIMIT 1)";
  else
    each = "(SELECT " + arrays_of(shown->members.size()) + " FROM " + each + ") AS r)";
  EmbedSql out;
  const std::string alias = new_alias();
  const bool to_one = embed.relation->is_to_one();
  for (std::size_t i = 0; i < shown->members.size(); ++i) {
    const auto& member = shown->members[i];
    out.members.push_back(
        {member.name, alias + '.' + numbered(i), !to_one || member.is_json, to_one && member.in_lines});
  }
  out.joins = " LEFT JOIN LATERAL " + each + " AS " + alias + " ON true";
  return out;
}

Result<EmbedSql> EmbedWriter::members_of(const ResolvedEmbed& embed, const Column& row) {
  if (shows_nothing(embed.asked->rows)) return EmbedSql();
  if (embed.asked->spread) return spread(embed, row);
  auto one = whole(embed, row);
  if (!one) return one.error();
  return EmbedSql{{std::move(*one)}, ""};
}

Result<EmbedSql> EmbedWriter::members(const ResolvedNode& node, const Column& row) {
  EmbedSql out;
  for (const auto& embed : node.embeds) {
    auto some = members_of(embed, row);
    if (!some) return some;
    std::ranges::move(some->members, std::back_inserter(out.members));
    out.joins += some->joins;
  }
  return out;
}

Result<std::string> EmbedWriter::presence(const ResolvedEmbed& embed, bool has_rows, const Column& row) {
  const auto from = rows(embed, row);
  if (!from) return from.error();
  return sql_text(std::string(has_rows ? "EXISTS (" : "NOT EXISTS (") + from->select("") + ')');
}

Result<std::string> EmbedWriter::inner_conditions(const ResolvedNode& node, const Column& row) {
  std::string out;
  for (const auto& embed : node.embeds) {
    if (!embed.asked->inner) continue;
    const auto condition = presence(embed, true, row);
    if (!condition) return condition;
    out = and_also(std::move(out), *condition);
  }
  return sql_text(std::move(out));
}

Result<std::string> EmbedWriter::value_of(const ResolvedEmbed& embed, const SelectItem& item,
                                          const Column& row, const std::string& collation) {
  const auto from = rows(embed, row);
  if (!from) return from.error();
  auto writer = writer_of(embed.node, from->alias);
  // Rows are ordered by what is stored, whatever is shown of it.
  const auto value = from->groups ? key_sql(*from->groups, embed.node, item)
                     : item.cast  ? writer.value(item)
                                  : writer.field(item.field);
  if (!value) return value;
  return sql_text('(' + from->select(*value + collation) + ')');
}

}  // namespace shardplex
