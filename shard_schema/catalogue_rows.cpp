#include "shard_schema/catalogue_rows.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace shardplex {
namespace {

// Rows of several kinds. Each has its kind, the oid of its table (of an enum's label: of its type), and facts
// that depend on the kind, so that f[1] is the fourth column for all.
//
// Primary keys and unique constraints have an index of their name, so the indexes say all. INCLUDEd columns
// are not part of the key. A partition's own constraints (conparentid) repeat those of its table. A domain is
// not null where any domain that it is made of is. PostgreSQL itself ignores casts of domains: who makes one
// means PostgREST's domain representations.
const std::string facts_sql = R"sql(
WITH RECURSIVE rel AS (
  SELECT c.oid, c.relname, c.relkind, c.relispopulated FROM pg_class c
   WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
), tab AS (
  SELECT oid, relname FROM rel WHERE relkind IN ('r', 'p')
), rule AS (
  SELECT rel.oid, rel.relname, rel.relkind, rel.relispopulated, r.oid AS rule, r.ev_action::text AS tree
    FROM rel JOIN pg_rewrite r ON r.ev_class = rel.oid AND r.rulename = '_RETURN'
   WHERE rel.relkind IN ('v', 'm')
), domain(oid, base, not_null) AS (
  SELECT oid, typbasetype, typnotnull FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT d.oid, t.typbasetype, t.typnotnull FROM domain d JOIN pg_type t ON t.oid = d.base WHERE t.typtype = 'd'
), part(kind, parent, name, position, f) AS (
  SELECT 'database', 0::oid, '', 0::float8,
         ARRAY[pg_encoding_to_char(d.encoding)::text, )sql" +
                              std::string(database_collation_sql) + R"sql(::text,
               d.datlocprovider::text, d.datctype::text]
    FROM pg_database d WHERE d.datname = current_database()
  UNION ALL
  SELECT 'enum label', e.enumtypid, '', e.enumsortorder, ARRAY[e.enumlabel::text] FROM pg_enum e
  UNION ALL
  SELECT 'table', tab.oid, '', 0, ARRAY[tab.relname::text] FROM tab
  UNION ALL
  SELECT 'view', oid, '', 0,
         ARRAY[relname::text, relkind::text, relispopulated::text, hashtextextended(tree, 0)::text]
    FROM rule
  UNION ALL
  SELECT 'column', rel.oid, '', a.attnum,
         ARRAY[a.attname::text, format_type(a.atttypid, a.atttypmod), t.oid::text, t.typname::text, n.nspname::text,
               (t.typtype = 'e')::text,
               (a.attnotnull OR EXISTS (SELECT FROM domain d WHERE d.oid = t.oid AND d.not_null))::text,
               (a.atthasdef OR a.attidentity <> '')::text, (a.attgenerated <> '' OR a.attidentity = 'a')::text,
               l.collname::text, l.collprovider::text, l.collcollate::text, l.collisdeterministic::text,
               quote_ident(m.nspname) || '.' || quote_ident(l.collname), (a.attidentity = 'a')::text]
    FROM rel
    JOIN pg_attribute a ON a.attrelid = rel.oid
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    LEFT JOIN pg_namespace m ON m.oid = l.collnamespace
   WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'domain', rel.oid, '', a.attnum,
         ARRAY[a.attname::text, b.typname::text,
               EXISTS (SELECT FROM pg_cast c
                        WHERE c.castcontext = 'i' AND c.castmethod = 'f'
                          AND (c.castsource = t.oid AND c.casttarget IN ('json'::regtype, 'text'::regtype)
                               OR c.casttarget = t.oid AND c.castsource IN ('json'::regtype, 'text'::regtype)))::text,
               n.nspname::text]
    FROM rel
    JOIN pg_attribute a ON a.attrelid = rel.oid
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN domain d ON d.oid = t.oid
    JOIN pg_type b ON b.oid = d.base
    JOIN pg_namespace n ON n.oid = b.typnamespace
   WHERE a.attnum > 0 AND NOT a.attisdropped AND b.typtype <> 'd'
  UNION ALL
  SELECT 'unique', tab.oid, x.relname::text, k,
         ARRAY[x.relname::text, i.indisprimary::text, a.attname::text,
               (NOT EXISTS (SELECT FROM pg_constraint o
                             WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u')))::text]
    FROM tab
    JOIN pg_index i ON i.indrelid = tab.oid
    JOIN pg_class x ON x.oid = i.indexrelid
   CROSS JOIN generate_series(0, i.indnkeyatts - 1) k
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
   WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  UNION ALL
  SELECT 'foreign key', tab.oid, o.conname::text, k.ordinal,
         ARRAY[o.conname::text, a.attname::text, f.relname::text, b.attname::text, nullif(n.nspname, 'public')::text]
    FROM tab
    JOIN pg_constraint o ON o.conrelid = tab.oid
    JOIN pg_class f ON f.oid = o.confrelid
    JOIN pg_namespace n ON n.oid = f.relnamespace
   CROSS JOIN unnest(o.conkey, o.confkey) WITH ORDINALITY k(own, foreign_, ordinal)
    JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.own
    JOIN pg_attribute b ON b.attrelid = o.confrelid AND b.attnum = k.foreign_
   WHERE o.contype = 'f' AND o.conparentid = 0
  UNION ALL
  SELECT 'comment', tab.oid, '', d.objsubid, ARRAY[a.attname::text, d.description]
    FROM tab
    JOIN pg_description d ON d.objoid = tab.oid AND d.classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute a ON a.attrelid = tab.oid AND a.attnum = d.objsubid
   WHERE d.objsubid >= 0 AND a.attisdropped IS NOT TRUE
)
)sql";

// What definitions of views say, which follows from the facts above, and takes longer: a definition as text;
// the relations that it reads; of a view that shows a slot, which columns are another relation's as they are,
// and whether it does what concerns more than a row. PostgreSQL keeps a definition as a tree in text, in
// which each column notes what it comes from (resorigtbl, resorigcol). Columns of subqueries are among them:
// where one has the name and number of the view's, and comes from elsewhere, nothing is said.
const std::string views_sql = R"sql(
, slotted AS (
  SELECT rule.* FROM rule
   WHERE EXISTS (SELECT FROM pg_attribute a
                  WHERE a.attrelid = rule.oid AND a.attname = 'shardplex_slot' AND NOT a.attisdropped)
), origin AS (
  SELECT s.oid, a.attname, min(m[3]::int8) AS relation, min(m[4]::int4) AS number
    FROM slotted s
   CROSS JOIN regexp_matches(s.tree, ':resno (\d+) :resname (\S+) :ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (\d+) :resjunk false', 'g') m
    JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum = m[1]::int4 AND a.attname = m[2]
   GROUP BY s.oid, a.attname
  HAVING count(DISTINCT (m[3], m[4])) = 1
), view_part(kind, parent, name, position, f) AS (
  SELECT 'view definition', oid, '', 0::float8, ARRAY[pg_get_viewdef(oid)] FROM rule
  UNION ALL
  SELECT DISTINCT 'view reads', rule.oid, c.relname::text, 0::float8, ARRAY[c.relname::text, nullif(n.nspname, 'public')::text]
    FROM rule
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = rule.rule AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class c ON c.oid = d.refobjid AND c.oid <> rule.oid AND c.relkind <> 'S'
    JOIN pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
  SELECT 'view origin', o.oid, o.attname::text, 0, ARRAY[o.attname::text, c.relname::text, nullif(n.nspname, 'public')::text, a.attname::text]
    FROM origin o
    JOIN pg_class c ON c.oid = o.relation::oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.number
  UNION ALL
  SELECT 'view across rows', oid, '', 0,
         ARRAY[CASE WHEN tree ~ ':limit(Count|Offset) \{' THEN 'LIMIT, OFFSET or FETCH'
                    WHEN tree ~ ':hasWindowFuncs true' THEN 'a window function'
                    WHEN tree ~ ':hasDistinctOn true' THEN 'DISTINCT ON'
                    WHEN tree ~ ':hasRecursive true' THEN 'WITH RECURSIVE' ELSE '' END]
    FROM slotted
)
SELECT kind, parent::text, f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], f[12], f[13], f[14], f[15]
  FROM (SELECT * FROM part UNION ALL SELECT * FROM view_part) p
 ORDER BY kind, parent, name COLLATE "C", position)sql";

}  // namespace

