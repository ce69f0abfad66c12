#include "query/plan/read_order.hpp"

#include <algorithm>
#include <utility>

#include "query/plan/not_planned.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "query/plan/value_type.hpp"
#include "query/resolve/ordered_item.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

bool is_text(SortKind kind) {
  return kind == SortKind::text || kind == SortKind::bpchar;
}

std::string key_name(std::size_t number) {
  return 'k' + std::to_string(number);
}

std::string collation_sql(const Column& column) {
  if (!is_text(column.sort) || !column.bytewise_collation || column.collation_sql.empty()) return "";
  return " COLLATE " + column.collation_sql;
}

}  // namespace

Result<void> OrderPlanner::add_term(const OrderTerm& term) {
  const auto value = writer_.field(term.field);
  if (!value) return value.error();
  const Column& column = *table_.find_readable(term.field.column);
  const bool is_column = term.field.path.empty();
  MergeKey key = is_column ? column_key(table_, column) : path_key(term.field);
  key.descending = term.descending;
  key.nulls_first = term.nulls_first.value_or(term.descending);
  add(is_column ? ordered_sql(column) : *value, std::move(key), is_column ? &column : nullptr, &term.field);
  return {};
}

Result<void> OrderPlanner::add_term_of(const ResolvedEmbed& embed, const OrderTerm& term, EmbedWriter& embeds,
                                       const EmbedWriter::Column& row) {
  const Table& table = *embed.node.table;
  const auto item = ordered_item(embed, term.field);
  if (!item) return item.error();
  const auto found = require_column(table, item->field.column);
  if (!found) return found.error();
  const bool is_column = item->field.path.empty() && !item->cast;
  const auto value = embeds.value_of(embed, *item, row, is_column ? collation_sql(**found) : "");
  if (!value) return value.error();
  MergeKey key = is_column    ? column_key(table, **found)
                 : item->cast ? cast_key(*item)
                              : path_key(item->field);
  key.descending = term.descending;
  key.nulls_first = term.nulls_first.value_or(term.descending);
  add(*value, std::move(key), nullptr, nullptr);
  return {};
}

Result<void> OrderPlanner::add_shown(const SelectItem& item) {
  const auto found = require_column(table_, item.field.column);
  if (!found) return found.error();
  const Column& column = **found;
  const bool is_column = item.field.path.empty() && !item.cast;
  const auto value = is_column ? sql_text(ordered_sql(column)) : writer_.value(item);
  if (!value) return value.error();
  MergeKey key = is_column ? column_key(table_, column) : item.cast ? cast_key(item) : path_key(item.field);
  add(*value, std::move(key), is_column ? &column : nullptr, nullptr);
  return {};
}

void OrderPlanner::add_number() {
  plan_.key_columns.push_back(plan_.enums_column());
  plan_.own_keys.emplace_back("ord");
  plan_.keys.push_back({SortKind::int4, false, false, {}});
}

void OrderPlanner::add_primary_key(const std::vector<OrderTerm>& terms) {
  for (const auto& name : table_.primary_key) {
    const auto is_plain_term = [&](const OrderTerm& term) {
      return !term.embed && term.field == Field{name, {}};
    };
    if (std::ranges::any_of(terms, is_plain_term)) continue;
    const Column* column = table_.find_column(name);
    invariant(column != nullptr, "a primary key is made of the table's columns");
    const bool by_bytes = is_text(column->sort) && !column->bytewise_collation;
    // Nobody turns a page by it: what a cursor says of a value has to be of its type.
    if (column->is_citext && !paged_)
      add(column_sql(table_, name) + "::text COLLATE \"C\"", MergeKey{SortKind::text, false, false, {}},
          nullptr, nullptr);
    else if (by_bytes)
      add(column_sql(table_, name) + " COLLATE \"C\"", MergeKey{column->sort, false, false, {}}, column,
          nullptr);
    else
      add(ordered_sql(*column), column_key(table_, *column), column, nullptr);
  }
}

