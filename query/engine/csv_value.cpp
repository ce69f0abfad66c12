#include "query/engine/csv_value.hpp"

#include <algorithm>
#include <cstddef>

#include "query/engine/type_oids.hpp"

namespace shardplex {
namespace {

constexpr bool must_be_doubled(char c) {
  return c == '"' || c == '\\';
}

/// record_out() quotes a value for the sake of these. White space is that of ASCII: a byte of a longer
/// character is none in UTF-8.
constexpr bool must_be_quoted(char c) {
  return must_be_doubled(c) || c == '(' || c == ')' || c == ',' || c == ' ' || (c >= '\t' && c <= '\r');
}

/// A row of one value as text has the field as it stands in any row, in parentheses.
bool append_only_field(std::string& out, std::string_view row) {
  if (row.size() < 2 || row.front() != '(' || row.back() != ')') return false;
  out += row.substr(1, row.size() - 2);
  return true;
}

bool append_uuid_text(std::string& out, std::string_view bytes) {
  std::string quoted;
  if (!append_json(quoted, {JsonKind::uuid, false}, bytes)) return false;
  out += std::string_view(quoted).substr(1, quoted.size() - 2);
  return true;
}

}  // namespace

bool sent_as_it_is_for_csv(JsonType type) {
  return !type.array && (type.kind == JsonKind::boolean || type.kind == JsonKind::integer ||
                         type.kind == JsonKind::text || type.kind == JsonKind::uuid);
}

std::string csv_sql(JsonType type, const std::string& value) {
  if (sent_as_it_is_for_csv(type)) return value;
  const bool is_number = type.kind == JsonKind::numeric || type.kind == JsonKind::floating;
  return is_number && !type.array ? value + "::text" : "ROW(" + value + ")::text";
}

bool holds_csv_of(JsonType type, std::uint32_t type_oid) {
  return sent_as_it_is_for_csv(type) ? holds_json_of(type, type_oid) : type_oid == text_oid;
}

bool append_csv(std::string& out, JsonType type, std::string_view bytes) {
  if (type.array) return append_only_field(out, bytes);
  switch (type.kind) {
    case JsonKind::boolean:
      if (bytes.size() != 1) return false;
      out += bytes.front() != 0 ? 't' : 'f';
      return true;
    case JsonKind::integer:
      return append_json(out, type, bytes);
    case JsonKind::numeric:
    case JsonKind::floating:
    case JsonKind::text:
      append_csv_text(out, bytes);
      return true;
    case JsonKind::uuid:
      return append_uuid_text(out, bytes);
    case JsonKind::other:
    case JsonKind::json:
    case JsonKind::jsonb:
    case JsonKind::date:
    case JsonKind::timestamp:
    case JsonKind::instant:
      break;
  }
  return append_only_field(out, bytes);
}

void append_csv_text(std::string& out, std::string_view text) {
  if (!text.empty() && std::ranges::none_of(text, must_be_quoted)) {
    out += text;
    return;
  }
  out += '"';
  while (!text.empty()) {
    const auto found = std::ranges::find_if(text, must_be_doubled);
    const auto plain = static_cast<std::size_t>(found - text.begin());
    out += text.substr(0, plain);
    if (plain == text.size()) break;
    out.append(2, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out += '"';
}

}  // namespace shardplex
