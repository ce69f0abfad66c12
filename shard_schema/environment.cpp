#include "shard_schema/environment.hpp"

#include <algorithm>
#include <iterator>

#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/catalogue_rows.hpp"
#include "shard_schema/map_name_sql.hpp"

namespace shardplex {
namespace {

/// The settings as rows of the statement.
std::string settings_sql() {
  std::string sql;
  for (const auto& setting : agreed_settings)
    sql += "  UNION ALL SELECT 'setting', " + quote_literal(setting.name) + ", " +
           std::string(setting.own_sql) + ", 0::oid, 0::oid\n";
  return sql;
}

}  // namespace

// Objects below 16384 are PostgreSQL's own. initdb makes the collations that the system has, under names that
// can mean something else elsewhere, so those count. The members of an extension are as its version has them.
const std::string environment_sql =
    R"sql(
WITH RECURSIVE root AS (
  SELECT oid, relname FROM (SELECT c.oid, )sql" +
    map_name_sql("s.nspname", "c.relname") +
    R"sql( AS relname FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
                             WHERE c.relkind IN ('r', 'p')) AS called
   WHERE relname = ANY ($1::text[])
), hidden(oid) AS (
  SELECT oid FROM pg_namespace WHERE nspname IN ('shardplex', 'shardplex_import', 'information_schema') OR nspname LIKE 'pg\_%'
), own_function AS (
  SELECT p.oid, p.proname, p.prokind, p.prosrc, l.lanname
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
   WHERE p.oid >= 16384 AND p.pronamespace NOT IN (SELECT oid FROM hidden)
), own_relation AS (
  SELECT c.oid, c.relname, c.relkind FROM pg_class c
   WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relnamespace NOT IN (SELECT oid FROM hidden)
     AND c.oid NOT IN (SELECT oid FROM root)
), named (name, classid, objid) AS (
  SELECT lower(proname), 'pg_proc'::regclass::oid, oid FROM own_function
  UNION ALL
  SELECT lower(relname), 'pg_class'::regclass::oid, oid FROM own_relation
), said (objid, name) AS (
  SELECT DISTINCT f.oid, w FROM own_function f, regexp_split_to_table(lower(f.prosrc), '[^[:alnum:]_$]+') w
   WHERE f.lanname NOT IN ('c', 'internal')
), edge (classid, objid, refclassid, refobjid, by_name) AS MATERIALIZED (
  SELECT d.classid, d.objid, d.refclassid, d.refobjid, false FROM pg_depend d
   WHERE d.refobjid >= 16384 OR d.refclassid = 'pg_collation'::regclass
  UNION ALL
  SELECT 'pg_type'::regclass, k.contypid, 'pg_constraint'::regclass, k.oid, false FROM pg_constraint k WHERE k.contypid <> 0
  UNION ALL
  SELECT 'pg_proc'::regclass, s.objid, n.classid, n.objid, true FROM said s JOIN named n USING (name) WHERE s.objid <> n.objid
), needed (root, classid, objid, by_name) AS (
  SELECT root.oid, part.classid::oid, part.objid, false
    FROM root CROSS JOIN LATERAL (
      SELECT 'pg_class'::regclass, root.oid
      UNION ALL SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d WHERE d.adrelid = root.oid
      UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k WHERE k.conrelid = root.oid
      UNION ALL SELECT 'pg_class'::regclass, x.indexrelid FROM pg_index x WHERE x.indrelid = root.oid
      UNION ALL SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t WHERE t.tgrelid = root.oid AND NOT t.tgisinternal
      UNION ALL SELECT 'pg_policy'::regclass, y.oid FROM pg_policy y WHERE y.polrelid = root.oid
      UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r WHERE r.ev_class = root.oid) AS part(classid, objid)
  UNION
  SELECT n.root, e.refclassid, e.refobjid, n.by_name OR e.by_name
    FROM needed n JOIN edge e ON e.classid = n.classid AND e.objid = n.objid
   WHERE NOT (e.refclassid = 'pg_class'::regclass AND e.refobjid IN (SELECT oid FROM root))
), used AS (
  SELECT n.classid, n.objid, string_agg(DISTINCT root.relname, E'\n' ORDER BY root.relname) AS tables, bool_and(n.by_name) AS by_name
    FROM needed n JOIN root ON root.oid = n.root GROUP BY n.classid, n.objid
), part (kind, name, definition, classid, objid) AS (
  SELECT 'database', f.name, f.value, 0::oid, 0::oid
    FROM pg_database d CROSS JOIN LATERAL (VALUES
      ('encoding', pg_encoding_to_char(d.encoding)::text),
      ('collation provider', CASE d.datlocprovider WHEN 'i' THEN 'icu' ELSE 'libc' END),
      ('collation', )sql" +
    std::string(database_collation_sql) +
    R"sql(),
      ('character type (LC_CTYPE)', d.datctype::text),
      ('collation version', pg_database_collation_actual_version(d.oid)),
      ('PostgreSQL version', (current_setting('server_version_num')::int / 10000)::text)) AS f(name, value)
   WHERE d.datname = current_database() AND f.value IS NOT NULL
  UNION ALL
  SELECT 'stale collation', 'of the database', d.datcollversion || ' and is now ' || pg_database_collation_actual_version(d.oid), 0, 0
    FROM pg_database d WHERE d.datname = current_database() AND d.datcollversion <> pg_database_collation_actual_version(d.oid)
)sql" +
    settings_sql() + R"sql(
  UNION ALL
  SELECT 'extension', quote_ident(extname), extversion, 'pg_extension'::regclass::oid, oid FROM pg_extension WHERE oid >= 16384
  UNION ALL
  SELECT 'type', format_type(t.oid, NULL),
         CASE t.typtype
           WHEN 'e' THEN 'ENUM (' || (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                                        FROM pg_enum WHERE enumtypid = t.oid) || ')'
           WHEN 'c' THEN '(' || (SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
                                   FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped) || ')'
           WHEN 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN 'NOT NULL' END,
                                   'DEFAULT ' || t.typdefault,
                                   (SELECT string_agg(pg_get_constraintdef(oid), ' ' ORDER BY pg_get_constraintdef(oid))
                                      FROM pg_constraint WHERE contypid = t.oid))
           WHEN 'r' THEN 'RANGE OF ' || (SELECT format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = t.oid)
           ELSE 'BASE TYPE' END, 'pg_type'::regclass, t.oid
    FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
   WHERE t.oid >= 16384 AND t.typcategory <> 'A' AND coalesce(c.relkind, 'c') = 'c' AND t.typnamespace NOT IN (SELECT oid FROM hidden)
  UNION ALL
  SELECT 'function', oid::regprocedure::text, md5(pg_get_functiondef(oid)), 'pg_proc'::regclass, oid
    FROM own_function WHERE prokind <> 'a'
  UNION ALL
  SELECT CASE WHEN relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, oid::regclass::text,
         CASE WHEN relkind IN ('v', 'm') THEN md5(pg_get_viewdef(oid))
              ELSE '(' || (SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
                             FROM pg_attribute WHERE attrelid = r.oid AND attnum > 0 AND NOT attisdropped) || ')' END,
         'pg_class'::regclass, oid
    FROM own_relation r
  UNION ALL
  SELECT 'collation', oid::regcollation::text,
         concat_ws(' ', CASE collprovider WHEN 'i' THEN 'icu' ELSE 'libc' END,
                   quote_literal(CASE collprovider WHEN 'i' THEN colliculocale ELSE collcollate END),
                   CASE WHEN collcollate <> collctype THEN 'LC_CTYPE ' || quote_literal(collctype) END,
                   CASE WHEN NOT collisdeterministic THEN 'not deterministic' END), 'pg_collation'::regclass, oid
    FROM pg_collation
  UNION ALL
  SELECT 'collation version', oid::regcollation::text, pg_collation_actual_version(oid), 'pg_collation'::regclass, oid
    FROM pg_collation WHERE oid IN (SELECT objid FROM used WHERE classid = 'pg_collation'::regclass)
  UNION ALL
  SELECT 'stale collation', oid::regcollation::text, collversion || ' and is now ' || pg_collation_actual_version(oid), 'pg_collation'::regclass, oid
    FROM pg_collation
   WHERE oid IN (SELECT objid FROM used WHERE classid = 'pg_collation'::regclass) AND collversion <> pg_collation_actual_version(oid)
  UNION ALL
  SELECT 'text search configuration', g.oid::regconfig::text,
         (SELECT string_agg(m.maptokentype || ' ' || m.mapdict::regdictionary, ', ' ORDER BY m.maptokentype, m.mapseqno)
            FROM pg_ts_config_map m WHERE m.mapcfg = g.oid), 'pg_ts_config'::regclass, g.oid
    FROM pg_ts_config g WHERE g.oid >= 16384
)
SELECT part.kind, part.name, coalesce(part.definition, ''), coalesce(used.tables, ''), coalesce(used.by_name, false)::text
  FROM part LEFT JOIN used ON used.classid = part.classid AND used.objid = part.objid
 WHERE part.definition IS NOT NULL
   AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = part.classid AND e.objid = part.objid AND e.deptype = 'e'))sql";

