#include "router/execution/planned_rows.hpp"

#include "query/engine/type_oids.hpp"
#include "router/execution/row_values.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

/// True where the rows are what the plan reads them as; `keys`: of how many keys.
bool is_as_planned(const ShardRows& rows, const ReadPlan& plan, std::size_t keys) {
  const auto* first = rows.first();
  if (first == nullptr) return true;
  if (static_cast<std::size_t>(first->columns()) != plan.result_columns()) return false;
  if (!suits(*first, plan.row)) return false;
  for (std::size_t i = 0; i < plan.related.size(); ++i) {
    const int column = static_cast<int>(plan.related_column() + i);
    if (!first->is_binary(column) || first->type(column) != text_oid) return false;
  }
  for (std::size_t key = 0; key < keys; ++key) {
    const int column = static_cast<int>(plan.key_columns[key]);
    if (!first->is_binary(column) || !holds_values_of(plan.keys[key].kind, first->type(column))) return false;
  }
  if (keys < plan.keys.size() || plan.enums_sql.empty() || first->rows() == 0) return true;
  return first->boolean(0, static_cast<int>(plan.enums_column()));
}

/// One of the types that the statement names may be there no more. What a client has named, such as the type
/// of a cast, may be nowhere as well, and so the failure stands where the tables are as they were.
bool may_lack_type(const postgres::Failure& failure) {
  return failure.kind == postgres::Failure::Kind::statement && failure.sqlstate == sqlstate_no_object;
}

}  // namespace

postgres::Outcome<ShardRows> held_to(const ReadPlan& plan, std::size_t keys,
                                     postgres::Outcome<ShardRows> rows, bool names_types) {
  if (rows) {
    if (!is_as_planned(*rows, plan, keys)) return other_tables();
    return rows;
  }
  auto failure = rows.error();
  failure.of_other_tables = (names_types || !plan.enums_sql.empty()) && may_lack_type(failure);
  return failure;
}

}  // namespace shardplex::router
