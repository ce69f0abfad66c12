#include "query/plan/cursor_page.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "query/plan/lookup.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/key.hpp"

namespace shardplex {
namespace {

const std::string begin_anew = "Begin with an empty after=, and leave the order as it is from page to page.";

// ---- Which order it is.

void append_part(std::string& bytes, std::string_view part) {
  bytes += std::to_string(part.size()) + ':';
  bytes += part;
}

void append_field(std::string& bytes, const Field& field) {
  append_part(bytes, field.column);
  for (const auto& step : field.path) {
    const auto* key = std::get_if<std::string>(&step.to);
    append_part(bytes, step.as_text ? "->>" : "->");
    append_part(bytes, key ? "key" : "index");
    append_part(bytes, key ? *key : std::to_string(std::get<std::int32_t>(step.to)));
  }
}

// ---- Behind a row.

/// A key, and the cursor's value of it in SQL; nullopt is null.
struct Place {
  const OrderKey* key;
  std::optional<std::string> value;
  bool nulls_behind;  ///< rows that are null here are behind any value

  std::string compared(std::string_view with) const {
    return key->sql + ' ' + std::string(with) + ' ' + *value;
  }
  std::string_view behind_sign() const { return key->descending ? "<" : ">"; }
};

std::string either(const std::string& left, const std::string& right) {
  if (left.empty() || right.empty()) return left + right;
  return '(' + left + " OR " + right + ')';
}

std::string equal_to(const Place& place) {
  return place.value ? place.compared("=") : place.key->sql + " IS NULL";
}

/// Behind by this key alone; "" where nothing is.
std::string behind(const Place& place) {
  const std::string& key = place.key->sql;
  if (!place.value) return place.key->nulls_first ? key + " IS NOT NULL" : "";
  const auto greater = place.compared(place.behind_sign());
  return place.nulls_behind ? either(greater, key + " IS NULL") : greater;
}

/// A row of values compares as its first pair that differs, which an index on the keys knows how to search.
bool compares_as_row(const std::vector<Place>& places) {
  return std::ranges::all_of(places, [&](const Place& place) {
    return place.value && !place.nulls_behind && place.key->descending == places.front().key->descending;
  });
}

std::string row_behind(const std::vector<Place>& places) {
  std::string keys, values;
  for (const auto& place : places) {
    add_item(keys, place.key->sql);
    add_item(values, *place.value);
  }
  return '(' + keys + ") " + std::string(places.front().behind_sign()) + " (" + values + ')';
}

/// Behind by the keys from number `first` on; "" where nothing is.
std::string behind_by_each(const std::vector<Place>& places, std::size_t first = 0) {
  std::string sql;
  for (std::size_t i = places.size(); i-- > first;) {
    if (!sql.empty()) sql = '(' + equal_to(places[i]) + " AND " + sql + ')';
    sql = either(behind(places[i]), sql);
  }
  return sql;
}

/// Where no null of the first key is behind, and its value is none.
std::string behind_value(const std::vector<Place>& places) {
  if (compares_as_row(places)) return row_behind(places);
  const Place& first = places.front();
  // That the first key is not in front says nothing new, but to whoever looks for an index.
  return first.compared(first.key->descending ? "<=" : ">=") + " AND " + behind_by_each(places);
}

RowsBehind parted(std::vector<Place> places) {
  Place& first = places.front();
  const std::string& key = first.key->sql;
  if (first.value) {
    const bool has_nulls = std::exchange(first.nulls_behind, false);
    return {behind_value(places), has_nulls ? key + " IS NULL" : ""};
  }
  const auto other_nulls = behind_by_each(places, 1);
  const std::string values = first.key->nulls_first ? key + " IS NOT NULL" : "";
  if (other_nulls.empty()) return {values.empty() ? "FALSE" : values, ""};
  return {key + " IS NULL AND " + other_nulls, values};
}

Error other_order() {
  return cursor_refused("The cursor in after= is of another table, or of another order", begin_anew);
}

}  // namespace

Cursor CursorPlan::cursor_of(const Row& row, bool before) const {
  const auto first = row.related.begin() + static_cast<std::ptrdiff_t>(first_related);
  return {before, order, {first, first + static_cast<std::ptrdiff_t>(keys)}};
}

std::optional<Error> check_page(const Query& query, const Table& table, CountKind count) {
  const std::string most = std::to_string(most_rows_of_page);
  if (!query.limit || *query.limit == 0 || *query.limit > most_rows_of_page)
    return cursor_refused("after= needs a limit from 1 to " + most,
                          "Say how many rows a page is to have, such as limit=20.");
  if (query.offset > 0)
    return cursor_refused("after= says where a page begins, and so does offset",
                          "Leave out one of them: the cursor is behind the row that it was given for.");
  if (count != CountKind::none)
    return cursor_refused("A count is of all rows, whatever page it is asked for with",
                          "Ask for it in a request without after=, such as HEAD with Prefer: count=exact.");
  if (table.primary_key.empty())
    return cursor_refused(
        "Table " + table.name + " has no primary key, which tells rows apart that sort alike",
        "Use limit and offset.");
  return std::nullopt;
}

std::optional<Error> check_page_term(const OrderTerm& term, const Table& table) {
  const std::string instead =
      "Order by columns of a number, text, date or time type, or use limit and offset.";
  if (term.embed) return cursor_refused("The order is by a value of the embed " + *term.embed, instead);
  if (!term.field.path.empty()) {
    if (term.field.path.back().as_text) return std::nullopt;
    return cursor_refused("The order is by a json value of column " + term.field.column,
                          "Order by its text, with ->> as the last arrow.");
  }
  // What depends on the row alone is like a column of it.
  const auto* computed = table.find_computed(term.field.column);
  if (computed && !computed->refused.empty()) return std::nullopt;  // refused for that
  if (computed && computed->volatility != Volatility::immutable)
    return cursor_refused("The order is by the computed column " + term.field.column +
                              ", whose function is not IMMUTABLE: the row may have another value of it when "
                              "the next page is asked for",
                          instead);
  const Column* column = table.find_readable(term.field.column);
  if (!column || column->sort != SortKind::none) return std::nullopt;
  return cursor_refused("The order is by column " + column->name + ", of the type " + column->type, instead);
}

std::uint64_t order_fingerprint(const Table& table, const std::vector<OrderKey>& keys, bool turned) {
  std::string bytes;
  append_part(bytes, table.schema);
  append_part(bytes, table.name);
  for (const auto& key : keys) {
    append_field(bytes, key.field);
    append_part(bytes, key.descending != turned ? "desc" : "asc");
    append_part(bytes, key.nulls_first != turned ? "nullsfirst" : "nullslast");
    append_part(bytes, key.type.sql);
    append_part(bytes, key.type.collate);
  }
  return hash_bytes(bytes);
}

Result<RowsBehind> rows_behind(const Cursor& at, const Table& table, const std::vector<OrderKey>& keys,
                               ExpressionWriter& writer) {
  if (at.order != order_fingerprint(table, keys, at.before) || at.values.size() != keys.size())
    return other_order();
  std::vector<Place> places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& [value, labels] = std::pair(at.values[i], keys[i].type.enum_labels);
    if (value && !labels.empty() && std::ranges::find(labels, *value) == labels.end())
      return cursor_refused(
          "The cursor in after= has a value that column " + keys[i].field.column + " cannot have any more",
          begin_anew);
    places.push_back({&keys[i], std::nullopt, keys[i].nullable && !keys[i].nulls_first});
    // Not by which collation: that of the key decides, as for the order.
    if (value) places.back().value = "CAST(" + writer.param(value) + " AS " + keys[i].type.sql + ')';
  }
  return parted(std::move(places));
}

Result<void> plan_page(const CursorPage& page, const Table& table, const std::vector<OrderKey>& keys,
                       ExpressionWriter& writer, NodeRead& read) {
  ReadPlan& plan = read.scan;
  const bool turned = page.at && page.at->before;
  read.page =
      CursorPlan{order_fingerprint(table, keys, turned), !page.at, turned, plan.related.size(), keys.size()};
  for (const auto& key : keys) plan.related.push_back(text_sql(key.type, "q." + key.name));
  if (!page.at) return {};
  const auto behind = rows_behind(*page.at, table, keys, writer);
  if (!behind) return behind.error();
  if (behind->then.empty()) {
    plan.where = and_also(std::move(plan.where), '(' + behind->first + ')');
    return {};
  }
  plan.parts = ReadPlan::TwoParts{behind->first, behind->then, ""};
  for (const auto& key : keys)
    add_item(plan.parts->order_by, "u." + key.name + key.collate + (key.descending ? " DESC" : " ASC") +
                                       (key.nulls_first ? " NULLS FIRST" : " NULLS LAST"));
  return {};
}

}  // namespace shardplex
