#include "query/plan/returned_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "query/plan/embed_obstacles.hpp"
#include "query/plan/embed_writer.hpp"
#include "query/plan/locality.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/member_planner.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/routed_plan.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "query/resolve/ordered_item.hpp"
#include "query/resolve/row_shape.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

using LookedUp = std::vector<const ResolvedEmbed*>;

/// The row r as text. A row of CSV goes without the parentheses that PostgreSQL puts around it.
std::string row_sql(RowFormat format) {
  switch (format) {
    case RowFormat::json:
    case RowFormat::json_in_utc:
    case RowFormat::feature:
    case RowFormat::feature_in_utc:
      break;
    case RowFormat::stripped_json:
    case RowFormat::stripped_json_in_utc:
      return "json_strip_nulls(row_to_json(r.*))::text";
    case RowFormat::csv:
      return "left(substr((r.*)::text, 2), -1)";
  }
  return "row_to_json(r.*)::text";
}

// ---- What cannot be shown.

Result<void> check_shown(const ResolvedNode& tree) {
  const auto is_aggregate = [](const SelectItem& item) { return item.aggregate.has_value(); };
  if (std::ranges::any_of(tree.asked->select, is_aggregate)) return aggregates_not_planned();
  if (tree.embeds.empty()) return {};
  const auto shape = row_shape(tree);
  if (!shape) return shape.error();
  if (shape->grouped) return aggregates_not_planned();  // out of a spread
  return require_agreed(tree);
}

/// Rows of other shards are known when the write has been committed, and then it is too late to refuse it.
Error known_too_late(const ResolvedEmbed& embed, const std::string& what) {
  return cannot_merge("What is embedded as " + embed.asked->name() + " can be on other shards, and " + what,
                      "Write without it, and read the rows with a request of their own.");
}

/// What the map calls the table that has the written rows, which may be of another schema than its view.
std::string stored_table(const Table& written) {
  if (written.written) return make_map_name(written.written->schema, written.written->name);
  return make_map_name(written.schema, split_map_name(written.name).name);
}

/// Whether rows of the table are in those of `relation`, which may be a view.
bool has_rows_of(const Table& relation, const std::string& table) {
  if (relation.is_view()) return contains_name(relation.reads, table);
  return stored_table(relation) == table;
}

/// Whether a table that the embed reads, at any depth, is such a one.
template <class Is>
bool reads_any(const ResolvedEmbed& embed, const Is& is) {
  return is(*embed.node.table) || (embed.junction != nullptr && is(*embed.junction)) ||
         std::ranges::any_of(embed.node.embeds,
                             [&](const ResolvedEmbed& below) { return reads_any(below, is); });
}

/// PostgreSQL may delete its rows together with those that they refer to. Nobody here knows the keys of the
/// tables that a view reads, and those that lead to another schema.
bool may_refer_to(const Table& table, const Table& written) {
  const auto& below = written.written;
  if (table.is_view() || (below && below->schema != table.schema)) return true;
  const std::string& name = below ? below->name : written.name;
  return std::ranges::any_of(table.foreign_keys,
                             [&](const ForeignKey& key) { return key.foreign_table == name; });
}

/// Looked up, what the write changes would be seen as it has left it, and not as it was before.
Result<void> check_unchanged(const ResolvedEmbed& embed, const Table& written, bool deletes) {
  const auto stored = stored_table(written);
  const auto is_written = [&](const Table& table) { return has_rows_of(table, stored); };
  const auto goes_along = [&](const Table& table) { return may_refer_to(table, written); };
  if (reads_any(embed, is_written))
    return known_too_late(embed, "is looked up after the write, which changes " + written.name + " itself.");
  if (deletes && reads_any(embed, goes_along))
    return known_too_late(embed, "is looked up after the write, when rows that refer to " + written.name +
                                     " may be deleted with it.");
  return {};
}

