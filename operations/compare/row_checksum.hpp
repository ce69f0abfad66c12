// A 64-bit checksum of a row, computed by PostgreSQL, that differs wherever the row looks different: 1.0 is
// not 1.00 and -0 is not 0, though PostgreSQL calls them equal. Servers can be compared by it.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/shard/moved_table.hpp"

namespace shardplex::operations {

struct HashedColumn {
  std::string name;
  std::string type;  ///< as format_type() writes it
};

/// The table's columns with the generated ones behind, in the order of `table`: both servers have to be asked
/// in the same.
std::vector<HashedColumn> read_hashed_columns(pqxx::transaction_base& transaction, const MovedTable& table);

/// An SQL expression of type bigint over the columns of the row in scope. Null is told from every value. Not
/// yet fit for bit_xor() over rows: mixed() makes it so. Precondition: at least one column.
std::string row_hash(const std::vector<HashedColumn>& columns);

/// `hash`, an expression that is cheap to repeat, hashed once more. The checksum of a row is made of those of
/// its values by exclusive or; if rows were added up likewise, two that swap a value would look the same.
std::string mixed(const std::string& hash);

/// Settings under which equal values have equal texts, whatever the two servers, their databases and users
/// prefer; and a fixed search_path, so names have to be qualified.
void make_comparable(pqxx::connection& connection);

}  // namespace shardplex::operations
