#include "shard_schema/catalogue_rows.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "shard_map/map_name.hpp"
#include "shard_schema/map_name_sql.hpp"
#include "shard_schema/view_definition.hpp"

namespace shardplex {
namespace {

// $1: the schemas. What is in them has the name that a shard map has for it.
//
// Rows of several kinds. Each has its kind, the oid of its table (of an enum's label: of its type), and facts
// that depend on the kind, so that f[1] is the fourth column for all.
//
// Primary keys and unique constraints have an index of their name, so the indexes say all. INCLUDEd
// columns are not part of the key. A partition's own constraints (conparentid) repeat those of its table.
// A domain is not null where any domain that it is made of is. PostgreSQL itself ignores casts of domains:
// who makes one means PostgREST's domain representations. As with PostgREST they hold for columns of
// tables and views alone.
//
// Of a function, `parent` is its own oid. A column of its rows is told by the table or view of the schemas
// that they are of, or is a 'result': of another relation or composite type, also where that is the only OUT
// argument's, or an OUT argument. A value is one 'result' as well.
//
// Functions of a row are those that PostgreSQL finds by their name alone: of the schema of the row's
// relation, and of public where that has none of the name. One that gives rows of a relation is an embed; its
// relation is null where that is none of the schemas, or it gives them in an array. Others have a 'computed
// value', whose parent is the function. The hash is of all that PostgreSQL keeps of it, since its definition
// may be another one where nothing else is.
const std::string facts_sql =
    R"sql(
WITH RECURSIVE rel AS (
  SELECT c.oid, )sql" +
    map_name_sql("s.nspname", "c.relname") +
    R"sql( AS relname, c.relkind, c.relispopulated
    FROM pg_namespace s JOIN pg_class c ON c.relnamespace = s.oid
   WHERE s.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
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
), fn AS (
  SELECT p.oid, )sql" +
    map_name_sql("s.nspname", "p.proname") +
    R"sql( AS proname, p.provolatile, p.proretset, p.prorettype, p.pronargs, p.pronargdefaults, p.proargtypes,
         p.proallargtypes, p.proargnames, p.proargmodes, y.typrelid AS relation, y.typtype = 'c' AS is_row,
         coalesce(p.proargmodes && '{o,b,t}'::"char"[], false) AS has_out,
         (SELECT rel.oid FROM rel WHERE rel.oid = y.typrelid) AS public_relation
    FROM pg_namespace s
    JOIN pg_proc p ON p.pronamespace = s.oid
    JOIN pg_type x ON x.oid = p.prorettype
    LEFT JOIN domain d ON d.oid = x.oid AND NOT EXISTS (SELECT FROM domain e WHERE e.oid = d.base)
    JOIN pg_type y ON y.oid = coalesce(d.base, x.oid)
   WHERE s.nspname = ANY ($1::text[]) AND p.prokind = 'f'
     AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
     AND NOT EXISTS (SELECT FROM pg_depend e
                      WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
), casting(domain, kind, function, name, volatility, hash) AS (
  SELECT t.oid, CASE WHEN c.castsource = t.oid THEN 'to json' ELSE 'from ' || c.castsource::regtype::text END, p.oid,
         quote_ident(n.nspname) || '.' || quote_ident(p.proname), p.provolatile, hashtextextended(p::text, 0)
    FROM pg_type t
    JOIN pg_cast c ON c.castsource = t.oid AND c.casttarget = 'json'::regtype
                      OR c.casttarget = t.oid AND c.castsource IN ('json'::regtype, 'text'::regtype)
    JOIN pg_proc p ON p.oid = c.castfunc
    JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE t.typtype = 'd' AND c.castcontext = 'i' AND c.castmethod = 'f'
), represented(domain, to_json, from_json, from_text, unsafe, hash) AS (
  SELECT domain, min(name) FILTER (WHERE kind = 'to json'), min(name) FILTER (WHERE kind = 'from json'),
         min(name) FILTER (WHERE kind = 'from text'), min(name) FILTER (WHERE volatility <> 'i'), sum(hash)::text
    FROM casting
   GROUP BY domain
), described(oid, base, schema) AS (
  SELECT d.oid, b.typname::text, n.nspname::text
    FROM domain d
    JOIN pg_type b ON b.oid = d.base
    JOIN pg_namespace n ON n.oid = b.typnamespace
   WHERE b.typtype <> 'd'
), result(oid, name, type, modifier, at, collation_oid) AS (
  SELECT fn.oid, r.*
    FROM fn
   CROSS JOIN LATERAL (
           SELECT coalesce(nullif(u.name, ''), 'column' || row_number() OVER (ORDER BY u.at)), u.type, -1, u.at, 0::oid
             FROM unnest(fn.proallargtypes, fn.proargnames, fn.proargmodes) WITH ORDINALITY AS u(type, name, mode, at)
            WHERE fn.has_out AND NOT fn.is_row AND u.mode IN ('o', 'b', 't')
           UNION ALL
           SELECT a.attname, a.atttypid, a.atttypmod, a.attnum, a.attcollation
             FROM pg_attribute a
            WHERE a.attrelid = fn.relation AND fn.is_row AND fn.public_relation IS NULL
              AND a.attnum > 0 AND NOT a.attisdropped
           UNION ALL
           SELECT 'pgrst_scalar', fn.prorettype, -1, 1, 0::oid WHERE NOT fn.has_out AND NOT fn.is_row) r
), computed AS (
  SELECT c.oid AS relation, p.oid, p.proname, n.nspname, p.provolatile, p.proretset, x.oid AS type,
         hashtextextended(p::text, 0) AS hash,
         e.typrelid <> 0 AND EXISTS (SELECT FROM pg_class r WHERE r.oid = e.typrelid AND r.relkind <> 'c') AS gives_rows,
         NOT p.proretset OR p.prorows = 1 AS is_to_one,
         (SELECT given.relname FROM rel given WHERE given.oid = y.typrelid) AS given
    FROM rel
    JOIN pg_class c ON c.oid = rel.oid
    JOIN pg_proc p ON p.pronargs = 1 AND p.proargtypes[0] = c.reltype AND p.prokind = 'f'
    JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_type x ON x.oid = p.prorettype AND x.typtype <> 'p'
    LEFT JOIN domain d ON d.oid = x.oid AND NOT EXISTS (SELECT FROM domain b WHERE b.oid = d.base)
    JOIN pg_type y ON y.oid = coalesce(d.base, x.oid)
    JOIN pg_type e ON e.oid = CASE WHEN y.typcategory = 'A' AND y.typelem <> 0 THEN y.typelem ELSE y.oid END
   WHERE p.pronamespace = c.relnamespace
      OR n.nspname = 'public'
         AND NOT EXISTS (SELECT FROM pg_proc o
                          WHERE o.proname = p.proname AND o.pronamespace = c.relnamespace
                            AND o.pronargs = 1 AND o.proargtypes[0] = c.reltype)
), part(kind, parent, name, position, f) AS (
  SELECT 'database', 0::oid, '', 0::float8,
         ARRAY[pg_encoding_to_char(d.encoding)::text, )sql" +
    std::string(database_collation_sql) + R"sql(::text,
               d.datlocprovider::text, d.datctype::text,
               (lower('ABCDEFGHIJKLMNOPQRSTUVWXYZ') = 'abcdefghijklmnopqrstuvwxyz')::text]
    FROM pg_database d WHERE d.datname = current_database()
  UNION ALL
  SELECT 'enum label', e.enumtypid, '', e.enumsortorder, ARRAY[e.enumlabel::text] FROM pg_enum e
  UNION ALL
  SELECT 'table', tab.oid, '', 0, ARRAY[tab.relname::text] FROM tab
  UNION ALL
  SELECT 'foreign table', c.oid, '', 0, ARRAY[)sql" +
    map_name_sql("s.nspname", "c.relname") +
    R"sql(::text]
    FROM pg_namespace s JOIN pg_class c ON c.relnamespace = s.oid
   WHERE s.nspname = ANY ($1::text[]) AND c.relkind = 'f' AND NOT c.relispartition
  UNION ALL
  SELECT 'view', oid, '', 0,
         ARRAY[relname::text, relkind::text, relispopulated::text, hashtextextended(tree, 0)::text,
               (SELECT string_agg(i.what, ', ' ORDER BY i.what COLLATE "C")
                  FROM (SELECT 'the INSTEAD OF trigger ' || t.tgname FROM pg_trigger t
                         WHERE t.tgrelid = rule.oid AND t.tgtype & 64 = 64
                        UNION ALL
                        SELECT 'the rule ' || o.rulename FROM pg_rewrite o
                         WHERE o.ev_class = rule.oid AND o.oid <> rule.rule) AS i(what))]
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
         ARRAY[a.attname::text, d.base, d.schema, r.domain::text, r.to_json, r.from_json, r.from_text, r.unsafe, r.hash]
    FROM rel
    JOIN pg_attribute a ON a.attrelid = rel.oid
    JOIN described d ON d.oid = a.atttypid
    LEFT JOIN represented r ON r.domain = a.atttypid
   WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'citext', rel.oid, '', a.attnum, ARRAY[a.attname::text]
    FROM pg_extension x
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.deptype = 'e'
    JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid AND t.typname = 'citext'
    JOIN pg_attribute a ON a.atttypid = t.oid
    JOIN rel ON rel.oid = a.attrelid
   WHERE x.extname = 'citext' AND a.attnum > 0 AND NOT a.attisdropped
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
         ARRAY[o.conname::text, a.attname::text,
               CASE WHEN n.nspname = ANY ($1::text[]) THEN )sql" +
    map_name_sql("n.nspname", "f.relname") +
    R"sql( ELSE f.relname::text END,
               b.attname::text, CASE WHEN n.nspname <> ALL ($1::text[]) THEN n.nspname::text END]
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
  UNION ALL
  SELECT 'function', fn.oid, '', 0,
         ARRAY[fn.proname::text, fn.provolatile::text, fn.proretset::text,
               CASE WHEN fn.prorettype = 'void'::regtype THEN 'nothing' WHEN fn.has_out OR fn.is_row THEN 'row' ELSE 'value' END,
               fn.public_relation::text, (SELECT rel.relname::text FROM rel WHERE rel.oid = fn.public_relation)]
    FROM fn
  UNION ALL
  SELECT 'argument', fn.oid, '', a.at,
         ARRAY[a.name, format_type(a.type, NULL), t.typname::text, n.nspname::text,
               (a.number > fn.pronargs - fn.pronargdefaults)::text, (a.mode = 'v')::text]
    FROM fn
   CROSS JOIN LATERAL (
           SELECT i.*, row_number() OVER (ORDER BY i.at) AS number
             FROM (SELECT coalesce(u.name, '') AS name, u.type, coalesce(u.mode, 'i') AS mode, u.at
                     FROM unnest(coalesce(fn.proallargtypes, fn.proargtypes::oid[]), fn.proargnames, fn.proargmodes)
                          WITH ORDINALITY AS u(type, name, mode, at)) i
            WHERE i.mode IN ('i', 'b', 'v')) a
    JOIN pg_type t ON t.oid = a.type
    JOIN pg_namespace n ON n.oid = t.typnamespace
  UNION ALL
  SELECT 'result', r.oid, '', r.at,
         ARRAY[r.name::text, format_type(r.type, r.modifier), t.oid::text, t.typname::text, n.nspname::text,
               (t.typtype = 'e')::text, 'false', 'false', 'false', l.collname::text, l.collprovider::text,
               l.collcollate::text, l.collisdeterministic::text, quote_ident(m.nspname) || '.' || quote_ident(l.collname),
               'false']
    FROM result r
    JOIN pg_type t ON t.oid = r.type
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_collation l ON l.oid = coalesce(nullif(r.collation_oid, 0), t.typcollation)
    LEFT JOIN pg_namespace m ON m.oid = l.collnamespace
  UNION ALL
  SELECT 'result domain', r.oid, '', r.at, ARRAY[r.name::text, d.base, d.schema]
    FROM result r
    JOIN described d ON d.oid = r.type
  UNION ALL
  SELECT 'computed', m.relation, m.proname::text, 0,
         ARRAY[m.proname::text, m.nspname::text, m.provolatile::text, m.proretset::text, m.gives_rows::text,
               m.oid::text, m.hash::text, m.is_to_one::text, m.given::text]
    FROM computed m
  UNION ALL
  SELECT 'computed value', m.oid, '', 0,
         ARRAY[m.proname::text, format_type(t.oid, NULL), t.oid::text, t.typname::text, n.nspname::text,
               (t.typtype = 'e')::text, 'false', 'false', 'false', l.collname::text, l.collprovider::text,
               l.collcollate::text, l.collisdeterministic::text, quote_ident(o.nspname) || '.' || quote_ident(l.collname),
               'false']
    FROM computed m
    JOIN pg_type t ON t.oid = m.type
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_collation l ON l.oid = t.typcollation
    LEFT JOIN pg_namespace o ON o.oid = l.collnamespace
   WHERE NOT m.gives_rows
  UNION ALL
  SELECT 'computed domain', m.oid, '', 0, ARRAY[m.proname::text, d.base, d.schema]
    FROM computed m
    JOIN described d ON d.oid = m.type
)
)sql";

