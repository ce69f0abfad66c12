#include "operations/shard/access_rights.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "operations/shard/role_settings.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/map_name.hpp"
#include "shard_schema/map_name_sql.hpp"

namespace shardplex::operations {
namespace {

// $1: the tables of the map; $2: their schemas, and shardplex. Superusers may do everything anyway, and are
// called differently on different servers, so what is theirs is left out. Of the functions, those that
// routers call: others may be in the schema by chance, as it is first in the search path of a role of its
// name. Roles come with those that are their members, as these act by them, and with what their sessions are
// set to. A list of names is taken apart, so that its names are literals: whoever may set it is not the one
// who runs it.
const std::string rights_sql = R"sql(
WITH RECURSIVE named AS (
  SELECT c.oid, c.relname, c.relkind, c.relacl, c.relowner, n.nspname, )sql" +
                               map_name_sql("n.nspname", "c.relname") + R"sql( AS map_name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
), relation AS (
  SELECT oid, relacl, relowner, format('%I.%I', nspname, relname) AS name, 'TABLE' AS kind FROM named
   WHERE (map_name = ANY ($1::text[]) AND relkind IN ('r', 'p')) OR (nspname = 'shardplex' AND relkind = 'r')
  UNION ALL
  SELECT s.oid, s.relacl, s.relowner, format('%I.%I', s.nspname, s.relname), 'SEQUENCE'
    FROM named s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
    JOIN named t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
   WHERE s.relkind = 'S' AND t.map_name = ANY ($1::text[])
), held(kind, object, privilege, grantee, grantable) AS (
  SELECT r.kind, r.name, a.privilege_type, a.grantee, a.is_grantable
    FROM relation r, aclexplode(coalesce(r.relacl, acldefault((CASE r.kind WHEN 'SEQUENCE' THEN 's' ELSE 'r' END)::"char", r.relowner))) a
  UNION ALL
  SELECT r.kind, r.name, format('%s (%I)', a.privilege_type, t.attname), a.grantee, a.is_grantable
    FROM relation r JOIN pg_attribute t ON t.attrelid = r.oid, aclexplode(t.attacl) a WHERE NOT t.attisdropped
  UNION ALL
  SELECT 'SCHEMA', quote_ident(n.nspname), a.privilege_type, a.grantee, a.is_grantable
    FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a WHERE n.nspname = ANY ($2::text[])
  UNION ALL
  SELECT 'FUNCTION', format('shardplex.%I(%s)', p.proname, oidvectortypes(p.proargtypes)), a.privilege_type, a.grantee, a.is_grantable
    FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
   WHERE p.pronamespace = to_regnamespace('shardplex')
     AND p.proname IN ('check_epoch', 'begin_write', 'reserve_ids', 'promise_ids', 'report_router', 'end_overdue_fences', 'note_timeline',
                       'refuse_misplaced_row', 'refuse_row_without_slot', 'decide_write', 'settle_write', 'forget_decisions')
  UNION ALL
  SELECT 'DATABASE', '', a.privilege_type, a.grantee, a.is_grantable
    FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE d.datname = current_database()
), defaults AS (
  SELECT CASE WHEN d.defaclrole <> (SELECT oid FROM pg_roles WHERE rolname = current_user) THEN format(' FOR ROLE %I', o.rolname) ELSE '' END
         || CASE WHEN d.defaclnamespace <> 0 THEN format(' IN SCHEMA %I', n.nspname) ELSE '' END AS whose,
         CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END AS objects,
         d.defaclrole, a.privilege_type AS privilege, a.grantee, a.is_grantable AS grantable
    FROM pg_default_acl d JOIN pg_roles o ON o.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace,
         aclexplode(d.defaclacl) a
   WHERE (d.defaclnamespace = 0 OR n.nspname = ANY ($2::text[]) AND n.nspname <> 'shardplex') AND (NOT o.rolsuper OR o.rolname = current_user)
), needed(oid) AS (
  SELECT grantee FROM held
  UNION SELECT relowner FROM relation
  UNION SELECT grantee FROM defaults
  UNION SELECT defaclrole FROM defaults
  UNION SELECT m.member FROM needed JOIN pg_auth_members m ON m.roleid = needed.oid
), role AS (
  SELECT r.oid, quote_ident(r.rolname) AS name, r.rolname LIKE 'pg\_%' AS predefined,
         concat_ws(' ', CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END, CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
                   CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN rolconnlimit >= 0 THEN 'CONNECTION LIMIT ' || rolconnlimit END) AS attributes,
         coalesce((SELECT ' PASSWORD ' || quote_literal(rolpassword) FROM pg_authid i WHERE i.oid = r.oid), '')
         || coalesce(' VALID UNTIL ' || quote_literal(rolvaliduntil), '') AS password
    FROM pg_roles r WHERE NOT rolsuper
), setting AS (
  SELECT r.name AS role, s.setdatabase <> 0 AS here, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
    FROM pg_db_role_setting s JOIN role r ON r.oid = s.setrole, unnest(s.setconfig) c
   WHERE r.oid IN (SELECT oid FROM needed) AND NOT r.predefined
     AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
), written AS (
  SELECT role, name, CASE WHEN here THEN ' IN DATABASE %database%' ELSE '' END AS whither,
         CASE WHEN name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries')
           THEN coalesce((SELECT string_agg(quote_literal(CASE WHEN m[1] LIKE '"%' THEN replace(substr(m[1], 2, length(m[1]) - 2), '""', '"')
                                                               ELSE m[1] END), ', ' ORDER BY n)
                            FROM regexp_matches(value, '("(?:[^"]|"")*"|[^,[:space:]]+)', 'g') WITH ORDINALITY AS list(m, n)), quote_literal(''))
           ELSE quote_literal(value) END AS list
    FROM setting
), grantee AS (SELECT oid, name FROM role UNION ALL SELECT 0, 'PUBLIC')
SELECT 1 AS place, format('role %s %s', name, attributes) AS what,
       format('CREATE ROLE %s %s%s', name, attributes, password) AS make, '' AS undo, name AS role, '' AS setting, '' AS value
  FROM role JOIN needed USING (oid) WHERE NOT predefined
UNION ALL
SELECT 2, format('membership of %s in %s%s', m.name, r.name, CASE WHEN a.admin_option THEN ' WITH ADMIN OPTION' END),
       format('GRANT %s TO %s%s', r.name, m.name, CASE WHEN a.admin_option THEN ' WITH ADMIN OPTION' END), format('REVOKE %s FROM %s', r.name, m.name), '', '', ''
  FROM pg_auth_members a JOIN role r ON r.oid = a.roleid JOIN role m ON m.oid = a.member
 WHERE m.oid IN (SELECT oid FROM needed) AND (r.predefined OR r.oid IN (SELECT oid FROM needed)) AND NOT m.predefined
UNION ALL
SELECT 3, format('owner %s of %s', o.name, r.name), format('ALTER TABLE %s OWNER TO %s', r.name, o.name),
       format('ALTER TABLE %s OWNER TO CURRENT_USER', r.name), '', '', ''
  FROM relation r JOIN role o ON o.oid = r.relowner WHERE r.kind = 'TABLE'
UNION ALL
SELECT 4, format('%s on %s %s for %s%s', h.privilege, h.kind, coalesce(nullif(h.object, ''), 'itself'), g.name, CASE WHEN h.grantable THEN ', to grant on' END),
       format('GRANT %s ON %s %s TO %s%s', h.privilege, h.kind, coalesce(nullif(h.object, ''), '%database%'), g.name, CASE WHEN h.grantable THEN ' WITH GRANT OPTION' END),
       format('REVOKE %s ON %s %s FROM %s', h.privilege, h.kind, coalesce(nullif(h.object, ''), '%database%'), g.name), '', '', ''
  FROM held h JOIN grantee g ON g.oid = h.grantee
UNION ALL
SELECT 5, format('default privilege%s: %s on %s for %s%s', d.whose, d.privilege, d.objects, g.name, CASE WHEN d.grantable THEN ', to grant on' END),
       format('ALTER DEFAULT PRIVILEGES%s GRANT %s ON %s TO %s%s', d.whose, d.privilege, d.objects, g.name, CASE WHEN d.grantable THEN ' WITH GRANT OPTION' END),
       format('ALTER DEFAULT PRIVILEGES%s REVOKE %s ON %s FROM %s', d.whose, d.privilege, d.objects, g.name), '', '', ''
  FROM defaults d JOIN grantee g ON g.oid = d.grantee
UNION ALL
SELECT 6, format('setting %s of role %s%s', name, role, CASE WHEN whither <> '' THEN ' in this database' END),
       format('ALTER ROLE %s%s SET %I TO %s', role, whither, name, list), format('ALTER ROLE %s%s RESET %I', role, whither, name), '', name, list
  FROM written
 ORDER BY place, what, value)sql";

