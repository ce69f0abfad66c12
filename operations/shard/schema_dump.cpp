#include "operations/shard/schema_dump.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "operations/process/failure.hpp"
#include "operations/process/program.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "server_address/server_address.hpp"

namespace shardplex::operations {
namespace {

// Parts of the tables, then all that the tables and their parts depend on (PostgreSQL 15, chapter 53.18,
// pg_depend). Members of extensions come with their extension; array types and the row types of tables with
// the types and tables they are of.
constexpr const char* objects_sql = R"sql(
WITH RECURSIVE tables AS (SELECT unnest($1::regclass[])::oid AS oid),
parts (classid, objid, part_of) AS (
  SELECT 'pg_class'::regclass::oid, oid, 0::oid FROM tables
  UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, d.adrelid FROM pg_attrdef d WHERE d.adrelid IN (SELECT oid FROM tables)
  UNION ALL SELECT 'pg_constraint'::regclass, k.oid, k.conrelid FROM pg_constraint k
             WHERE k.conrelid IN (SELECT oid FROM tables) AND k.oid <> ALL ($2::oid[])
  UNION ALL SELECT 'pg_class'::regclass, x.indexrelid, x.indrelid FROM pg_index x WHERE x.indrelid IN (SELECT oid FROM tables)
  UNION ALL SELECT 'pg_trigger'::regclass, t.oid, t.tgrelid FROM pg_trigger t
             WHERE t.tgrelid IN (SELECT oid FROM tables) AND NOT t.tgisinternal AND t.tgname NOT LIKE 'shardplex%'
  UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid, s.stxrelid FROM pg_statistic_ext s WHERE s.stxrelid IN (SELECT oid FROM tables)
  UNION ALL SELECT d.classid, d.objid, d.refobjid FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'
             WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
               AND d.refobjid IN (SELECT oid FROM tables)),
needed (classid, objid) AS (
  SELECT classid, objid FROM parts
  UNION SELECT d.refclassid, d.refobjid FROM needed n JOIN pg_depend d ON d.classid = n.classid AND d.objid = n.objid
         WHERE d.refobjid >= 16384)
SELECT n.classid, n.objid, coalesce(p.part_of, 0) AS part_of, i.type, i.identity,
       coalesce((SELECT (pg_identify_object(d.refclassid, d.refobjid, 0)).identity || '.' || quote_ident(a.attname)
                   FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                  WHERE c.relkind = 'S' AND d.classid = n.classid AND d.objid = n.objid AND d.deptype = 'a'
                    AND d.refclassid = 'pg_class'::regclass), '') AS owned_by
  FROM needed n LEFT JOIN parts p ON p.classid = n.classid AND p.objid = n.objid
  CROSS JOIN LATERAL pg_identify_object(n.classid, n.objid, 0) i
  LEFT JOIN pg_class c ON n.classid = 'pg_class'::regclass AND c.oid = n.objid
  LEFT JOIN pg_type t ON n.classid = 'pg_type'::regclass AND t.oid = n.objid
  LEFT JOIN pg_class r ON r.oid = t.typrelid
 WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = n.classid AND e.objid = n.objid AND e.deptype = 'e')
   AND (c.relkind IS NULL OR c.relkind IN ('r', 'S', 'i'))
   AND (t.oid IS NULL OR (t.typcategory <> 'A' AND coalesce(r.relkind, 'c') = 'c'))
 ORDER BY i.type <> 'table', n.classid, n.objid)sql";

constexpr const char* missing_sql = R"sql(
SELECT n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS o(kind, identity, n)
 WHERE CASE WHEN kind IN ('table', 'sequence', 'view', 'materialized view') THEN to_regclass(identity) IS NULL
            WHEN kind = 'type' THEN to_regtype(identity) IS NULL
            WHEN kind IN ('function', 'procedure', 'aggregate') THEN to_regprocedure(identity) IS NULL
            WHEN kind = 'schema' THEN to_regnamespace(identity) IS NULL
            WHEN kind = 'collation' THEN to_regcollation(identity) IS NULL
            WHEN kind = 'extension' THEN NOT EXISTS (SELECT FROM pg_extension WHERE quote_ident(extname) = identity)
            ELSE true END
 ORDER BY n)sql";

/// A file in the folder for temporary ones, gone when this goes.
class ListFile {
 public:
  explicit ListFile(std::string_view text) {
    const int descriptor = mkstemp(path_.data());
    if (descriptor < 0) throw CommandFailed("no temporary file can be made in /tmp");
    const bool written = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    close(descriptor);
    if (!written) throw CommandFailed(path_ + " cannot be written");
  }
  ~ListFile() { unlink(path_.c_str()); }
  ListFile(const ListFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/shardplex-import-XXXXXX";
};

/// A program's argument that says where to connect, and the password apart from it: other users see
/// arguments.
struct ConnectionArgument {
  std::string text;
  MoreEnvironment environment;

