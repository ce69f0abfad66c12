#include "operations/cluster/table_kinds.hpp"

#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* kind_sql = R"sql(
SELECT CASE
         WHEN c.relkind = 'p' THEN 'is partitioned; its slots could never move. Make it an ordinary table: shards divide it already'
         WHEN EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
           THEN 'inherits from another table, or is inherited from; its slots could never move (ALTER TABLE … NO INHERIT)'
         WHEN c.relpersistence = 'u' THEN 'is unlogged; it is on no replica and its slots could never move (ALTER TABLE … SET LOGGED)'
         WHEN $2 AND EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_enabled <> 'D')
           THEN 'has rules, and what they do to rows nobody checks (DROP RULE; a trigger may do the same)'
       END
  FROM pg_class c
 WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p'))sql";

}  // namespace

std::vector<std::string> table_kind_problems(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::vector<std::string> problems;
  for (const auto& table : map.tables())
    for (const auto& row : transaction.exec_params(kind_sql, quote_map_name(table.name), !table.reference))
      if (!row[0].is_null()) problems.push_back("table " + table.name + ' ' + row[0].as<std::string>());
  return problems;
}

}  // namespace shardplex::operations