/// What `one` has and `other` has not, in the order of `one`.
std::vector<const AccessRight*> beyond(const std::vector<AccessRight>& one,
                                       const std::vector<AccessRight>& other) {
  std::set<std::pair<std::string, std::string>> known;
  for (const auto& right : other) known.emplace(right.what, right.value);
  std::vector<const AccessRight*> found;
  for (const auto& right : one)
    if (!known.contains({right.what, right.value})) found.push_back(&right);
  return found;
}

std::string shown(const AccessRight& right) {
  if (right.setting.empty()) return right.what;
  return right.what + (holds_no_secret(right.setting) ? " to " + right.value : " (its value is not shown)");
}

/// Databases may be called differently on the two servers.
std::string in_database(std::string sql, const std::string& database) {
  constexpr std::string_view object = " DATABASE ", placeholder = "%database%";
  const auto at = sql.find(std::string(object).append(placeholder));  // names of roles come later
  return at == std::string::npos ? sql : sql.replace(at + object.size(), placeholder.size(), database);
}

}  // namespace

std::vector<AccessRight> read_access_rights(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::vector<std::string> names;
  std::set<std::string> found{"public", "shardplex"};  // others that have no table need not be on a new shard
  for (const auto& table : map.tables()) {
    names.push_back(table.name);
    found.emplace(split_map_name(table.name).schema);
  }
  const std::vector<std::string> schemas(found.begin(), found.end());
  std::vector<AccessRight> rights;
  for (const auto& row :
       transaction.exec_params(rights_sql, array_literal(std::span<const std::string>(names)),
                               array_literal(std::span<const std::string>(schemas))))
    rights.push_back({row["what"].as<std::string>(), row["make"].as<std::string>(),
                      row["role"].as<std::string>(), row["undo"].as<std::string>(),
                      row["setting"].as<std::string>(), row["value"].as<std::string>()});
  return rights;
}