// What definitions of functions of a row and of views say, which follows from the facts above, and takes
// longer, and locks of the tables that they name. Of a function the hash of its text, and of a domain
// those of the functions of its casts. Of a view its text, and whether PostgreSQL writes through it
// (CMD_INSERT, CMD_UPDATE and CMD_DELETE, as bits, are 28); the relations that it reads; functions that it
// calls and that can do more than work out a result; the tree in which PostgreSQL keeps the definition,
// and what the numbers in it stand for (shard_schema/view_definition.hpp). In a tree a space that is part
// of a name has a backslash before it, so that ":relid 5" is what it seems. Of views that show no slot,
// and are read by none that does, there may be any number that no map knows: their trees come as far as
// they are 4 MiB together, the small ones first. What comes with PostgreSQL has an oid below 16384, on
// every server the same.
//
// A function is let pass where it is immutable, or where it comes with PostgreSQL, is stable, and can be
// called by parallel workers. Those that read tables or sequences are none of these. An aggregate says
// nothing of the functions that it is made of. Functions on the server itself (pg_…) are not let pass either.
const std::string views_sql = R"sql(
, reads AS (
  SELECT DISTINCT rule.oid, m[1]::oid AS relation
    FROM rule CROSS JOIN regexp_matches(rule.tree, ':relid (\d+)', 'g') m
   WHERE m[1]::oid NOT IN (0, rule.oid)
), shown(oid) AS (
  SELECT a.attrelid FROM rule JOIN pg_attribute a ON a.attrelid = rule.oid
   WHERE a.attname = 'shardplex_slot' AND NOT a.attisdropped
  UNION
  SELECT reads.relation FROM shown JOIN reads USING (oid)
), told AS (
  SELECT r.oid, r.tree
    FROM (SELECT rule.oid, rule.tree, shown.oid IS NOT NULL AS is_shown,
                 sum(octet_length(rule.tree)) OVER (PARTITION BY shown.oid IS NULL
                                                    ORDER BY octet_length(rule.tree), rule.oid) AS bytes
            FROM rule LEFT JOIN shown ON shown.oid = rule.oid) r
   WHERE r.is_shown OR r.bytes <= 4194304
), named(oid) AS (
  SELECT oid FROM told UNION SELECT reads.relation FROM told JOIN reads USING (oid)
), operator AS (
  SELECT DISTINCT rule.oid, m[1]::oid AS operator
    FROM rule CROSS JOIN regexp_matches(rule.tree, ':opno (\d+)', 'g') m
), called AS (
  SELECT rule.oid, m[1]::oid AS function
    FROM rule CROSS JOIN regexp_matches(rule.tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') m
  UNION
  SELECT operator.oid, o.oprcode FROM operator JOIN pg_operator o ON o.oid = operator.operator
), view_part(kind, parent, name, position, f) AS (
  SELECT 'computed definition', oid, '', 0::float8, ARRAY[hashtextextended(pg_get_functiondef(oid), 0)::text]
    FROM computed
  UNION ALL
  SELECT 'domain definition', domain, '', 0,
         ARRAY[string_agg(hashtextextended(pg_get_functiondef(function), 0)::text, ' ' ORDER BY kind)]
    FROM casting
   GROUP BY domain
  UNION ALL
  SELECT 'view definition', oid, '', 0,
         ARRAY[pg_get_viewdef(oid), (pg_relation_is_updatable(oid::regclass, false) & 28 = 28)::text]
    FROM rule
  UNION ALL
  SELECT 'view tree', oid, '', 0, ARRAY[tree] FROM told
  UNION ALL
  SELECT 'view reads', reads.oid, c.relname::text, 0,
         ARRAY[)sql" + map_name_sql("n.nspname", "c.relname") +
                              R"sql(, NULL, c.oid::text]
    FROM reads JOIN pg_class c ON c.oid = reads.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
  SELECT 'view number', named.oid, '', a.attnum, ARRAY[a.attname::text, a.attnum::text]
    FROM named JOIN pg_attribute a ON a.attrelid = named.oid
   WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'view equality', operator.oid, '', 0, ARRAY[operator.operator::text]
    FROM operator
   WHERE operator.operator < 16384
     AND EXISTS (SELECT FROM pg_amop o JOIN pg_am m ON m.oid = o.amopmethod
                  WHERE o.amopopr = operator.operator AND m.amname = 'btree' AND o.amopstrategy = 3)
  UNION ALL
  SELECT DISTINCT 'view function', called.oid, p.proname::text, 0::float8, ARRAY[p.proname::text]
    FROM called JOIN pg_proc p ON p.oid = called.function
   WHERE NOT CASE WHEN p.oid >= 16384 THEN p.provolatile = 'i' AND p.prokind IN ('f', 'w')
                  WHEN p.proname LIKE 'pg\_%' AND p.proname <> 'pg_typeof' THEN false
                  ELSE p.provolatile = 'i' OR p.provolatile = 's' AND p.proparallel = 's' END
)
SELECT kind, parent::text, f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], f[12], f[13], f[14], f[15]
  FROM (SELECT * FROM part UNION ALL SELECT * FROM view_part) p
 ORDER BY kind, parent, name COLLATE "C", position)sql";

}  // namespace

