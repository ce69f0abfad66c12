#include "operations/shard/place_guard.hpp"

#include <string>

#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

// Of the trigger $2 on table $1: whether it is there, and whether it looks at inserts (pg_trigger.h of
// PostgreSQL 15); and whether anybody's triggers are in the database.
constexpr const char* found_sql = R"sql(
SELECT g.oid IS NOT NULL AND g.tgenabled <> 'D', coalesce(g.tgtype & 4 <> 0, false),
       EXISTS (SELECT FROM pg_trigger o WHERE NOT o.tgisinternal AND o.tgname NOT LIKE 'shardplex%')
  FROM (VALUES (1)) one LEFT JOIN pg_trigger g ON g.tgrelid = to_regclass($1) AND g.tgname = $2)sql";

/// A condition that names a column would keep PostgreSQL from altering its type. This one is worked out for
/// each row that is written, and calls the function for hardly any.
std::string trigger_sql(const std::string& table, bool inserts, const std::string& arguments) {
  return "CREATE OR REPLACE TRIGGER " + std::string(place_guard) + " AFTER " +
         (inserts ? "INSERT OR UPDATE" : "UPDATE") + " ON " + table +
         " FOR EACH ROW WHEN (pg_catalog.pg_trigger_depth() > 0) EXECUTE FUNCTION shardplex.check_place(" +
         arguments + ')';
}

struct Found {
  bool is_there, watches_inserts;
  bool others;  ///< anybody's triggers in the database

  bool suffices() const { return is_there && (watches_inserts || !others); }
};

std::string table_name(const TablePlacement& placement) {
  return "public." + quote_identifier(placement.name);
}

Found find_guard(pqxx::transaction_base& transaction, const TablePlacement& placement) {
  const auto found = transaction.exec_params1(found_sql, table_name(placement), std::string(place_guard));
  return {found[0].as<bool>(), found[1].as<bool>(), found[2].as<bool>()};
}

}  // namespace

bool is_guarded(pqxx::transaction_base& transaction, const TablePlacement& placement) {
  return placement.reference || find_guard(transaction, placement).suffices();
}

bool guard_places(pqxx::transaction_base& transaction, const ShardMap& map, const TablePlacement& placement) {
  if (is_guarded(transaction, placement)) return false;
  const std::string table = table_name(placement);
  const bool others = find_guard(transaction, placement).others;
  const Group& group = map.group(*placement.group);
  std::string arguments =
      quote_literal(placement.name) + ", " + quote_literal(group.name) + ", " + quote_literal(placement.key);
  if (const auto* list = std::get_if<ListStrategy>(&group.strategy))
    arguments += ", " + quote_literal(list->column);
  transaction.exec("SELECT set_config('lock_timeout', '1s', true)");
  transaction.exec(trigger_sql(table, others, arguments));
  transaction.exec("SELECT set_config('lock_timeout', '0', true)");
  return true;
}

}  // namespace shardplex::operations
