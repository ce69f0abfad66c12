#include <algorithm>
#include <limits>

#include "query/plan/plan.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/invariant.hpp"

// What a planned read is in SQL, shard by shard.
namespace shardplex {
namespace {

/// Limits up to this are written into the statement, where PostgreSQL plans better for them than for a
/// parameter; they bound how many statements of one shape there are.
constexpr std::uint64_t largest_literal_limit = 1000;

constexpr auto largest_bigint = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// offset + limit, or the greatest number of rows PostgreSQL can be asked for.
std::uint64_t rows_up_to(std::uint64_t offset, std::uint64_t limit) {
  return offset > largest_bigint || limit > largest_bigint - offset ? largest_bigint : offset + limit;
}

std::string keys_in(const ReadPlan::KeyList& list, const SlotSet& slots) {
  std::vector<std::string> own;
  for (const auto& [slot, key] : list.keys)
    if (slots.contains(slot)) own.push_back(key);
  return array_literal(own);
}

/// The first `count` parameters of the plan as the shard gets them, the epoch in front.
std::vector<std::optional<std::string>> params_for(const ReadPlan& plan, const ReadPlan::ForShard& shard,
                                                   std::size_t count) {
  invariant(shard.epoch.has_value() == !plan.group.empty(), "a sharded table is read under an epoch");
  std::vector<std::optional<std::string>> params;
  if (shard.epoch) params.push_back(std::to_string(shard.epoch->value));
  params.insert(params.end(), plan.params.begin(), plan.params.begin() + static_cast<std::ptrdiff_t>(count));
  if (plan.key_list && shard.slots)
    params[plan.key_list->param + (shard.epoch ? 1 : 0)] = keys_in(*plan.key_list, *shard.slots);
  return params;
}

std::string from_where(const std::string& from, const std::string& condition) {
  return " FROM " + from + (condition.empty() ? "" : " WHERE " + condition);
}

std::string from_where(const ReadPlan& plan, const ReadPlan::ForShard& shard, std::string_view also = "") {
  std::string condition = shard.epoch ? "shardplex.check_epoch($1::bigint)" : "";
  condition = and_also(std::move(condition), plan.where);
  condition = and_also(std::move(condition), also);
  if (shard.only_owned) condition = and_also(std::move(condition), plan.owned);
  return from_where(plan.from, condition);
}

/// Fails a statement whose page `rows` is out of the plan's bounds, also where it is empty.
std::string within_bounds_sql(const ReadPlan& plan, const ReadPlan::ForShard& shard,
                              const std::string& rows) {
  const auto number = [](std::uint64_t value) { return std::to_string(std::min(value, largest_bigint)); };
  std::string count = "count(*)";
  if (!plan.offset_applied(shard)) {  // the page is cut later, and not empty as long as there are rows
    if (plan.offset > 0) count = "greatest(count(*) - " + number(plan.offset) + ", 0)";
    if (plan.limit) count = "least(" + count + ", " + number(*plan.limit) + ')';
  }
  return "(SELECT shardplex.check_rows(" + count + ", " + number(plan.bounds.least) + "::int8, " +
         (plan.bounds.most ? number(*plan.bounds.most) : "NULL") + "::int8) FROM " + rows + ')';
}

/// SELECT of the plan's rows, or of the groups of them, without order.
std::string select_rows(const ReadPlan& plan, const std::string& rows) {
  const std::string select = "SELECT " + plan.inner_columns + rows;
  if (!plan.groups) return select;
  return "SELECT " + plan.groups->columns + " FROM (" + select + ") p" + plan.groups->by;
}

/// SELECT of the matching rows, for their number alone. What groups would be made of stays in it, since a
/// parameter that stands nowhere has no type.
std::string select_ungrouped(const ReadPlan& plan, const std::string& rows) {
  return plan.groups ? "SELECT " + plan.inner_columns + rows : "SELECT" + rows;
}

std::vector<std::optional<std::string>> params_of_ungrouped(const ReadPlan& plan,
                                                            const ReadPlan::ForShard& shard) {
  return params_for(plan, shard, plan.groups ? plan.params.size() : plan.filter_params);
}

/// How many rows `select` gives, but at most so many.
Statement counted(const ReadPlan& plan, const std::string& select,
                  std::vector<std::optional<std::string>> params, std::uint64_t at_most) {
  params.push_back(std::to_string(std::min(at_most, largest_bigint)));
  Statement out{
      plan.with + "SELECT count(*) FROM (" + select + " LIMIT $" + std::to_string(params.size()) + ") q",
      std::move(params)};
  out.read_only = plan.read_only;
  return out;
}

}  // namespace

Statement ReadPlan::matching(const ForShard& shard) const {
  return {from_where(*this, shard), params_for(*this, shard, params.size())};
}

void ReadPlan::append_page(Statement& statement, const ForShard& shard) const {
  const auto add_param = [&](std::uint64_t value) {
    statement.params.push_back(std::to_string(std::min(value, largest_bigint)));
    return '$' + std::to_string(statement.params.size());
  };
  const bool own_offset = offset_applied(shard);
  if (page_later) {
    if (shard.at_most) statement.sql += " LIMIT " + add_param(*shard.at_most);
    return;
  }
  if (limit) {
    std::uint64_t rows = own_offset ? *limit : rows_up_to(offset, *limit);
    if (shard.at_most) rows = std::min(rows, *shard.at_most);
    // The total travels in the rows, so where there are rows one has to come.
    if (counts) rows = std::max<std::uint64_t>(rows, 1);
    const bool literal = offset == 0 && rows <= largest_literal_limit;
    statement.sql += " LIMIT " + (literal ? std::to_string(rows) : add_param(rows));
  }
  if (own_offset && offset > 0) statement.sql += " OFFSET " + add_param(offset);
}

Statement ReadPlan::statement(const ForShard& shard) const {
  Statement inner = matching(shard);
  const std::string rows = std::move(inner.sql);
  if (parts) {
    inner.sql = "SELECT * FROM (";
    for (const auto* part : {&parts->first, &parts->then}) {
      inner.sql += (part == &parts->first ? "(" : " UNION ALL (") +
                   select_rows(*this, from_where(*this, shard, *part)) + " ORDER BY " + order_by;
      append_page(inner, shard);
      inner.sql += ')';
    }
    inner.sql += ") u ORDER BY " + parts->order_by;
  } else {
    inner.sql = select_rows(*this, rows);
    if (!order_by.empty()) inner.sql += " ORDER BY " + order_by;
  }
  append_page(inner, shard);

  std::string columns = columns_sql();
  if (counts) add_item(columns, "(SELECT count(*)" + rows + ')');
  Statement out{with + "SELECT " + columns + " FROM (" + inner.sql + ") q" + joins, std::move(inner.params)};
  out.read_only = read_only;
  if (bounds == RowBounds{}) return out;
  const std::string page = "\"shardplex_page\"";
  invariant(!with.empty(), "a page of a call has bounds");
  out.sql = with.substr(0, with.size() - 1) + ", " + page + " AS (" + inner.sql + ") SELECT " + columns +
            " FROM " + page + " q" + joins + " WHERE " + within_bounds_sql(*this, shard, page);
  return out;
}

std::string ReadPlan::columns_sql() const {
  std::string columns = values;
  for (const auto& key : own_keys) add_item(columns, "q." + key);
  if (!enums_sql.empty()) add_item(columns, enums_sql);
  for (const auto& value : related) add_item(columns, value);
  return columns;
}

Statement ReadPlan::count_up_to(const ForShard& shard, std::uint64_t at_most) const {
  const std::string rows = from_where(*this, shard);
  return counted(*this, groups ? select_rows(*this, rows) : select_ungrouped(*this, rows),
                 params_of_ungrouped(*this, shard), at_most);
}

Statement ReadPlan::count_matching_up_to(const ForShard& shard, std::uint64_t at_most) const {
  return counted(*this, select_ungrouped(*this, from_where(*this, shard)), params_of_ungrouped(*this, shard),
                 at_most);
}

Statement ReadPlan::explain_matching(const ForShard& shard) const {
  // A parameter that stands nowhere has no type.
  const std::string rows = from_where(from, and_also(shard.epoch ? "$1::bigint IS NOT NULL" : "", where));
  return {"EXPLAIN (FORMAT JSON) " + select_ungrouped(*this, rows), params_of_ungrouped(*this, shard)};
}

}  // namespace shardplex
