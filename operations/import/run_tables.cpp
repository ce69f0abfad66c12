// The tables of an import on the shards: made before the copy, given indexes and constraints after it.
#include <algorithm>
#include <iterator>
#include <set>
#include <span>

#include "operations/import/follow.hpp"
#include "operations/import/run.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/schema_dump.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

/// The statements that undo what is done to a table that was on the shard before.
std::vector<std::string> restoration_of(const TablePlacement& table) {
  const std::string name = "public." + quote_identifier(table.name);
  std::vector<std::string> statements{"TRUNCATE " + name};
  if (!table.reference)
    statements.push_back("ALTER TABLE " + name + " DROP COLUMN IF EXISTS " + quote_identifier(slot_column));
  return statements;
}

}  // namespace

void ImportRunner::make_tables() {
  const SchemaDump dump(origin_->conninfo());
  for (auto& site : sites_) {
    make_tables_on(*site, dump);
    crash_point("import_tables_made");
  }
  enter(ImportPhase::copy);
}

std::vector<SchemaObject> ImportRunner::schema_objects() {
  pqxx::read_transaction transaction(origin_->connection());
  return read_schema_objects(transaction, map_);
}

/// What the import makes is committed together with how to remove it.
void ImportRunner::make_tables_on(MoveSite& site, const SchemaDump& dump) {
  const auto objects = schema_objects();
  std::vector<std::string> removal;
  std::vector<SchemaObject> missing;
  const bool begun = site.look([&](pqxx::transaction_base& transaction) {
    if (!read_made(transaction, entry_.id).empty()) return true;
    missing = missing_objects(transaction, objects);
    removal = removal_of(missing);
    for (const auto& table : map_.tables())
      if (read_table(transaction, table.name))
        std::ranges::copy(restoration_of(table), std::back_inserter(removal));
    return false;
  });
  if (!begun)
    run_script(site.conninfo(),
               as_mover_sql() + dump.sql(SchemaDump::Section::tables, missing, objects) +
                   uncounted_keys_sql(missing) + "UPDATE shardplex.imports SET made = " +
                   quote_literal(shardplex::array_literal(std::span<const std::string>(removal))) +
                   "::text[] WHERE id = " + quote_literal(entry_.id));
  site.change([&](pqxx::work& transaction) {
    for (const auto& table : map_.tables()) add_slot_column(transaction, table);
    write_key_forms(transaction, map_);
    transaction.exec_params("UPDATE shardplex.imports SET step = 'made' WHERE id = $1", entry_.id);
  });
}

std::string ImportRunner::as_mover_sql() const {
  return "SELECT shardplex.as_mover(" + quote_literal(mover_->token()) + ");\n";
}

/// Takes their sequences from the columns that decide the shard.
std::string ImportRunner::uncounted_keys_sql(const std::vector<SchemaObject>& made) {
  pqxx::read_transaction transaction(origin_->connection());
  std::string sql;
  for (const auto& column : read_import_source(transaction, map_).counted) {
    const auto oid =
        transaction.exec_params1("SELECT $1::regclass::oid", "public." + quote_identifier(column.table))[0];
    const bool makes = std::ranges::find(made, oid.as<std::uint32_t>(), &SchemaObject::oid) != made.end();
    if (!column.decides_shard || !makes) continue;
    const std::string alter = "ALTER TABLE public." + quote_identifier(column.table) + " ALTER COLUMN " +
                              quote_identifier(column.column);
    sql += alter + " DROP IDENTITY IF EXISTS;\n" + alter + " DROP DEFAULT;\n";
  }
  return sql;
}

/// What the source's tables have become since the shards' were made cannot be followed.
void ImportRunner::check_columns() {
  for (const auto& table : tables_) {
    std::set<std::string> on_source(table.columns.begin(), table.columns.end()), on_shard;
    on_source.insert(table.generated.begin(), table.generated.end());
    const auto found = sites_.front()->look(
        [&](pqxx::transaction_base& transaction) { return read_table(transaction, table.name); });
    if (found)
      for (const auto& column : found->columns) on_shard.insert(column.name);
    if (on_source != on_shard) throw CommandFailed(altered_table(table));
  }
}

void ImportRunner::make_indexes() {
  const SchemaDump dump(origin_->conninfo());
  const auto objects = schema_objects();
  const auto before = steps();
  const auto problems = in_parallel(sites_.size(), [&](std::size_t i) -> std::string {
    try {
      if (before[i] != "indexed") make_indexes_on(*sites_[i], dump, objects);
      crash_point("import_indexed");
      return {};
    } catch (const std::exception& error) {
      return sites_[i]->name() + ": " + reason_of(error);
    }
  });
  for (const auto& problem : problems)
    if (!problem.empty()) throw CommandFailed(problem);
  enter(ImportPhase::follow);
}

void ImportRunner::make_indexes_on(MoveSite& site, const SchemaDump& dump,
                                   const std::vector<SchemaObject>& objects) {
  const auto removal =
      site.look([&](pqxx::transaction_base& transaction) { return read_made(transaction, entry_.id); });
  std::vector<SchemaObject> made;
  std::ranges::copy_if(objects, std::back_inserter(made), [&](const SchemaObject& object) {
    return std::ranges::count(removal, removal_of({object}).front()) > 0;
  });
  std::string script = as_mover_sql() + dump.sql(SchemaDump::Section::indexes, made, objects);
  site.look([&](pqxx::transaction_base& transaction) {
    for (const auto& table : map_.tables())
      if (!has_slot_index(transaction, table)) script += slot_index_sql(table.name) + ";\n";
  });
  for (const auto& table : tables_) script += "ANALYZE " + qualified_name(table) + ";\n";
  run_script(site.conninfo(),
             script + "UPDATE shardplex.imports SET step = 'indexed' WHERE id = " + quote_literal(entry_.id));
}

}  // namespace shardplex::operations
