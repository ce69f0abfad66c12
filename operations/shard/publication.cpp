#include "operations/shard/publication.hpp"

#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* tables_sql = R"sql(
SELECT format('%I.%I', n.nspname, c.relname)
  FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class c ON c.oid = r.prrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE p.pubname = $1 ORDER BY 1)sql";

}  // namespace

void drop_publication(pqxx::transaction_base& transaction, const std::string& name) {
  for (const auto& table : transaction.exec_params(tables_sql, name))
    transaction.exec("LOCK TABLE " + table[0].as<std::string>() + " IN SHARE MODE");
  transaction.exec("DROP PUBLICATION IF EXISTS " + quote_identifier(name));
}

}  // namespace shardplex::operations
