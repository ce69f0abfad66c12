#include "router/execution/sequence_keys.hpp"

#include <utility>

#include "query/plan/table_columns.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/until_routed.hpp"

namespace shardplex::router {
namespace {

/// $1 the table's name as SQL has it, $2 the column's, $3 how many. No rows where there is no sequence.
constexpr const char* next_sql =
    "SELECT nextval(s.name::regclass)::text FROM (SELECT pg_get_serial_sequence($1::text, $2::text) AS name) "
    "s, "
    "generate_series(1, $3::int8) WHERE s.name IS NOT NULL";

Error no_sequence(const Table& table, const Column& column) {
  return {"23502",
          "null value in column \"" + column.name + "\" of relation \"" + table.name +
              "\" violates not-null constraint",
          "The column is " + column.type + " and has no sequence.",
          "Keys are handed out for bigint and uuid columns, and for serial and identity columns of smaller "
          "types.",
          std::nullopt};
}

}  // namespace

bool is_keyed_by_sequence(const Column& column) {
  return column.type_name == "int4" || column.type_name == "int2";
}

Awaitable<Result<std::vector<std::string>>> next_of_sequence(RequestContext& context, const Table& table,
                                                             const Column& column, std::size_t count) {
  const std::string& name = table.written ? table.written->key.one() : column.name;
  const Statement statement{next_sql, {stored_name(table), name, std::to_string(count)}};
  const auto answer = co_await until_routed<ResultSets>(context, [&](ViewPtr view) {
    return ask_primary(context, std::move(view), ShardId{0}, postgres::Lane::write, {statement});
  });
  if (!answer) co_return answer.error();
  const auto& rows = answer->front();
  if (static_cast<std::size_t>(rows.rows()) != count) co_return no_sequence(table, column);
  std::vector<std::string> keys;
  for (int row = 0; row < rows.rows(); ++row) keys.emplace_back(rows.bytes(row, 0));
  co_return keys;
}

}  // namespace shardplex::router
