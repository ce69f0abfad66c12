// Unique constraints that PostgreSQL can hold within a shard only, as they do not contain what decides a
// row's shard: a bigserial id in a table that is sharded by another column.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// A sequence as it stands.
struct SequenceState {
  std::string name;  ///< qualified and quoted
  std::int64_t increment = 1;
  std::int64_t next = 1;  ///< the value that it gives next
  std::int64_t most = 0;  ///< it gives none beyond
  bool cycles = false;
  bool operator==(const SequenceState&) const = default;
};

/// Whether two of them may come to give the same value. Pure.
bool may_meet(const SequenceState& one, const SequenceState& other);

/// How values are ordered, by a merge and by the statement that reads them.
enum class ValueOrder : std::uint8_t { by_number, by_bytes };

struct UniqueColumn {
  std::string text_sql;   ///< an expression of type text, the same for equal values
  std::string order_sql;  ///< what rows are sorted by to be in `order`
  ValueOrder order = ValueOrder::by_bytes;
};

/// A unique constraint or unique index.
struct LocalUnique {
  std::string table, name;  ///< as in the map, and unquoted
  std::string shown;        ///< its columns as PostgreSQL writes them: "id", "lower(name), year"
  std::string group;        ///< of the table
  std::vector<UniqueColumn> columns;
  std::string condition;  ///< of a partial index, SQL; "" for none
  bool nulls_are_equal = false;
  /// The one column, of an integer type, where it is one: its name, unquoted.
  std::optional<std::string> number_column;
  bool is_referenced = false;  ///< a foreign key leads to it
  /// A foreign key that led to it before an import, which did not bring that; a sentence, not read from here.
  std::string lost_reference;
  bool helps_to_place = false;            ///< one of its columns is among those that decide a row's slot
  std::optional<SequenceState> sequence;  ///< out of which a column gets its values
  std::string sequence_column;            ///< which column that is, unquoted
};

/// Those of the sharded tables of the map that are there, by table and name.
std::vector<LocalUnique> read_local_uniques(pqxx::transaction_base& transaction, const ShardMap& map);

/// "constraint ratings_pkey (id) of table ratings".
std::string to_string(const LocalUnique& unique);

}  // namespace shardplex::operations
