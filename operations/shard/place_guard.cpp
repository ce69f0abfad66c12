#include "operations/shard/place_guard.hpp"

#include <string>

#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

// Of table $1: whether it is there; whether its trigger $2 is, and fires for clients; whether that looks at
// inserts (pg_trigger.h of PostgreSQL 15); whether anybody's triggers are in the database; and whether the
// action of a foreign key of the table updates its rows.
constexpr const char* found_sql = R"sql(
SELECT to_regclass($1) IS NOT NULL,
       coalesce(g.tgenabled IN ('O', 'A') AND g.tgfoid = to_regprocedure('shardplex.check_place()'), false),
       coalesce(g.tgtype & 4 <> 0, false),
       EXISTS (SELECT FROM pg_trigger o WHERE NOT o.tgisinternal AND o.tgname NOT LIKE 'shardplex%'),
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = to_regclass($1) AND k.contype = 'f'
                  AND (k.confupdtype IN ('c', 'n', 'd') OR k.confdeltype IN ('n', 'd')))
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
  bool has_table, is_there, watches_inserts;
  bool others;    ///< anybody's triggers in the database
  bool cascades;  ///< a foreign key updates rows of the table

  bool suffices() const { return !has_table || (is_there && (watches_inserts || !others)); }
};

std::string table_name(const TablePlacement& placement) {
  return quote_map_name(placement.name);
}

Found find_guard(pqxx::transaction_base& transaction, const TablePlacement& placement) {
  const auto found = transaction.exec_params1(found_sql, table_name(placement), std::string(place_guard));
  return {found[0].as<bool>(), found[1].as<bool>(), found[2].as<bool>(), found[3].as<bool>(),
          found[4].as<bool>()};
}

}  // namespace

PlaceGuard read_place_guard(pqxx::transaction_base& transaction, const TablePlacement& placement) {
  if (placement.reference) return PlaceGuard::in_place;
  const auto found = find_guard(transaction, placement);
  if (found.suffices()) return PlaceGuard::in_place;
  return found.others || found.cascades ? PlaceGuard::missed : PlaceGuard::absent;
}

std::string guard_problem(const TablePlacement& placement) {
  return "table " + placement.name +
         ": nothing looks at what triggers and foreign keys write to it; run shardplex cluster init again";
}

std::vector<std::string> missed_guards(pqxx::transaction_base& transaction, const ShardMap& map,
                                       const std::vector<std::string>& tables) {
  std::vector<std::string> problems;
  for (const auto& table : tables)
    if (const auto& placement = *map.find_table(table);
        read_place_guard(transaction, placement) == PlaceGuard::missed)
      problems.push_back(guard_problem(placement));
  return problems;
}

bool guard_places(pqxx::transaction_base& transaction, const ShardMap& map, const TablePlacement& placement) {
  if (read_place_guard(transaction, placement) == PlaceGuard::in_place) return false;
  const std::string table = table_name(placement);
  const bool others = find_guard(transaction, placement).others;
  const Group& group = map.group(*placement.group);
  std::string arguments = quote_literal(placement.name) + ", " + quote_literal(group.name);
  for (const auto& column : placement.key.names()) arguments += ", " + quote_literal(column);
  if (const auto* list = std::get_if<ListStrategy>(&group.strategy))
    arguments += ", " + quote_literal(list->column);
  transaction.exec("SELECT set_config('lock_timeout', '1s', true)");
  transaction.exec(trigger_sql(table, others, arguments));
  transaction.exec("SELECT set_config('lock_timeout', '0', true)");
  return true;
}

}  // namespace shardplex::operations