const std::string catalogue_sql = facts_sql + views_sql;

// Facts have no order, so their hashes are added up. A statement that names a table which is not there, or
// may not be read, fails as a whole; one in a text is not parsed unless it is run.
const std::string catalogue_fingerprint_sql = facts_sql + R"sql(
, fact(text) AS (
  SELECT part::text FROM part
  UNION ALL
  SELECT query_to_xml('SELECT subject, definition FROM shardplex.definitions ORDER BY subject', true, false, '')::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'shardplex' AND c.relname = 'definitions'
     AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
)
SELECT coalesce(sum(hashtextextended(text, 0)), 0)::text || ' ' || count(*) FROM fact)sql";

std::string decode_fingerprint(const TextRows& rows) {
  if (rows.size() != 1) throw UnexpectedAnswer("a fingerprint that is not one row");
  return rows.text(0, 0);
}

namespace {

// Where facts begin.
constexpr std::size_t first_fact = 2;

/// One row's facts, by f[1] … of the statement.
class Facts {
 public:
  Facts(const TextRows& rows, std::size_t row) : rows_(rows), row_(row) {}
  bool is_null(std::size_t n) const { return rows_.is_null(row_, at(n)); }
  std::string_view view(std::size_t n) const { return rows_.view(row_, at(n)); }
  std::string text(std::size_t n) const { return rows_.text(row_, at(n)); }
  std::int64_t integer(std::size_t n) const { return rows_.integer(row_, at(n)); }
  bool boolean(std::size_t n) const { return rows_.boolean(row_, at(n)); }