Result<void> check_looked_up(const ResolvedNode& tree, const LookedUp& looked_up, RowFormat format,
                             bool deletes) {
  for (const auto* embed : looked_up)
    if (auto unchanged = check_unchanged(*embed, *tree.table, deletes); !unchanged) return unchanged;
  const ResolvedEmbed& first = *looked_up.front();
  if (std::ranges::any_of(tree.asked->embeds, &Embed::inner))
    return known_too_late(first, "!inner asks which rows are returned.");
  if (std::ranges::any_of(tree.asked->order, [](const OrderTerm& term) { return term.embed.has_value(); }))
    return known_too_late(first, "order asks for the order of an embed.");
  if (format == RowFormat::stripped_json || format == RowFormat::stripped_json_in_utc)
    return known_too_late(first, "nulls=stripped cannot strip all that JSON may hold.");
  return {};
}

/// The refusal of lookups that will be made of several shards at once: read alone, it would come with the
/// first row, and so after the write. Where all slots are one shard's for now, it is refused all the same.
std::optional<Error> refused_over_shards(const std::vector<Lookup>& lookups) {
  for (const auto& lookup : lookups) {
    const ReadPlan& scan = lookup.rows.scan;
    const bool merges = scan.states ? lookup.shares_groups() : lookup.place && !lookup.merges_by_number;
    if (merges && lookup.place->within.size() > 1 && scan.not_mergeable) return scan.not_mergeable;
    if (auto below = refused_over_shards(lookup.rows.lookups)) return below;
  }
  return std::nullopt;
}

// ---- What is shown.

/// The node's own columns. Without any beside embeds there are none, and without embeds all.
Result<Selection> own_selection(const ResolvedNode& tree, RowFormat format, ExpressionWriter& writer) {
  const ReadNode& asked = *tree.asked;
  if (!asked.select.empty() || asked.embeds.empty()) return writer.select(asked.select, RowText(format));
  Selection none;
  none.row = RowText(format);
  return none;
}

/// Numbers the columns that embeds need of the row they are of.
class RowColumns {
 public:
  /// "q.r0" for the first of them.
  std::string sql(const std::string& name) {
    const auto known = std::ranges::find(names_, name);
    const auto number = static_cast<std::size_t>(known - names_.begin());
    if (known == names_.end()) names_.push_back(name);
    return "q.r" + std::to_string(number);
  }
  /// What RETURNING has of them: "movies"."id" AS r0, …
  void append_to(std::string& list, const Table& table) const {
    for (std::size_t i = 0; i < names_.size(); ++i)
      add_item(list, row_part_sql(table, names_[i]) + " AS r" + std::to_string(i));
  }

 private:
  std::vector<std::string> names_;
};

std::string direction_sql(const OrderTerm& term) {
  return std::string(term.descending ? " DESC" : " ASC") +
         (term.nulls_first.value_or(term.descending) ? " NULLS FIRST" : " NULLS LAST");
}

/// The value of order=rel(name).
Result<std::string> value_of_embed(const ResolvedNode& tree, const OrderTerm& term, EmbedWriter& embeds,
                                   const EmbedWriter::Column& column) {
  const auto& embed = tree.resolved(*tree.asked->find_embed(*term.embed));
  const auto item = ordered_item(embed, term.field);
  if (!item) return item.error();
  return embeds.value_of(embed, *item, column);
}

/// Adds the order, with what it needs of the rows.
Result<void> add_order(const ResolvedNode& tree, const WritePlan& plan, ExpressionWriter& writer,
                       EmbedWriter& embeds, const EmbedWriter::Column& column, ReturnedRows& out) {
  const auto& terms = tree.asked->order;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::string name = 'o' + std::to_string(i);
    const auto value =
        terms[i].embed ? value_of_embed(tree, terms[i], embeds, column) : writer.field(terms[i].field);
    if (!value) return value.error();
    if (!terms[i].embed) add_item(out.inner, *value + " AS " + name);
    add_item(out.order, (terms[i].embed ? *value : "q." + name) + direction_sql(terms[i]));
  }
  const bool by_key = plan.chooses_rows || !terms.empty();
  const auto& key = tree.table->written_key();
  for (std::size_t i = 0; by_key && i < key.size(); ++i) {
    const std::string name = 'k' + std::to_string(i);
    add_item(out.inner, column_sql(*tree.table, key[i]) + " AS " + name);
    add_item(out.order, "q." + name);
  }
  return {};
}

