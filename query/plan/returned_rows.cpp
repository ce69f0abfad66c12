#include "query/plan/returned_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "query/plan/embed_obstacles.hpp"
#include "query/plan/embed_writer.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "query/resolve/ordered_item.hpp"
#include "query/resolve/row_shape.hpp"

namespace shardplex {
namespace {

/// The row r as text. A row of CSV goes without the parentheses that PostgreSQL puts around it.
std::string row_sql(RowFormat format) {
  switch (format) {
    case RowFormat::json:
    case RowFormat::json_in_utc:
      break;
    case RowFormat::stripped_json:
    case RowFormat::stripped_json_in_utc:
      return "json_strip_nulls(row_to_json(r.*))::text";
    case RowFormat::csv:
      return "left(substr((r.*)::text, 2), -1)";
  }
  return "row_to_json(r.*)::text";
}

/// What of the rows a statement cannot give back.
Result<void> check_shown(const ResolvedNode& tree, const ShardMap& map) {
  const auto is_aggregate = [](const SelectItem& item) { return item.aggregate.has_value(); };
  if (std::ranges::any_of(tree.asked->select, is_aggregate)) return aggregates_not_planned();
  if (tree.embeds.empty()) return {};
  const auto shape = row_shape(tree);
  if (!shape) return shape.error();
  if (shape->grouped) return aggregates_not_planned();  // out of a spread
  if (auto agreed = require_agreed(tree); !agreed) return agreed;
  return require_local(tree, map);
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
      add_item(list, column_sql(table, names_[i]) + " AS r" + std::to_string(i));
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
Result<void> add_order(const ResolvedNode& tree, bool by_key, ExpressionWriter& writer, EmbedWriter& embeds,
                       const EmbedWriter::Column& column, ReturnedRows& out) {
  const auto& terms = tree.asked->order;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::string name = 'o' + std::to_string(i);
    const auto value =
        terms[i].embed ? value_of_embed(tree, terms[i], embeds, column) : writer.field(terms[i].field);
    if (!value) return value.error();
    if (!terms[i].embed) add_item(out.inner, *value + " AS " + name);
    add_item(out.order, (terms[i].embed ? *value : "q." + name) + direction_sql(terms[i]));
  }
  const auto& primary_key = tree.table->primary_key;
  for (std::size_t i = 0; by_key && i < primary_key.size(); ++i) {
    const std::string name = 'k' + std::to_string(i);
    add_item(out.inner, column_sql(*tree.table, primary_key[i]) + " AS " + name);
    add_item(out.order, "q." + name);
  }
  return {};
}

}  // namespace

Result<ReturnedRows> shown_rows(const ResolvedNode& tree, const ShardMap& map, RowFormat format, bool bounded,
                                ExpressionWriter& writer, WritePlan& plan) {
  if (auto checked = check_shown(tree, map); !checked) return checked.error();
  const ReadNode& asked = *tree.asked;
  Result<Selection> selection = Selection{};
  selection->row = RowText(format);
  if (!asked.select.empty() || asked.embeds.empty()) selection = writer.select(asked.select, RowText(format));
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
  out.columns = kept->empty() ? row_sql(format) : "CASE WHEN " + *kept + " THEN " + row_sql(format) + " END";
  if (bounded && !kept->empty()) {
    auto again = embeds.inner_conditions(tree, column);
    if (!again) return again.error();
    out.counted = std::move(*again);
  }
  const bool by_key = plan.chooses_rows || !asked.order.empty();
  if (auto done = add_order(tree, by_key, writer, embeds, column, out); !done) return done.error();
  columns.append_to(out.inner, *tree.table);

  plan.header = selection->row.header();
  plan.embeds = !asked.embeds.empty();
  plan.leaves_out = !kept->empty();
  return out;
}

ReturnedRows written_keys(const Table& table) {
  ReturnedRows out;
  for (std::size_t i = 0; i < table.primary_key.size(); ++i) {
    const std::string key = 'k' + std::to_string(i);
    add_item(out.inner, column_sql(table, table.primary_key[i]) + "::text AS " + key);
    add_item(out.columns, "q." + key);
  }
  return out;
}

}  // namespace shardplex
