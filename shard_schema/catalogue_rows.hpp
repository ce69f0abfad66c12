// What a database exposes, as its system catalogue has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "query/catalogue/catalogue.hpp"
#include "shard_schema/text_rows.hpp"

namespace shardplex {

/// The name of the collation that a database `d` of pg_database sorts by.
inline constexpr std::string_view database_collation_sql =
    "CASE d.datlocprovider WHEN 'i' THEN d.daticulocale ELSE d.datcollate END";

/// Tables, views, columns, types, keys, enum labels, collations and functions of the schemas that $1 has as
/// an array, by the names that a shard map has for them. One statement, so one snapshot whatever the
/// transaction around it: a table that is altered meanwhile is seen as it was before or after.
extern const std::string catalogue_sql;

/// One row, one text: another one wherever catalogue_sql gives other rows of the same schemas ($1), for one
/// server and its replicas.
/// It is worked out of the same facts by the server itself, and is some bytes instead of all of them.
extern const std::string catalogue_fingerprint_sql;
std::string decode_fingerprint(const TextRows& rows);

/// Which foreign keys a catalogue has. Those that leave the schemas that were read are nobody's who serves
/// tables (Table::keys_to_other_schemas); who copies tables must know of them, as nothing copies what they
/// lead to.
enum class ForeignKeys : std::uint8_t {
  within,  ///< both ends are in schemas that were read
  all,     ///< a table of another schema is named "schema.table"
};

/// The slot column is left out and noted where it is one; of another type, or nullable, it is a column like
/// any.
ShardCatalogue decode_catalogue(const TextRows& rows, ForeignKeys foreign_keys = ForeignKeys::within);

}  // namespace shardplex