namespace {

using Finding = EnvironmentFinding;
using Findings = std::vector<Finding>;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

ShardEnvironment decode_environment(const TextRows& rows) {
  ShardEnvironment environment;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::string kind = rows.text(row, 0), name = rows.text(row, 1), definition = rows.text(row, 2);
    const auto setting = std::ranges::find(agreed_settings, name, &AgreedSetting::name);
    if (kind == "database")
      environment.database[name] = definition;
    else if (kind != "setting")
      environment.parts[{kind, name}] = {definition, lines_of(rows.view(row, 3)), rows.boolean(row, 4)};
    else if (setting != agreed_settings.end())
      environment.settings[static_cast<std::size_t>(setting - agreed_settings.begin())] = definition;
  }
  return environment;
}

namespace {

// ---- The database as a whole.

std::string value_of(const ShardEnvironment& environment, const std::string& what) {
  const auto found = environment.database.find(what);
  return found == environment.database.end() ? "" : found->second;
}

/// How a database is made that is as `there`.
std::string make_database(const ShardEnvironment& there) {
  const bool icu = value_of(there, "collation provider") == "icu";
  const std::string locale = value_of(there, "collation");
  return "; neither can be changed in a database, so make it anew: CREATE DATABASE … TEMPLATE template0 "
         "ENCODING " +
         quote_literal(value_of(there, "encoding")) +
         (icu ? " LOCALE_PROVIDER icu ICU_LOCALE " + quote_literal(locale)
              : " LC_COLLATE " + quote_literal(locale)) +
         " LC_CTYPE " + quote_literal(value_of(there, "character type (LC_CTYPE)"));
}

void compare_databases(const ShardEnvironment& here, const ShardEnvironment& there, const std::string& other,
                       Findings& findings) {
  bool same = true;
  for (const std::string what :
       {"encoding", "collation provider", "collation", "character type (LC_CTYPE)"}) {
    const std::string one = value_of(here, what), two = value_of(there, what);
    if (one == two) continue;
    findings.push_back({Finding::Effect::differs,
                        "its " + what + " is " + one + ", and that of " + other + " is " + two +
                            (same ? make_database(there) : ""),
                        {}});
    same = false;
  }
  const std::string major = "PostgreSQL version";
  if (value_of(here, major) != value_of(there, major))
    findings.push_back({Finding::Effect::may_differ,
                        "it is PostgreSQL " + value_of(here, major) + ", and " + other + " is PostgreSQL " +
                            value_of(there, major) + "; what changed between them is answered by shard",
                        {}});
  const std::string version = "collation version";
  if (same && value_of(here, version) != value_of(there, version))
    findings.push_back({Finding::Effect::may_differ,
                        "the version of its collation " + value_of(here, "collation") + " is " +
                            value_of(here, version) + ", and on " + other + " it is " +
                            value_of(there, version) +
                            "; texts may compare otherwise on the two, so have their servers use the same "
                            "libc or ICU, or collate texts by \"C\"",
                        {}});
}

void compare_settings(const ShardEnvironment& here, const ShardEnvironment& there, const std::string& other,
                      Findings& findings) {
  for (std::size_t i = 0; i < here.settings.size(); ++i)
    if (here.settings[i] != there.settings[i])
      findings.push_back(
          {Finding::Effect::differs,
           std::string(agreed_settings[i].name) + " is " + here.settings[i] + ", and on " + other +
               " it is " + there.settings[i] +
               "; make it the same for this role and for that of the routers (ALTER ROLE or ALTER DATABASE … "
               "SET)",
           {}});
}

// ---- Objects.

using Name = std::pair<std::string, std::string>;  // kind, name

const EnvironmentPart* part_of(const ShardEnvironment& environment, const Name& name) {
  const auto found = environment.parts.find(name);
  return found == environment.parts.end() ? nullptr : &found->second;
}

/// Where only their hash is known, definitions are not shown.
bool is_shown(const std::string& kind) {
  return kind != "function" && kind != "view";
}

std::string remedy(const Name& name, const EnvironmentPart& there, bool is_here) {
  if (name.first == "extension")
    return is_here ? "; ALTER EXTENSION " + name.second + " UPDATE TO " + quote_literal(there.definition)
                   : "; CREATE EXTENSION " + name.second + " VERSION " + quote_literal(there.definition);
  if (name.first == "function") return "; make it as pg_get_functiondef shows it there";
  if (name.first == "view") return "; make it as pg_get_viewdef shows it there";
  return "";
}

std::string users_of(const std::vector<std::string>& tables) {
  return (tables.size() == 1 ? "table " : "tables ") + joined(tables) +
         (tables.size() == 1 ? " uses it" : " use it");
}

void compare_part(const Name& name, const EnvironmentPart* here, const EnvironmentPart* there,
                  const std::string& other, Findings& findings) {
  const auto& tables = here && !here->tables.empty() ? here->tables : there->tables;
  const std::string what = name.first + " " + name.second;
  if (name.first == "collation version") {
    // A library that has no versions, or sorts by bytes.
    if (here && there)
      findings.push_back({Finding::Effect::may_differ,
                          "the version of its collation " + name.second + " is " + here->definition +
                              ", and on " + other + " it is " + there->definition + "; " + users_of(tables) +
                              ", and texts may compare otherwise on the two, so have their servers use the "
                              "same libc or ICU",
                          tables});
    return;
  }
  std::string text;
  if (!here)
    text = "it lacks the " + what + (is_shown(name.first) ? " " + there->definition : "") + ", which " +
           other + " has; " + users_of(tables);
  else if (!is_shown(name.first))
    text = "the " + what + " is not as on " + other + "; " + users_of(tables);
  else
    text = "the " + what + " is " + here->definition + ", and on " + other + " it is " + there->definition +
           "; " + users_of(tables);
  findings.push_back({Finding::Effect::differs, text + remedy(name, *there, here != nullptr), tables});
}

}  // namespace

