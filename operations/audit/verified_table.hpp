// A sharded table whose rows are verified, and how its rows are named.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/audit/verify_scope.hpp"
#include "query/catalogue/catalogue.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {

/// The values of a row's primary key, as texts.
using PrimaryKey = std::vector<std::string>;

inline const std::string quoted_slot_column = quote_identifier(slot_column);

/// A sharded table, with what is needed to read it.
struct VerifiedTable {
  const TablePlacement* placement = nullptr;
  const Group* group = nullptr;
  const ListStrategy* list = nullptr;  ///< nullptr under hash
  Table table = {};
  std::vector<KeyType> key_types = {};  ///< of the columns of its key
  std::string name = {};                ///< quoted
  std::string condition = {};           ///< which rows are verified
  bool can_double = false;              ///< the primary key does not decide the slot
};

/// Throws CommandFailed where the table cannot be verified.
VerifiedTable describe(pqxx::transaction_base& transaction, const VerifyScope& scope,
                       const TablePlacement& placement);

/// The columns of its key, in their order.
std::vector<const Column*> columns_of_key(const VerifiedTable& table);
/// A condition on a row: no column of its key is null. "" where none can be.
std::string has_key_sql(const VerifiedTable& table);
/// The value that chooses a row's list, as text; NULL under hash.
std::string list_expression(const VerifiedTable& table);
/// The checksum of the primary key.
std::string key_hash(const VerifiedTable& table);
/// The values of the primary key as texts, as further columns of a query.
std::string key_texts(const VerifiedTable& table);
/// Those columns, from `first` on.
PrimaryKey read_key(const pqxx::row& row, pqxx::row::size_type first);
/// "movies id=42".
std::string name_row(const VerifiedTable& table, const PrimaryKey& key);
/// The condition that finds the row.
std::string key_condition(const VerifiedTable& table, const PrimaryKey& key);

}  // namespace shardplex::operations