 private:
  static std::size_t at(std::size_t n) { return first_fact + n - 1; }
  const TextRows& rows_;
  std::size_t row_;
};

using RowsByParent = std::map<std::int64_t, std::vector<Facts>>;  // in the order of the statement

std::map<std::string, RowsByParent, std::less<>> by_kind(const TextRows& rows) {
  std::map<std::string, RowsByParent, std::less<>> parts;
  for (std::size_t row = 0; row < rows.size(); ++row)
    parts[rows.text(row, 0)][rows.integer(row, 1)].emplace_back(rows, row);
  return parts;
}

void read_database(const Facts& facts, ShardCatalogue& catalogue) {
  catalogue.server_encoding = facts.text(1);
  catalogue.default_collation = facts.text(2);
  catalogue.bytewise_default_collation =
      facts.view(3) == "c" && is_bytewise_collation(catalogue.default_collation);
  catalogue.character_type = facts.text(4);
}

/// A collation of the database's own is the default one. Of the others the locale tells the order, not the
/// name: that is its maker's choice. ICU sorts by bytes under no locale.
void read_collation(const Facts& facts, const ShardCatalogue& database, Column& column) {
  if (facts.is_null(10)) return;
  const bool is_default = facts.view(11) == "d";
  column.collation = is_default ? database.default_collation : facts.text(10);
  column.bytewise_collation = is_default ? database.bytewise_default_collation
                                         : facts.view(11) == "c" && is_bytewise_collation(facts.view(12));
  column.deterministic_collation = facts.boolean(13);
  if (!facts.is_null(14)) column.collation_sql = facts.text(14);
}

Column read_column(const Facts& facts, const ShardCatalogue& database, const RowsByParent& enum_labels) {
  Column column;
  column.name = facts.text(1);
  column.type = facts.text(2);
  column.type_oid = static_cast<std::uint32_t>(facts.integer(3));
  column.type_name = facts.text(4);
  column.type_schema = facts.text(5);
  const bool is_enum = facts.boolean(6);
  if (is_enum || column.type_schema == "pg_catalog") column.sort = sort_kind(column.type_name, is_enum);
  if (const auto labels = enum_labels.find(facts.integer(3)); labels != enum_labels.end())
    for (const Facts& label : labels->second) column.enum_labels.push_back(label.text(1));
  column.not_null = facts.boolean(7);
  column.has_default = facts.boolean(8);
  column.generated = facts.boolean(9);
  column.identity_always = facts.boolean(15);
  read_collation(facts, database, column);
  return column;
}

void describe_domain(const Facts& facts, Table& table) {
  const auto column = std::ranges::find(table.columns, facts.view(1), &Column::name);
  if (column == table.columns.end()) return;
  column->base_type_name = facts.text(2);
  column->has_representations = facts.boolean(3);
  column->base_type_schema = facts.text(4);
}

/// PostgreSQL does not know of a view's columns that they are not null.
bool is_slot_column(const Column& column, const Table& table) {
  return column.name == slot_column && column.type_name == "int4" && column.type_schema == "pg_catalog" &&
         (column.not_null || table.is_view());
}

void add_column(Column column, Table& table) {
  if (is_slot_column(column, table))
    table.has_slot_column = true;
  else
    table.columns.push_back(std::move(column));
}

void add_unique(const Facts& facts, Table& table) {
  if (facts.boolean(2)) {
    table.primary_key.push_back(facts.text(3));
    return;
  }
  if (table.unique.empty() || table.unique.back().name != facts.view(1))
    table.unique.push_back({facts.text(1), {}, facts.boolean(4)});
  table.unique.back().columns.push_back(facts.text(3));
}

/// The fifth fact is the schema of the table that is led to, null for public.
void add_foreign_key(const Facts& facts, ForeignKeys wanted, Table& table) {
  const bool leaves_public = !facts.is_null(5);
  if (leaves_public && wanted == ForeignKeys::in_public) return;
  auto& keys = table.foreign_keys;
  if (keys.empty() || keys.back().name != facts.view(1))
    keys.push_back({facts.text(1), {}, (leaves_public ? facts.text(5) + '.' : "") + facts.text(3), {}});
  keys.back().columns.push_back(facts.text(2));
  keys.back().foreign_columns.push_back(facts.text(4));
}

/// The first fact is the column, null for the table itself.
void add_comment(const Facts& facts, Table& table) {
  if (facts.is_null(1)) {
    table.comment = facts.text(2);
    return;
  }
  const auto column = std::ranges::find(table.columns, facts.view(1), &Column::name);
  if (column != table.columns.end()) column->comment = facts.text(2);
}

/// Of a relation's name and its schema, which is null for public.
std::string relation_name(const Facts& facts, std::size_t name) {
  return (facts.is_null(name + 1) ? "" : facts.text(name + 1) + '.') + facts.text(name);
}

}  // namespace