std::vector<EnvironmentFinding> object_differences(const ShardEnvironment& here,
                                                   const ShardEnvironment& there, std::string_view other) {
  Findings findings;
  const auto is_used = [](const EnvironmentPart* part) { return part && !part->tables.empty(); };
  const auto is_made = [](const ShardEnvironment& environment, const EnvironmentPart& elsewhere) {
    return environment.to_be_made && !elsewhere.named_only;
  };
  for (const auto& [name, part] : there.parts) {
    const EnvironmentPart* at = part_of(here, name);
    if (name.first == "stale collation" || (!is_used(at) && !is_used(&part))) continue;
    if (at ? at->definition == part.definition : is_made(here, part)) continue;
    compare_part(name, at, &part, std::string(other), findings);
  }
  for (const auto& [name, part] : here.parts)
    if (is_used(&part) && !part_of(there, name) && !is_made(there, part) && name.first != "stale collation" &&
        name.first != "collation version")
      findings.push_back({Finding::Effect::differs,
                          "it has the " + name.first + " " + name.second + ", which " + std::string(other) +
                              " lacks; " + users_of(part.tables),
                          part.tables});
  return findings;
}

std::vector<EnvironmentFinding> environment_differences(const ShardEnvironment& here,
                                                        const ShardEnvironment& there,
                                                        std::string_view other) {
  Findings findings;
  compare_databases(here, there, std::string(other), findings);
  compare_settings(here, there, std::string(other), findings);
  std::ranges::move(object_differences(here, there, other), std::back_inserter(findings));
  return findings;
}

std::vector<EnvironmentFinding> environment_faults(const ShardEnvironment& here) {
  Findings findings;
  for (const auto& [name, part] : here.parts)
    if (name.first == "stale collation")
      findings.push_back({Finding::Effect::may_differ,
                          "the collation " + name.second + " was of version " + part.definition +
                              ": indexes of texts may be in an order that no longer holds, so that rows are "
                              "not found; REINDEX DATABASE, then ALTER " +
                              (part.tables.empty() ? "DATABASE … " : "COLLATION " + name.second + " ") +
                              "REFRESH COLLATION VERSION",
                          part.tables});
  return findings;
}

std::vector<EnvironmentFinding> tables_left_behind(const ShardEnvironment& here) {
  Findings findings;
  for (const auto& [name, part] : here.parts)
    if (name.first == "table" && !part.tables.empty() && part.named_only)
      findings.push_back({Finding::Effect::may_differ,
                          "table " + name.second + " is not in the map, and a function that table" +
                              (part.tables.size() == 1 ? " " : "s ") + joined(part.tables) +
                              (part.tables.size() == 1 ? " uses" : " use") +
                              " names it: each shard has rows of its own there, and no move takes them along",
                          part.tables});
  return findings;
}

}  // namespace shardplex
