// A value in PostgreSQL's binary format as a field of CSV: the bytes that it has in a row cast to text, which
// is PostgREST's CSV.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "query/engine/json_value.hpp"

namespace shardplex {

/// How the server has to give a column of the type, `value` being an expression of it. Of types that the
/// router does not write itself, a row of the value alone, as text, which has the field as it stands in any
/// row.
std::string csv_sql(JsonType type, const std::string& value);

/// True where csv_sql() is the value itself, and so its binary format that of its own type.
bool sent_as_it_is_for_csv(JsonType type);

/// True where a result's column of the PostgreSQL type `type_oid` holds what csv_sql() asks for.
bool holds_csv_of(JsonType type, std::uint32_t type_oid);

/// Appends a value that is not null, with quotes where it needs them. False where `bytes` are none of the
/// type, with part of it appended.
bool append_csv(std::string& out, JsonType type, std::string_view bytes);

/// Appends `text` as PostgreSQL writes it into a row: in quotes where it is empty or has a comma, white
/// space, a quote, a backslash or a parenthesis; quotes and backslashes are doubled.
void append_csv_text(std::string& out, std::string_view text);

}  // namespace shardplex
