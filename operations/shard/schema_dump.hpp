// The schema of an import: the map's tables, and the types, sequences, functions and extensions they need,
// brought from the source to the shards by pg_dump, pg_restore and psql.
#pragma once

#include <cstdint>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// An object of the source that is to be on the shards.
struct SchemaObject {
  std::uint32_t catalogue = 0,
                oid = 0;    ///< as a dump's list of contents names it: oid of its catalogue, its own
  std::uint32_t table = 0;  ///< the table it is a part of, and with which it comes and goes; 0: none
  std::string kind;         ///< "table", "type", "function", … as DROP has it
  std::string identity;     ///< quoted and qualified, the same in every database
  std::string owned_by;     ///< of a sequence: the column that it goes with, qualified; empty: none
};

/// The tables of the map with all of their parts, and what they depend on; without these constraints (OIDs).
std::vector<SchemaObject> read_schema_objects(pqxx::transaction_base& source, const ShardMap& map,
                                              const std::vector<std::uint32_t>& without = {});

/// Those that are not part of a table, and are not in this database.
std::vector<SchemaObject> missing_objects(pqxx::transaction_base& shard,
                                          const std::vector<SchemaObject>& objects);

/// A schema-only dump of a whole database, out of which sections and objects are chosen.
class SchemaDump {
 public:
  /// Runs pg_dump. Throws CommandFailed.
  explicit SchemaDump(const std::string& conninfo);

  enum class Section : std::uint8_t { tables, indexes };  ///< before and after the rows

  /// SQL (for psql) that makes these objects and their parts, as far as they belong in the section.
  std::string sql(Section section, const std::vector<SchemaObject>& wanted,
                  const std::vector<SchemaObject>& all) const;

 private:
  std::string archive_;
};

/// The statements that remove these objects.
std::vector<std::string> removal_of(const std::vector<SchemaObject>& objects);

/// Runs SQL by psql, all of it in one transaction. Throws CommandFailed, and then nothing was changed.
void run_script(const std::string& conninfo, const std::string& sql);

/// The major version of pg_dump, such as 15. Throws CommandFailed where pg_dump, pg_restore or psql is
/// missing.
int dump_program_version();

}  // namespace shardplex::operations