/// Rows that are whole: each as one text.
Result<ReturnedRows> rows_as_text(const ResolvedNode& tree, const WriteRules& rules, ExpressionWriter& writer,
                                  WritePlan& plan) {
  auto selection = own_selection(tree, rules.format, writer);
  if (!selection) return selection.error();
  ReturnedRows out;
  out.inner = std::move(selection->inner);
  std::string members = std::move(selection->outer);

  EmbedWriter embeds(writer);
  RowColumns columns;
  const EmbedWriter::Column column = [&](const std::string& name) { return columns.sql(name); };
  const auto embedded = embeds.members(tree, column);
  if (!embedded) return embedded.error();
  for (const auto& member : embedded->members) {
    add_item(members, member.value + " AS " + quote_identifier(member.name));
    selection->row.add(member.name, {});
  }
  out.joins = embedded->joins + " CROSS JOIN LATERAL (SELECT " + members + ") r";
  const auto kept = embeds.inner_conditions(tree, column);
  if (!kept) return kept.error();
  // In a CASE the order of the rows stays, which is the body's for an INSERT: no join is made of it.
  out.columns = row_sql(rules.format);
  if (!kept->empty()) out.columns = "CASE WHEN " + *kept + " THEN " + out.columns + " END";
  if (!kept->empty() && rules.bounds != RowBounds{}) {
    auto again = embeds.inner_conditions(tree, column);
    if (!again) return again.error();
    out.counted = std::move(*again);
  }
  if (auto done = add_order(tree, plan, writer, embeds, column, out); !done) return done.error();
  columns.append_to(out.inner, *tree.table);

  plan.header = selection->row.header();
  plan.embeds = !tree.embeds.empty();
  plan.leaves_out = !kept->empty();
  return out;
}

/// Rows in which those of other shards have still to be put.
Result<ReturnedRows> rows_to_complete(const ResolvedNode& tree, const LookedUp& looked_up,
                                      const RoutedTable& routed, const WriteRules& rules,
                                      ExpressionWriter& writer, WritePlan& plan) {
  if (auto checked = check_looked_up(tree, looked_up, rules.format, plan.deletes); !checked)
    return checked.error();
  NodeRead read;
  for (const auto* embed : looked_up) {
    auto lookup = plan_lookup(*embed, routed, rules.bytewise_default_collation);
    if (!lookup) return lookup.error();
    read.lookups.push_back(std::move(*lookup));
  }
  if (!rules.one_default_collation) hold_to_one_collation(read.lookups);
  if (routed.map().shards().size() > 1)
    if (auto refusal = refused_over_shards(read.lookups)) return *std::move(refusal);

  auto selection = own_selection(tree, rules.format, writer);
  if (!selection) return selection.error();
  ReadPlan& scan = read.scan;
  scan.inner_columns = std::move(selection->inner);
  scan.values = std::move(selection->values);
  scan.row = std::move(selection->row);
  EmbedWriter embeds(writer);
  MemberPlanner members(tree, looked_up, selection->json_already, read);
  if (auto done = members.add_keys(); !done) return done.error();
  if (auto done = members.add_embeds(embeds); !done) return done.error();

  ReturnedRows out{scan.inner_columns, scan.columns_sql(), scan.joins, "", ""};
  const EmbedWriter::Column none = [](const std::string& name) { return name; };  // no order is by an embed
  if (auto done = add_order(tree, plan, writer, embeds, none, out); !done) return done.error();
  plan.header = scan.row.header();
  plan.embeds = true;
  plan.read = std::make_shared<const NodeRead>(std::move(read));
  return out;
}

}  // namespace

Result<ReturnedRows> shown_rows(const ResolvedNode& tree, const RoutedTable& routed, const WriteRules& rules,
                                ExpressionWriter& writer, WritePlan& plan) {
  if (auto checked = check_shown(tree); !checked) return checked.error();
  const auto looked_up = looked_up_embeds(tree, routed.map());
  if (looked_up.empty()) return rows_as_text(tree, rules, writer, plan);
  return rows_to_complete(tree, looked_up, routed, rules, writer, plan);
}

ReturnedRows written_keys(const Table& table) {
  ReturnedRows out;
  const auto& key = table.written_key();
  for (std::size_t i = 0; i < key.size(); ++i) {
    const std::string name = 'k' + std::to_string(i);
    add_item(out.inner, column_sql(table, key[i]) + "::text AS " + name);
    add_item(out.columns, "q." + name);
  }
  return out;
}

}  // namespace shardplex