  explicit ConnectionArgument(const std::string& conninfo) : text("--dbname=" + without_password(conninfo)) {
    const auto parameters = connection_options(conninfo);
    if (!parameters) return;
    if (const auto password = parameters->find("password"); password != parameters->end())
      environment.emplace_back("PGPASSWORD", password->second);
  }
};

/// "217; 1259 16502 TABLE public m owner": the catalogue and the object.
std::pair<std::uint32_t, std::uint32_t> object_of(const std::string& entry) {
  std::istringstream text(entry);
  std::uint32_t number = 0, catalogue = 0, object = 0;
  char semicolon = 0;
  text >> number >> semicolon >> catalogue >> object;
  return {catalogue, object};
}

/// The objects, and the parts of those that are tables.
std::vector<SchemaObject> with_parts(const std::vector<SchemaObject>& wanted,
                                     const std::vector<SchemaObject>& all) {
  std::vector<SchemaObject> result = wanted;
  std::ranges::copy_if(all, std::back_inserter(result), [&](const SchemaObject& part) {
    return part.table != 0 && std::ranges::any_of(wanted, [&](const SchemaObject& object) {
             return object.kind == "table" && object.oid == part.table;
           });
  });
  return result;
}

}  // namespace

std::vector<SchemaObject> read_schema_objects(pqxx::transaction_base& source, const ShardMap& map,
                                              const std::vector<std::uint32_t>& without) {
  std::vector<std::string> names, unwanted;
  for (const auto oid : without) unwanted.push_back(std::to_string(oid));
  for (const auto& table : map.tables()) names.push_back(quote_map_name(table.name));
  std::vector<SchemaObject> objects;
  for (const auto& row : source.exec_params(objects_sql, array_literal(std::span<const std::string>(names)),
                                            array_literal(std::span<const std::string>(unwanted))))
    objects.push_back({row["classid"].as<std::uint32_t>(), row["objid"].as<std::uint32_t>(),
                       row["part_of"].as<std::uint32_t>(), row["type"].as<std::string>(),
                       row["identity"].as<std::string>(), row["owned_by"].as<std::string>()});
  return objects;
}

std::vector<SchemaObject> missing_objects(pqxx::transaction_base& shard,
                                          const std::vector<SchemaObject>& objects) {
  std::vector<SchemaObject> whole;
  std::ranges::copy_if(objects, std::back_inserter(whole),
                       [](const SchemaObject& o) { return o.table == 0; });
  std::vector<std::string> kinds, identities;
  for (const auto& object : whole) {
    kinds.push_back(object.kind);
    identities.push_back(object.identity);
  }
  std::vector<SchemaObject> missing;
  for (const auto& row : shard.exec_params(missing_sql, array_literal(std::span<const std::string>(kinds)),
                                           array_literal(std::span<const std::string>(identities))))
    missing.push_back(whole[row[0].as<std::size_t>() - 1]);
  return missing;
}

SchemaDump::SchemaDump(const std::string& conninfo) {
  const ConnectionArgument where(conninfo);
  archive_ = output_of({"pg_dump", "--format=custom", "--schema-only", "--no-owner", "--no-privileges",
                        "--no-comments", "--no-publications", "--no-subscriptions", "--no-security-labels",
                        "--no-tablespaces", "--lock-wait-timeout=60s", "--no-password", where.text},
                       {}, where.environment);
}

std::string SchemaDump::sql(Section section, const std::vector<SchemaObject>& wanted,
                            const std::vector<SchemaObject>& all) const {
  std::set<std::pair<std::uint32_t, std::uint32_t>> chosen;
  const auto is_wanted = [&](std::uint32_t table) {
    return std::ranges::any_of(wanted,
                               [&](const SchemaObject& o) { return o.kind == "table" && o.oid == table; });
  };
  for (const auto& object : wanted) chosen.emplace(object.catalogue, object.oid);
  for (const auto& object : all)
    if (object.table != 0 && is_wanted(object.table)) chosen.emplace(object.catalogue, object.oid);
  std::istringstream contents(output_of({"pg_restore", "--list"}, archive_));
  std::string list;
  for (std::string entry; std::getline(contents, entry);)
    if (!entry.starts_with(';') && chosen.contains(object_of(entry))) list += entry + '\n';
  if (list.empty()) return {};
  const ListFile file(list);
  std::string text =
      output_of({"pg_restore", "--no-owner", "--no-privileges", "--no-comments", "--no-tablespaces",
                 section == Section::tables ? "--section=pre-data" : "--section=post-data",
                 "--use-list=" + file.path(), "--file=-"},
                archive_);
  // A dump's list of contents does not say by number whom a sequence belongs to.
  if (section == Section::tables)
    for (const auto& object : with_parts(wanted, all))
      if (!object.owned_by.empty())
        text += "ALTER SEQUENCE " + object.identity + " OWNED BY " + object.owned_by + ";\n";
  return text;
}

// What the import has not made cannot depend on what it has, unless somebody has added it since; then it
// cannot stay either.
std::vector<std::string> removal_of(const std::vector<SchemaObject>& objects) {
  std::vector<std::string> statements;
  for (const auto& object : objects)
    statements.push_back("DROP " + object.kind + " IF EXISTS " + object.identity + " CASCADE");
  return statements;
}

void run_script(const std::string& conninfo, const std::string& sql) {
  const ConnectionArgument where(conninfo);
  output_of({"psql", "--no-psqlrc", "--quiet", "--no-password", "--single-transaction",
             "--set=ON_ERROR_STOP=1", "--output=/dev/null", where.text, "--file=-"},
            sql, where.environment);
}

int dump_program_version() {
  for (const char* program : {"pg_restore", "psql"}) output_of({program, "--version"});
  const std::string text = output_of({"pg_dump", "--version"});
  const auto digits = text.find_first_of("0123456789");
  int version = 0;
  if (digits != std::string::npos) std::from_chars(text.data() + digits, text.data() + text.size(), version);
  return version;
}

}  // namespace shardplex::operations
