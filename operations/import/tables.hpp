// The tables of an import, as the unsharded source has them, and where the map puts their rows.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// What decides the slot of a sharded table's row; indexes are of ImportTable::columns.
struct ImportSharding {
  const Group* group = nullptr;
  std::vector<std::size_t> key;     ///< the columns of the shard key, in its order
  std::vector<KeyType> key_types;   ///< of each
  std::optional<std::size_t> list;  ///< under the list strategy
};

/// The values of a row's shard key, column by column; nullopt is null.
using ImportKey = std::vector<std::optional<std::string>>;

struct ImportTable {
  std::string name;                        ///< as in the map
  std::vector<std::string> columns;        ///< all that are stored as given, in the source's order
  std::vector<std::string> generated;      ///< GENERATED ALWAYS AS … STORED: computed by the shards
  std::vector<std::size_t> primary_key;    ///< indexes of columns; never empty
  std::vector<std::string> key_types;      ///< of the primary key's columns, as SQL
  std::optional<ImportSharding> sharding;  ///< nullopt: a reference table, all of it on every shard
  std::vector<bool> never_updated;         ///< by column: GENERATED ALWAYS AS IDENTITY on the shards
  char identity = 'd';                     ///< pg_class.relreplident of the source
  std::string identity_index;              ///< its name, where identity is 'i'
  double estimated_rows = 0;

  /// True where a change of a row must tell all of its old row: its primary key does not tell its slot, or
  /// changes are not identified by the primary key.
  bool needs_full_identity() const;
};

/// Who gives a column its values on the shards, where a row comes without.
enum class GivenBy : std::uint8_t {
  routers,         ///< ids of their own
  first_sequence,  ///< the sequence of the first shard, which routers ask
  each_shard,      ///< its own sequence, so values come again on another shard
  nobody,          ///< the row has to bring it
};

/// A column of the source that takes its values from a sequence (identity columns do), or one that decides
/// the shard and has another default.
struct CountedColumn {
  std::string table, column;
  std::string value;  ///< the default's SQL; of an identity column ""
  bool has_sequence = false;
  GivenBy by = GivenBy::each_shard;
};

/// What of the source is to be imported.
struct ImportSource {
  ShardCatalogue catalogue;  ///< of the map's tables; as they will be on the shards
  std::vector<CountedColumn> counted;
  std::vector<std::string>
      problems;  ///< tables that are not there, that logical decoding cannot follow, and the like
};

/// Reads the tables of the map. A column that decides the shard loses its sequence on the way, where routers
/// do not ask the first shard for its next value: shards that count each for themselves would give ids twice.
ImportSource read_import_source(pqxx::transaction_base& source, const ShardMap& map);

/// Precondition: combine() has found nothing wrong with the source's catalogue, and read_import_source() no
/// problems.
std::vector<ImportTable> read_import_tables(pqxx::transaction_base& source, const ShardMap& map);

struct ImportPlace {
  Slot slot;
  ShardId shard;
};

/// Where the row with this key and list value (ignored under hash; nullopt is null) is to be. Throws
/// CommandFailed where it has none: a column of its key is null, or no key.
ImportPlace place_of(const ImportTable& table, const ImportKey& key,
                     std::optional<std::string_view> list_value);

/// "public"."movies", quoted for SQL.
std::string qualified_name(const ImportTable& table);

/// What to tell of a table whose columns are not those that the import began with.
std::string altered_table(const ImportTable& table);

}  // namespace shardplex::operations
