#include "postgres/catalogue_reader.hpp"

#include <map>
#include <utility>

namespace shardplex::postgres {
namespace {

// Tables are named by their oid between the queries of the job.
constexpr std::string_view snapshot_sql = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

constexpr std::string_view database_sql = R"(
SELECT pg_encoding_to_char(encoding), CASE datlocprovider WHEN 'i' THEN daticulocale ELSE datcollate END,
       datlocprovider = 'i'
  FROM pg_database WHERE datname = current_database())";

constexpr std::string_view tables_sql = R"(
SELECT c.oid, c.relname
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition)";

constexpr std::string_view columns_sql = R"(
SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), t.oid, t.typname, n.nspname,
       t.typtype = 'e', a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '',
       a.attgenerated <> '' OR a.attidentity = 'a',
       l.collname, l.collprovider = 'd', l.collprovider = 'i', l.collcollate, l.collisdeterministic
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
 WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum)";

constexpr std::string_view enums_sql =
    "SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder";

// Primary keys and unique constraints have an index of their name, so the indexes say all. INCLUDEd columns
// are not part of the key.
constexpr std::string_view unique_sql = R"(
SELECT i.indrelid, x.relname, i.indisprimary, a.attname
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_class x ON x.oid = i.indexrelid
  CROSS JOIN generate_series(0, i.indnkeyatts - 1) k
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
 WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique AND i.indisvalid
   AND i.indpred IS NULL AND i.indexprs IS NULL
 ORDER BY i.indrelid, x.relname, k)";

constexpr std::string_view foreign_keys_sql = R"(
SELECT o.conrelid, o.conname, a.attname, f.relname, b.attname
  FROM pg_constraint o
  JOIN pg_class f ON f.oid = o.confrelid
  CROSS JOIN unnest(o.conkey, o.confkey) WITH ORDINALITY k(own, foreign_, ordinal)
  JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.own
  JOIN pg_attribute b ON b.attrelid = o.confrelid AND b.attnum = k.foreign_
 WHERE o.contype = 'f' AND o.conparentid = 0
   AND o.connamespace = 'public'::regnamespace AND f.relnamespace = 'public'::regnamespace
 ORDER BY o.conrelid, o.conname, k.ordinal)";

using TablesByOid = std::map<std::int64_t, Table>;
using EnumLabels = std::map<std::int64_t, std::vector<std::string>>;

struct DatabaseCollation {
  std::string name;
  bool bytewise;
};

std::string text(const ResultSet& rows, int row, int column) {
  return std::string(rows.bytes(row, column));
}

TablesByOid tables(const ResultSet& rows) {
  TablesByOid tables;
  for (int row = 0; row < rows.rows(); ++row) tables[rows.integer(row, 0)].name = text(rows, row, 1);
  return tables;
}

EnumLabels enum_labels(const ResultSet& rows) {
  EnumLabels labels;
  for (int row = 0; row < rows.rows(); ++row) labels[rows.integer(row, 0)].push_back(text(rows, row, 1));
  return labels;
}

void read_collation(Column& column, const ResultSet& rows, int row, const DatabaseCollation& database) {
  if (rows.is_null(row, 10)) return;
  const bool is_default = rows.boolean(row, 11), is_icu = rows.boolean(row, 12);
  column.collation = is_default ? database.name : text(rows, row, 10);
  column.bytewise_collation =
      is_default ? database.bytewise : !is_icu && is_bytewise_collation(rows.bytes(row, 13));
  column.deterministic_collation = rows.boolean(row, 14);
}

Column column(const ResultSet& rows, int row, const DatabaseCollation& database, const EnumLabels& labels) {
  Column column;
  column.name = text(rows, row, 1);
  column.type = text(rows, row, 2);
  column.type_oid = static_cast<std::uint32_t>(rows.integer(row, 3));
  column.type_name = text(rows, row, 4);
  column.type_schema = text(rows, row, 5);
  const bool is_enum = rows.boolean(row, 6);
  if (is_enum || column.type_schema == "pg_catalog") column.sort = sort_kind(column.type_name, is_enum);
  if (auto found = labels.find(rows.integer(row, 3)); found != labels.end())
    column.enum_labels = found->second;
  column.not_null = rows.boolean(row, 7);
  column.has_default = rows.boolean(row, 8);
  column.generated = rows.boolean(row, 9);
  read_collation(column, rows, row, database);
  return column;
}

void add_columns(TablesByOid& tables, const ResultSet& rows, const DatabaseCollation& database,
                 const EnumLabels& labels) {
  for (int row = 0; row < rows.rows(); ++row) {
    const auto table = tables.find(rows.integer(row, 0));
    if (table == tables.end()) continue;
    Column read = column(rows, row, database, labels);
    if (read.name == slot_column && read.type_name == "int4" && read.not_null)
      table->second.has_slot_column = true;
    else
      table->second.columns.push_back(std::move(read));
  }
}

void add_unique(TablesByOid& tables, const ResultSet& rows) {
  for (int row = 0; row < rows.rows(); ++row) {
    const auto table = tables.find(rows.integer(row, 0));
    if (table == tables.end()) continue;
    if (const bool primary = rows.boolean(row, 2); primary) {
      table->second.primary_key.push_back(text(rows, row, 3));
      continue;
    }
    auto& unique = table->second.unique;
    if (unique.empty() || unique.back().name != rows.bytes(row, 1))
      unique.push_back({text(rows, row, 1), {}});
    unique.back().columns.push_back(text(rows, row, 3));
  }
}

void add_foreign_keys(TablesByOid& tables, const ResultSet& rows) {
  for (int row = 0; row < rows.rows(); ++row) {
    const auto table = tables.find(rows.integer(row, 0));
    if (table == tables.end()) continue;
    auto& keys = table->second.foreign_keys;
    if (keys.empty() || keys.back().name != rows.bytes(row, 1))
      keys.push_back({text(rows, row, 1), {}, text(rows, row, 3), {}});
    keys.back().columns.push_back(text(rows, row, 2));
    keys.back().foreign_columns.push_back(text(rows, row, 4));
  }
}

ShardCatalogue catalogue(const std::vector<ResultSet>& results) {
  const ResultSet &database = results[1], &table_rows = results[2], &columns = results[3],
                  &enums = results[4], &unique = results[5], &foreign_keys = results[6];
  ShardCatalogue catalogue;
  catalogue.server_encoding = text(database, 0, 0);
  catalogue.default_collation = text(database, 0, 1);
  const bool is_icu = database.boolean(0, 2);
  catalogue.bytewise_default_collation = !is_icu && is_bytewise_collation(catalogue.default_collation);

  TablesByOid by_oid = tables(table_rows);
  add_columns(by_oid, columns, {catalogue.default_collation, catalogue.bytewise_default_collation},
              enum_labels(enums));
  add_unique(by_oid, unique);
  add_foreign_keys(by_oid, foreign_keys);
  for (auto& [oid, table] : by_oid) catalogue.tables.emplace(table.name, std::move(table));
  return catalogue;
}

}  // namespace

Awaitable<Outcome<ShardCatalogue>> read_catalogue(Pool& pool, Deadline deadline) {
  std::vector<Statement> statements;
  for (const std::string_view sql :
       {snapshot_sql, database_sql, tables_sql, columns_sql, enums_sql, unique_sql, foreign_keys_sql})
    statements.push_back({std::string(sql), {}});
  auto results = co_await pool.execute(Lane::read, std::move(statements), deadline);
  if (!results) co_return results.error();
  co_return catalogue(*results);
}

}  // namespace shardplex::postgres
