#include "query/openapi/value_kind.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace shardplex {
namespace {

struct KindRow {
  std::string_view type_name;  // pg_type.typname
  std::string_view type, format;
};

// PostgreSQL's own types whose JSON is no plain string. A timestamp has no offset, as date-time would.
constexpr std::array<KindRow, 15> kind_rows{{
    {"bool", "boolean", ""},
    {"int2", "integer", "int16"},
    {"int4", "integer", "int32"},
    {"int8", "integer", "int64"},
    {"float4", "number", "float"},
    {"float8", "number", "double"},
    {"numeric", "number", ""},
    {"uuid", "string", "uuid"},
    {"date", "string", "date"},
    {"timestamp", "string", "date-time-local"},
    {"timestamptz", "string", "date-time"},
    {"time", "string", "time-local"},
    {"json", "", ""},
    {"jsonb", "", ""},
    {"record", "object", ""},
}};

ValueKind kind_of_built_in(std::string_view name) {
  const auto row = std::ranges::find(kind_rows, name, &KindRow::type_name);
  return row == kind_rows.end() ? ValueKind{"string", "", false, {}}
                                : ValueKind{row->type, row->format, false, {}};
}

/// The n of "character varying(n)" and "character(n)", of their arrays too.
std::optional<std::uint32_t> length_of(std::string_view type) {
  if (!type.starts_with("character varying(") && !type.starts_with("character(")) return std::nullopt;
  const auto digits = type.substr(type.find('(') + 1);
  std::uint32_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  return error == std::errc{} && end != digits.data() + digits.size() && *end == ')' ? std::optional(length)
                                                                                     : std::nullopt;
}

ValueKind kind_of_other(std::string_view name, const Column& column) {
  const bool is_array = name.starts_with('_') && column.type.ends_with("[]");
  if (is_array) name.remove_prefix(1);
  const bool is_text = name == "citext" || (!is_array && !column.enum_labels.empty());
  return {is_text ? "string" : "", "", is_array, std::nullopt};
}

}  // namespace

ValueKind value_kind(const Column& column) {
  // What its function makes of a value is any JSON.
  if (!column.representations.to_json.empty()) return {"", "", false, std::nullopt};
  const bool is_domain = !column.base_type_name.empty();
  std::string_view name = is_domain ? column.base_type_name : column.type_name;
  if ((is_domain ? column.base_type_schema : column.type_schema) != "pg_catalog")
    return kind_of_other(name, column);
  // PostgreSQL names the arrays of its types so, and nothing else.
  const bool is_array = name.starts_with('_');
  if (is_array) name.remove_prefix(1);
  auto kind = kind_of_built_in(name);
  kind.is_array = is_array;
  kind.max_length = length_of(column.type);
  return kind;
}

}  // namespace shardplex
