#include "operations/import/left_behind.hpp"

#include <array>
#include <span>

#include "operations/import/foreign_keys.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

// $1: the map's tables; $2 and $3: catalogue and OID of what is brought. What comes and goes with another
// object (deptype i, and e of an extension's; a of a table's sequence) is told with that. The first 16,384
// OIDs are PostgreSQL's own.
constexpr const char* left_sql = R"sql(
WITH mapped AS (SELECT to_regclass(name)::oid AS oid FROM unnest($1::text[]) AS n(name)),
brought AS (SELECT classid, objid FROM unnest($2::oid[], $3::oid[]) AS b(classid, objid)),
object(loss, classid, objid) AS (
  SELECT CASE WHEN relkind IN ('v', 'm') THEN 'views-left-behind' WHEN relkind = 'S' THEN 'sequences-left-behind'
              ELSE 'tables-left-behind' END,
         'pg_class'::regclass::oid, oid
    FROM pg_class WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND relpersistence <> 't' AND NOT relispartition
  UNION ALL SELECT 'functions-left-behind', 'pg_proc'::regclass, oid FROM pg_proc
  UNION ALL SELECT 'types-left-behind', 'pg_type'::regclass, oid FROM pg_type WHERE typcategory <> 'A'
  UNION ALL SELECT 'extensions-left-behind', 'pg_extension'::regclass, oid FROM pg_extension
  UNION ALL SELECT 'triggers-left-behind', 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
  UNION ALL SELECT 'objects-left-behind', 'pg_operator'::regclass, oid FROM pg_operator
  UNION ALL SELECT 'objects-left-behind', 'pg_opclass'::regclass, oid FROM pg_opclass
  UNION ALL SELECT 'objects-left-behind', 'pg_cast'::regclass, oid FROM pg_cast
  UNION ALL SELECT 'objects-left-behind', 'pg_collation'::regclass, oid FROM pg_collation
  UNION ALL SELECT 'objects-left-behind', 'pg_conversion'::regclass, oid FROM pg_conversion
  UNION ALL SELECT 'objects-left-behind', 'pg_ts_config'::regclass, oid FROM pg_ts_config
  UNION ALL SELECT 'objects-left-behind', 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
  UNION ALL SELECT 'objects-left-behind', 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
)
SELECT o.loss, i.type, i.identity
  FROM object o CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
 WHERE o.objid >= 16384
   AND CASE WHEN o.loss = 'tables-left-behind' THEN o.objid NOT IN (SELECT oid FROM mapped WHERE oid IS NOT NULL)
            ELSE (o.classid, o.objid) NOT IN (SELECT classid, objid FROM brought) END
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = o.classid AND d.objid = o.objid
                      AND (d.deptype IN ('i', 'e') OR (d.deptype = 'a' AND o.loss = 'sequences-left-behind')))
   AND coalesce(i.schema, '') !~ '^(pg_|information_schema$|shardplex_import$)'
 ORDER BY i.identity)sql";

constexpr const char* replication_sql = R"sql(
SELECT 'publication ' || quote_ident(pubname) FROM pg_publication WHERE pubname NOT LIKE 'shardplex\_import\_%'
UNION ALL
SELECT 'subscription ' || quote_ident(subname) FROM pg_subscription
 WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND subname NOT LIKE 'shardplex\_import\_%'
UNION ALL
SELECT 'replication slot ' || slot_name FROM pg_replication_slots
 WHERE database = current_database() AND NOT temporary AND slot_name NOT LIKE 'shardplex\_import\_%'
ORDER BY 1)sql";

// $1 the table, $2 the columns that decide the slot of its rows.
constexpr const char* constraints_sql = R"sql(
WITH routing AS (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attname = ANY ($2::text[]))
SELECT CASE WHEN x.indisprimary THEN 'the primary key' ELSE quote_ident(i.relname) END
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
 WHERE x.indrelid = to_regclass($1) AND x.indisunique
   AND EXISTS (SELECT FROM routing WHERE attnum <> ALL ((x.indkey::smallint[])[0:x.indnkeyatts - 1]))
UNION ALL
SELECT quote_ident(k.conname) FROM pg_constraint k
 WHERE k.conrelid = to_regclass($1) AND k.contype = 'x'
   AND EXISTS (SELECT FROM routing
                WHERE NOT EXISTS (SELECT FROM unnest(k.conkey, k.conexclop) AS e(attnum, op) JOIN pg_operator o ON o.oid = e.op
                                   WHERE e.attnum = routing.attnum AND o.oprname = '=')))sql";

std::string table_names(const ShardMap& map) {
  std::vector<std::string> names;
  for (const auto& table : map.tables()) names.push_back(quote_map_name(table.name));
  return array_literal(std::span<const std::string>(names));
}

}  // namespace

std::vector<SchemaObject> read_import_objects(pqxx::transaction_base& source, const ShardMap& map,
                                              const ShardCatalogue& catalogue) {
  std::vector<std::uint32_t> dropped;
  for (const auto& key : read_dropped_foreign_keys(source, map, catalogue)) dropped.push_back(key.oid);
  return read_schema_objects(source, map, dropped);
}

std::vector<LeftObject> read_left_objects(pqxx::transaction_base& source, const ShardMap& map,
                                          const std::vector<SchemaObject>& brought) {
  std::vector<std::string> catalogues, oids;
  for (const auto& object : brought) {
    catalogues.push_back(std::to_string(object.catalogue));
    oids.push_back(std::to_string(object.oid));
  }
  std::vector<LeftObject> left;
  for (const auto& row :
       source.exec_params(left_sql, table_names(map), array_literal(std::span<const std::string>(catalogues)),
                          array_literal(std::span<const std::string>(oids)))) {
    LeftObject object;
    object.loss = parse_loss(row[0].as<std::string>()).value();
    object.object.kind = row[1].as<std::string>();
    object.object.identity = row[2].as<std::string>();
    object.may_be_there = object.loss == LossKind::views || object.loss == LossKind::functions ||
                          object.loss == LossKind::types || object.loss == LossKind::extensions;
    left.push_back(std::move(object));
  }
  return left;
}

std::vector<SchemaObject> missing_left_objects(pqxx::transaction_base& shard,
                                               const std::vector<LeftObject>& left) {
  std::vector<SchemaObject> objects;
  for (const auto& one : left)
    if (one.may_be_there) objects.push_back(one.object);
  return missing_objects(shard, objects);
}

void read_other_losses(pqxx::transaction_base& source, LossList& losses) {
  for (const auto& row : source.exec(replication_sql))
    losses.add(LossKind::replication, row[0].as<std::string>());
  const auto count = source.exec1("SELECT count(*) FROM pg_largeobject_metadata")[0].as<std::uint64_t>();
  if (count > 0) losses.add(LossKind::large_objects, std::to_string(count) + " of them");
}

void read_constraints_per_shard(pqxx::transaction_base& source, const ShardMap& map, LossList& losses) {
  for (const auto& placement : map.tables()) {
    if (placement.reference) continue;
    std::vector<std::string> routing = placement.key.names();
    if (const auto* list = std::get_if<ListStrategy>(&map.group(*placement.group).strategy))
      routing.push_back(list->column);
    for (const auto& row : source.exec_params(constraints_sql, quote_map_name(placement.name),
                                              array_literal(std::span<const std::string>(routing))))
      losses.add(LossKind::unique_per_shard, placement.name + ": " + row[0].as<std::string>());
  }
}

}  // namespace shardplex::operations