const std::string catalogue_sql = facts_sql + views_sql;

// Facts have no order, so their hashes are added up. Beside them are the kinds of functions that views call,
// on which what is served depends: a definition stays as it is where ALTER FUNCTION changes one. A statement
// that names a table which is not there, or may not be read, fails as a whole; one in a text is not parsed
// unless it is run.
const std::string catalogue_fingerprint_sql = facts_sql + R"sql(
, fact(text) AS (
  SELECT part::text FROM part
  UNION ALL
  SELECT DISTINCT p.oid::text || p.provolatile::text
    FROM rule
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = rule.rule AND d.refclassid = 'pg_proc'::regclass
    JOIN pg_proc p ON p.oid = d.refobjid
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

using PartsByKind = std::map<std::string, RowsByParent, std::less<>>;

PartsByKind by_kind(const TextRows& rows) {
  PartsByKind parts;
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
  catalogue.lowers_ascii = !facts.is_null(5) && facts.boolean(5);
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

std::string text_or_empty(const Facts& facts, std::size_t n) {
  return facts.is_null(n) ? std::string() : facts.text(n);
}

void read_representations(const Facts& facts, PartsByKind& parts, Column& column) {
  if (facts.is_null(4)) return;
  auto& read = column.representations;
  read.to_json = text_or_empty(facts, 5);
  read.from_json = text_or_empty(facts, 6);
  read.from_text = text_or_empty(facts, 7);
  read.unsafe = text_or_empty(facts, 8);
  for (const Facts& each : parts["domain definition"][facts.integer(4)])
    read.definition = text_or_empty(each, 1);  // null where they were dropped meanwhile
}

void describe_domain(const Facts& facts, PartsByKind& parts, std::vector<Column>& columns) {
  const auto column = std::ranges::find(columns, facts.view(1), &Column::name);
  if (column == columns.end()) return;
  column->base_type_name = facts.text(2);
  column->base_type_schema = facts.text(3);
  read_representations(facts, parts, *column);
  // PostgreSQL sorts a domain's values, and sends them, as what the domain is made of.
  if (column->base_type_schema == "pg_catalog") column->sort = sort_kind(column->base_type_name, false);
}

void note_citext(const std::vector<Facts>& names, std::vector<Column>& columns) {
  for (const Facts& name : names) {
    const auto column = std::ranges::find(columns, name.view(1), &Column::name);
    if (column != columns.end()) column->is_citext = true;
  }
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

/// The fifth fact is the schema of the table that is led to, null for those that are read.
void add_foreign_key(const Facts& facts, ForeignKeys wanted, Table& table) {
  const bool leaves_schemas = !facts.is_null(5);
  auto& keys =
      leaves_schemas && wanted == ForeignKeys::within ? table.keys_to_other_schemas : table.foreign_keys;
  if (keys.empty() || keys.back().name != facts.view(1))
    keys.push_back({facts.text(1), {}, (leaves_schemas ? facts.text(5) + '.' : "") + facts.text(3), {}});
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

Volatility volatility_of(std::string_view letter) {
  if (letter == "i") return Volatility::immutable;
  return letter == "s" ? Volatility::stable : Volatility::volatile_;
}

/// null where the function was dropped meanwhile.
std::string computed_definition(PartsByKind& parts, std::int64_t function) {
  for (const Facts& each : parts["computed definition"][function])
    if (!each.is_null(1)) return each.text(1);
  return "";
}

ComputedRelation read_computed_relation(const Facts& facts, PartsByKind& parts) {
  ComputedRelation computed;
  computed.name = facts.text(1);
  computed.function_schema = facts.text(2);
  computed.volatility = volatility_of(facts.view(3));
  computed.returns_set = facts.boolean(4);
  computed.definition = computed_definition(parts, facts.integer(6));
  computed.to_one = facts.boolean(8);
  if (!facts.is_null(9)) computed.foreign_table = facts.text(9);
  return computed;
}

/// PostgreSQL takes a column for what a name means before it takes a function; an embed is by no column of a
/// function's name.
void add_computed(const Facts& facts, PartsByKind& parts, const ShardCatalogue& catalogue, Table& table) {
  const auto name = facts.view(1);
  if (name == slot_column) return;
  if (facts.boolean(5)) {
    table.computed_relations.push_back(read_computed_relation(facts, parts));
    return;
  }
  if (table.find_column(name)) return;
  const auto function = facts.integer(6);
  std::vector<Column> values;
  for (const Facts& value : parts["computed value"][function])
    values.push_back(read_column(value, catalogue, parts["enum label"]));
  if (values.size() != 1) throw UnexpectedAnswer("a computed column that has not one value");
  for (const Facts& domain : parts["computed domain"][function]) describe_domain(domain, parts, values);
  ComputedColumn computed;
  computed.column = std::move(values.front());
  computed.column.function_schema = facts.text(2);
  computed.volatility = volatility_of(facts.view(3));
  computed.returns_set = facts.boolean(4);
  computed.definition = computed_definition(parts, function);
  table.computed.push_back(std::move(computed));
}

/// Of a relation's name and its schema, which is null where the name says it.
std::string relation_name(const Facts& facts, std::size_t name) {
  return (facts.is_null(name + 1) ? "" : facts.text(name + 1) + '.') + facts.text(name);
}

/// A server that is not what it should be does not make this one run out of memory.
constexpr std::int64_t most_columns = 1700;  // PostgreSQL has 1664 at most

std::vector<std::string> numbered_columns(const std::vector<Facts>& numbers) {
  std::vector<std::string> columns;
  for (const Facts& each : numbers) {
    const auto number = each.integer(2);
    if (number < 1 || number > most_columns) throw UnexpectedAnswer("a column of an impossible number");
    if (columns.size() < static_cast<std::size_t>(number)) columns.resize(static_cast<std::size_t>(number));
    columns[static_cast<std::size_t>(number) - 1] = each.text(1);
  }
  return columns;
}

DefinitionNames definition_names(std::int64_t view, PartsByKind& parts) {
  DefinitionNames names;
  names.own = view;
  for (const Facts& each : parts["view reads"][view])
    names.relations[each.integer(3)] = {relation_name(each, 1),
                                        numbered_columns(parts["view number"][each.integer(3)])};
  for (const Facts& each : parts["view equality"][view]) names.equalities.insert(each.integer(1));
  return names;
}

Function::Returns returns_of(std::string_view word) {
  if (word == "nothing") return Function::Returns::nothing;
  return word == "row" ? Function::Returns::row : Function::Returns::value;
}

Function read_function(const Facts& facts) {
  Function function;
  function.name = facts.text(1);
  function.schema = split_map_name(function.name).schema;
  function.volatility = volatility_of(facts.view(2));
  function.returns_set = facts.boolean(3);
  function.returns = returns_of(facts.view(4));
  if (!facts.is_null(6)) function.table = facts.text(6);
  return function;
}

FunctionArgument read_argument(const Facts& facts) {
  return {facts.text(1), facts.text(2), facts.text(3), facts.text(4), facts.boolean(5), facts.boolean(6)};
}

/// `parts`: those of by_kind().
void read_functions(PartsByKind& parts, ShardCatalogue& catalogue) {
  for (const auto& [oid, all] : parts["function"]) {
    const Facts& facts = all.front();
    Function function = read_function(facts);
    for (const Facts& argument : parts["argument"][oid])
      function.arguments.push_back(read_argument(argument));
    const bool is_of_relation = !facts.is_null(5);
    const auto parent = is_of_relation ? facts.integer(5) : oid;
    Table rows;
    rows.kind = TableKind::view;  // whose slot column may be null
    for (const Facts& column : parts[is_of_relation ? "column" : "result"][parent])
      add_column(read_column(column, catalogue, parts["enum label"]), rows);
    for (const Facts& domain : parts[is_of_relation ? "domain" : "result domain"][parent])
      describe_domain(domain, parts, rows.columns);
    for (const Facts& comment : parts["comment"][parent]) add_comment(comment, rows);
    function.columns = std::move(rows.columns);
    catalogue.functions[function.name].push_back(std::move(function));
  }
}

}  // namespace

ShardCatalogue decode_catalogue(const TextRows& rows, ForeignKeys foreign_keys) {
  auto parts = by_kind(rows);
  ShardCatalogue catalogue;
  for (const auto& [oid, facts] : parts["database"]) read_database(facts.front(), catalogue);
  for (const auto& [oid, names] : parts["foreign table"])
    catalogue.foreign_tables.insert(names.front().text(1));
  for (const auto& [oid, names] : parts["table"]) {
    Table table;
    table.name = names.front().text(1);
    table.schema = split_map_name(table.name).schema;
    for (const Facts& facts : parts["column"][oid])
      add_column(read_column(facts, catalogue, parts["enum label"]), table);
    for (const Facts& facts : parts["domain"][oid]) describe_domain(facts, parts, table.columns);
    note_citext(parts["citext"][oid], table.columns);
    for (const Facts& facts : parts["unique"][oid]) add_unique(facts, table);
    for (const Facts& facts : parts["foreign key"][oid]) add_foreign_key(facts, foreign_keys, table);
    for (const Facts& facts : parts["comment"][oid]) add_comment(facts, table);
    for (const Facts& facts : parts["computed"][oid]) add_computed(facts, parts, catalogue, table);
    catalogue.tables.emplace(table.name, std::move(table));
  }
  for (const auto& [oid, facts] : parts["view"]) {
    StoredView view;
    view.table.name = facts.front().text(1);
    view.table.schema = split_map_name(view.table.name).schema;
    view.table.kind = facts.front().view(2) == "m" ? TableKind::materialized_view : TableKind::view;
    view.is_populated = facts.front().boolean(3);
    for (const Facts& column : parts["column"][oid])
      add_column(read_column(column, catalogue, parts["enum label"]), view.table);
    for (const Facts& domain : parts["domain"][oid]) describe_domain(domain, parts, view.table.columns);
    for (const Facts& each : parts["computed"][oid]) add_computed(each, parts, catalogue, view.table);
    note_citext(parts["citext"][oid], view.table.columns);
    if (!facts.front().is_null(5)) view.instead = facts.front().text(5);
    for (const Facts& each : parts["view definition"][oid]) {
      view.definition = each.text(1);
      view.is_updatable = !each.is_null(2) && each.boolean(2);
    }
    for (const Facts& each : parts["view reads"][oid]) view.reads.push_back(relation_name(each, 1));
    for (const Facts& each : parts["view function"][oid]) view.functions.push_back(each.text(1));
    view.columns = numbered_columns(parts["view number"][oid]);
    for (const Facts& each : parts["view tree"][oid]) {
      const auto names = definition_names(oid, parts);
      view.query = read_definition(each.view(1), names);
      view.origins = read_origins(each.view(1), names);
    }
    catalogue.views.emplace(view.table.name, std::move(view));
  }
  read_functions(parts, catalogue);
  return catalogue;
}

}  // namespace shardplex