ShardCatalogue decode_catalogue(const TextRows& rows, ForeignKeys foreign_keys) {
  auto parts = by_kind(rows);
  ShardCatalogue catalogue;
  for (const auto& [oid, facts] : parts["database"]) read_database(facts.front(), catalogue);
  for (const auto& [oid, names] : parts["table"]) {
    Table table;
    table.name = names.front().text(1);
    for (const Facts& facts : parts["column"][oid])
      add_column(read_column(facts, catalogue, parts["enum label"]), table);
    for (const Facts& facts : parts["domain"][oid]) describe_domain(facts, table);
    for (const Facts& facts : parts["unique"][oid]) add_unique(facts, table);
    for (const Facts& facts : parts["foreign key"][oid]) add_foreign_key(facts, foreign_keys, table);
    for (const Facts& facts : parts["comment"][oid]) add_comment(facts, table);
    catalogue.tables.emplace(table.name, std::move(table));
  }
  for (const auto& [oid, facts] : parts["view"]) {
    StoredView view;
    view.table.name = facts.front().text(1);
    view.table.kind = facts.front().view(2) == "m" ? TableKind::materialized_view : TableKind::view;
    view.is_populated = facts.front().boolean(3);
    for (const Facts& column : parts["column"][oid])
      add_column(read_column(column, catalogue, parts["enum label"]), view.table);
    for (const Facts& domain : parts["domain"][oid]) describe_domain(domain, view.table);
    for (const Facts& each : parts["view definition"][oid]) view.definition = each.text(1);
    for (const Facts& each : parts["view reads"][oid]) view.reads.push_back(relation_name(each, 1));
    for (const Facts& each : parts["view origin"][oid])
      view.origins[each.text(1)] = {relation_name(each, 2), each.text(4)};
    for (const Facts& each : parts["view across rows"][oid]) view.across_rows = each.text(1);
    catalogue.views.emplace(view.table.name, std::move(view));
  }
  return catalogue;
}

}  // namespace shardplex
