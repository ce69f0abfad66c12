// A value in PostgreSQL's binary format as JSON text: the bytes that to_json() gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace shardplex {

/// How a result's column becomes JSON text.
enum class JsonKind : std::uint8_t {
  other,  ///< the server writes its JSON, by to_json()
  json,   ///< it is its own JSON text
  jsonb,
  boolean,
  integer,  ///< int2, int4 or int8, by its length
  numeric,
  floating,  ///< float4 or float8, by its length
  text,      ///< text, varchar, char(n)
  uuid,
  date,
  timestamp,  ///< without time zone
  instant,    ///< with time zone, in UTC
};

struct JsonType {
  JsonKind kind = JsonKind::other;
  bool array = false;  ///< of values of the kind, in any number of dimensions
  bool operator==(const JsonType&) const = default;
};

/// How a column of this type is to be read: of pg_type.typname "int8", "_text" in pg_catalog; of a domain,
/// that of what it is made of, as which its values are sent. JsonKind::other for all types that the router
/// does not write itself; among them is timestamptz, which is shown in the session's time zone, unless that
/// is known to be UTC.
JsonType json_type(std::string_view type_schema, std::string_view type_name, bool in_utc = false);

/// How the server has to give such a column, `value` being an expression of its type.
std::string json_sql(JsonType type, const std::string& value);

/// True where json_sql() is the value itself, and so its binary format that of its own type.
bool sent_as_it_is(JsonType type);

/// True where a result's column of the PostgreSQL type `type_oid` holds values that can be read so.
bool holds_json_of(JsonType type, std::uint32_t type_oid);

/// A bound on a text, which has none.
inline constexpr std::size_t any_length = std::numeric_limits<std::size_t>::max();

/// Appends a value that is not null. False where `bytes` are no value of the type, with part of it appended.
/// So it is where the elements of an array make `out` longer than `most`: ten bytes of a numeric can stand
/// for 131,072 digits.
bool append_json(std::string& out, JsonType type, std::string_view bytes, std::size_t most = any_length);

/// Appends `text` in quotes, escaped as PostgreSQL does.
void append_json_string(std::string& out, std::string_view text);

}  // namespace shardplex
