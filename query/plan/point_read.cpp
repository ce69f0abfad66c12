#include <algorithm>

#include "query/plan/expression.hpp"
#include "query/plan/key_filter.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "query/resolve/row_shape.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

/// Whether a row is known by the text of its key. One label that is none would also fail a whole batch.
bool prints_alike(KeyType type) {
  return type != KeyType::numeric && type != KeyType::citext && type != KeyType::enumeration;
}

/// The key a table's rows can be read by one at a time: its primary key, of one column, which under a group
/// also decides the slot. nullptr where there is none.
const Column* point_column(const RoutedTable& routed) {
  const Table& table = routed.table();
  if (table.primary_key.size() != 1 || routed.list()) return nullptr;
  if (routed.group_id() && !routed.key().is(table.primary_key.front())) return nullptr;
  const Column* column = table.find_column(table.primary_key.front());
  if (column && !column->representations.from_text.empty()) return nullptr;  // PostgreSQL alone reads it
  // A function that shows a value may fail, which in a batch would fail the rows of others.
  if (std::ranges::any_of(table.columns, is_shown_as_json)) return nullptr;
  const auto type = column && column->deterministic_collation ? key_type(*column) : std::nullopt;
  return type && prints_alike(*type) ? column : nullptr;
}

/// One row's value can make the statement fail, which in a batch would fail the rows of others.
bool can_fail(const SelectItem& item, const Table& table) {
  return !item.field.path.empty() || item.cast || table.find_computed(item.field.column);
}

/// An integer that the key's column cannot hold is PostgreSQL's to refuse, not a row that is not there.
bool fits(const Column& key, const std::string& text) {
  const auto& type = key.base_type_name.empty() ? key.type_name : key.base_type_name;
  if (type != "int2" && type != "int4") return true;
  const auto canonical = canonical_text(KeyType::integer, text);
  if (!canonical) return true;
  const auto value = std::stoll(*canonical);
  return type == "int4" ? value == static_cast<std::int32_t>(value)
                        : value == static_cast<std::int16_t>(value);
}

std::string integer_text(const std::string& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return std::to_string(static_cast<std::int64_t>(value));
}

std::string uuid_text(const std::string& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out += digits[byte >> 4];
    out += digits[byte & 0xF];
  }
  return out;
}

/// One row needs no order, but a wrong one is still to be refused, which plan_read() does.
bool is_harmless(const OrderTerm& term, const Table& table) {
  const Column* column = table.find_column(term.field.column);
  return column && term.field.path.empty() && column->sort != SortKind::none;
}

}  // namespace

Result<PointShape> plan_point(const std::vector<SelectItem>& select, const RoutedTable& routed,
                              RowFormat format) {
  const Table& table = routed.table();
  const Group* group = routed.group();
  const Column* key = point_column(routed);
  const auto fails = [&](const SelectItem& item) { return can_fail(item, table); };
  invariant(key && std::ranges::none_of(select, fails), "a point read is one that point_key() accepts");
  PointShape shape;
  shape.key_type = *key_type(*key);

  ExpressionWriter writer(table, 1);
  const auto selection = writer.select(select, RowText(format));
  if (!selection) return selection.error();
  shape.row = selection->row;
  const std::string column = column_sql(table, key->name);
  std::string condition = group ? "shardplex.check_epoch($1::bigint)" : "";
  condition = and_also(std::move(condition), column + " = ANY(" + (group ? "$2" : "$1") +
                                                 "::" + std::string(key_array_type(shape.key_type)) + ')');
  const auto sql = [&](const std::string& where) {
    return "SELECT q.key, " + selection->values + " FROM (SELECT " + column + "::text AS key, " +
           selection->inner + " FROM " + aliased_name(table) + " WHERE " + where + ") q";
  };
  shape.sql = sql(condition);
  shape.only_owned_sql = group ? sql(and_also(condition, owned_slots_sql(table, group->name))) : shape.sql;
  return shape;
}

const std::string* point_key(const Query& query, const RoutedTable& routed) {
  const Column* key = point_column(routed);
  if (!key || query.filters.size() != 1 || query.offset != 0 || query.limit == 0u) return nullptr;
  const auto is_no_column = [&](const SelectItem& item) {
    return can_fail(item, routed.table()) || is_bare_count(item, routed.table());
  };
  if (!is_planned(query) || std::ranges::any_of(query.select, is_no_column)) return nullptr;
  if (!std::ranges::all_of(query.order,
                           [&](const OrderTerm& term) { return is_harmless(term, routed.table()); }))
    return nullptr;
  const std::string* text = eq_value(query.filters, key->name);
  return text && fits(*key, *text) ? text : nullptr;
}

std::optional<std::string> canonical_text(KeyType type, std::string_view text) {
  const auto bytes = canonical_bytes(type, text);
  if (!bytes) return std::nullopt;
  switch (type) {
    case KeyType::integer:
      return integer_text(*bytes);
    case KeyType::uuid:
      return uuid_text(*bytes);
    case KeyType::numeric:
    case KeyType::citext:
      return std::string(text);
    case KeyType::text:
    case KeyType::date:
    case KeyType::character:
    case KeyType::boolean:
    case KeyType::enumeration:
      break;
  }
  return bytes;
}

}  // namespace shardplex