std::vector<AccessDifference> access_differences(const std::vector<AccessRight>& here,
                                                 const std::vector<AccessRight>& there,
                                                 const std::string& other_shard) {
  std::vector<AccessDifference> differences;
  const auto add = [&](const AccessRight& right, const std::string& has, const std::string& lacks) {
    differences.push_back({has + shown(right) + ", which " + other_shard + lacks, only_tunes(right.setting)});
  };
  const auto set_otherwise = [](const AccessRight& right, const std::vector<AccessRight>& rights) {
    const auto found = std::ranges::find(rights, right.what, &AccessRight::what);
    return right.setting.empty() || found == rights.end() ? nullptr : &*found;
  };
  for (const auto* right : beyond(there, here)) {
    const AccessRight* own = set_otherwise(*right, here);
    if (own == nullptr)
      add(*right, "it lacks ", " has");
    else if (holds_no_secret(right->setting))
      differences.push_back(
          {right->what + " is " + own->value + ", and " + right->value + " on " + other_shard,
           only_tunes(right->setting)});
    else
      differences.push_back({right->what + " is not what it is on " + other_shard + " (values are not shown)",
                             only_tunes(right->setting)});
  }
  for (const auto* right : beyond(here, there))
    if (set_otherwise(*right, there) == nullptr) add(*right, "it has ", " lacks");
  return differences;
}

std::size_t make_access_rights(pqxx::work& transaction, const ShardMap& map,
                               const std::vector<AccessRight>& wanted) {
  // The hash of a password is a secret too. A role is made by a statement of its own: from within a block, an
  // error would tell the statement as its context.
  transaction.exec(
      "SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1; "
      "SET LOCAL log_min_duration_sample = -1; SET LOCAL log_min_error_statement = panic; "
      "SET LOCAL log_duration = off; SET LOCAL pg_stat_statements.track_utility = off");
  const auto database = transaction.exec1("SELECT quote_ident(current_database())")[0].as<std::string>();
  std::size_t changed = 0;
  for (const auto* right : beyond(wanted, read_access_rights(transaction, map))) {
    if (!right->role.empty() &&
        transaction.exec_params1("SELECT to_regrole($1) IS NOT NULL", right->role)[0].as<bool>())
      continue;
    transaction.exec(in_database(right->make, database));
    ++changed;
  }
  // Grants to an owner come and go with the owner, so what is too much is looked for anew.
  const auto now = read_access_rights(transaction, map);
  for (const auto* right : beyond(now, wanted)) {
    if (right->undo.empty()) continue;
    transaction.exec(in_database(right->undo, database));
    ++changed;
  }
  return changed;
}

}  // namespace shardplex::operations