void OrderPlanner::add(const std::string& value, MergeKey key, const Column* column, const Field* field) {
  key.descending ^= turned_;
  key.nulls_first ^= turned_;
  const auto sent = column ? sent_for_row(*column) : std::nullopt;
  plan_.key_columns.push_back(sent.value_or(plan_.enums_column()));
  if (!sent) plan_.own_keys.push_back(key_name(plan_.keys.size()));
  if (!sent)
    plan_.inner_columns += (plan_.inner_columns.empty() ? "" : ", ") + value + " AS " + plan_.own_keys.back();
  plan_.order_by += (plan_.order_by.empty() ? "" : ", ") + (sent ? value : plan_.own_keys.back()) +
                    (key.descending ? " DESC" : " ASC") + (key.nulls_first ? " NULLS FIRST" : " NULLS LAST");
  if (paged_)
    page_keys_.push_back({column ? Field{column->name, {}} : *field, value,
                          sent ? 'c' + std::to_string(*sent) : plan_.own_keys.back(),
                          // What follows the column is by which collation it is ordered.
                          column ? value.substr(readable_sql(table_.name, *column).size()) : "",
                          column ? type_of(*column) : built_in_type("text"), key.descending, key.nulls_first,
                          !(column && column->not_null)});
  plan_.keys.push_back(std::move(key));
}

std::optional<std::size_t> OrderPlanner::sent_for_row(const Column& column) const {
  // The row's columns come before what is embedded in it.
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i] == column.name && plan_.row.is_sent_as_it_is(i)) return i;
  return std::nullopt;
}

std::string OrderPlanner::ordered_sql(const Column& column) const {
  return readable_sql(table_.name, column) + collation_sql(column);
}

void OrderPlanner::check_enum(const Column& column) {
  const std::string type = quote_identifier(column.type_schema) + '.' + quote_identifier(column.type_name);
  const std::string labels = writer_.param(array_literal(column.enum_labels));
  plan_.enums_sql =
      and_also(std::move(plan_.enums_sql), "pg_catalog.pg_typeof(q." + key_name(plan_.keys.size()) +
                                               ") = " + quote_literal(type) +
                                               "::regtype AND (SELECT pg_catalog.enum_range(NULL::" + type +
                                               ")::text[] = " + labels + "::text[])");
}

MergeKey OrderPlanner::column_key(const Table& table, const Column& column) {
  if (column.sort == SortKind::enumeration) check_enum(column);
  if (const auto type = type_of(column); type.built_in && (type.name == "json" || type.name == "jsonb"))
    return json_key(column.name);
  if (column.sort == SortKind::none) {
    refuse("column " + column.name + " is of type " + column.type + ", whose order cannot be merged",
           "Order by a column of a number, text, date or time type, or make the filters name one shard.");
  } else if (is_text(column.sort) && !column.bytewise_collation) {
    refuse("column " + column.name + " (" + column.type + ") sorts by collation " + column.collation +
               ", which cannot be merged",
           column.is_computed()
               ? "Let its function return a domain that is made with COLLATE \"C\", or make the filters name "
                 "one shard."
               : "ALTER TABLE " + qualified_name(table) + " ALTER COLUMN " + quote_identifier(column.name) +
                     " TYPE " + column.type + " COLLATE \"C\"");
  }
  return {column.sort, false, false, column.enum_labels};
}

MergeKey OrderPlanner::path_key(const Field& field) {
  if (!field.path.back().as_text) return json_key(field.column);
  if (!bytewise_default_)
    refuse("text out of column " + field.column +
               " sorts by the database's default collation, which cannot be merged",
           "Create the databases with LC_COLLATE 'C', or order by a column with COLLATE \"C\".");
  return {SortKind::text, false, false, {}};
}

MergeKey OrderPlanner::json_key(const std::string& column) {
  if (!bytewise_default_)
    refuse("json of column " + column +
               " sorts its texts by the database's default collation, which cannot be merged",
           "Create the databases with LC_COLLATE 'C', or make the filters name one shard.");
  return {SortKind::jsonb, false, false, {}};
}

MergeKey OrderPlanner::cast_key(const SelectItem& item) {
  refuse("the order of " + item.field.column + " as " + *item.cast + " cannot be merged",
         "Order by the column without its cast, or make the filters name one shard.");
  return {SortKind::none, false, false, {}};
}

void OrderPlanner::refuse(const std::string& why, const std::string& works) {
  if (!plan_.not_mergeable) plan_.not_mergeable = cannot_merge(why, works);
}

}  // namespace shardplex
