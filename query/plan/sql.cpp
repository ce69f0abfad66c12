#include "query/plan/sql.hpp"

#include <utility>

#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

/// `text` between double quotes, with a backslash before every quote and backslash.
void append_element(std::string& out, std::string_view element) {
  out += '"';
  for (const char c : element) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

template <class Text>
void append_nullable(std::string& out, const std::optional<Text>& element) {
  if (element)
    append_element(out, *element);
  else
    out += "NULL";
}

template <class Elements, class Append>
std::string array_of(const Elements& elements, Append append) {
  std::string out = "{";
  for (const auto& element : elements) {
    if (out.size() > 1) out += ',';
    append(out, element);
  }
  return out += '}';
}

/// `text` with every character of `special` doubled.
std::string doubled(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += c;
    out += c;
  }
  return out;
}

}  // namespace

Result<std::string> sql_text(std::string sql) {
  return {Result<std::string>::in_place_value, std::move(sql)};
}

void add_item(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : ", ") + item;
}

std::string quote_identifier(std::string_view name) {
  std::string out;
  out.reserve(name.size() + 2);
  append_identifier(out, name);
  return out;
}

void append_identifier(std::string& out, std::string_view name) {
  out += '"';
  if (name.find('"') == std::string_view::npos)
    out += name;
  else
    out += doubled(name, "\"");
  out += '"';
}

std::string quote_map_name(std::string_view map_name) {
  const auto split = split_map_name(map_name);
  return quote_identifier(split.schema) + '.' + quote_identifier(split.name);
}

std::string quote_literal(std::string_view text) {
  // E'' reads a backslash alike under both settings of standard_conforming_strings.
  const bool escaped = text.find('\\') != std::string_view::npos;
  return (escaped ? "E'" : "'") + doubled(text, "'\\") + '\'';
}

std::string array_literal(std::span<const std::optional<std::string_view>> elements) {
  return array_of(elements, append_nullable<std::string_view>);
}

std::string array_literal(std::span<const std::optional<std::string>> elements) {
  return array_of(elements, append_nullable<std::string>);
}

std::string array_literal(std::span<const std::string> elements) {
  return array_of(elements, append_element);
}

std::string_view key_array_type(KeyType type) {
  switch (type) {
    case KeyType::integer:
      return "bigint[]";
    case KeyType::text:
    case KeyType::citext:
    case KeyType::enumeration:
      return "text[]";
    case KeyType::uuid:
      return "uuid[]";
    case KeyType::date:
      return "date[]";
    case KeyType::character:
      return "bpchar[]";
    case KeyType::boolean:
      return "boolean[]";
    case KeyType::numeric:
      return "numeric[]";
  }
  return "";
}

std::string and_also(std::string left, std::string_view right) {
  if (!left.empty() && !right.empty()) left += " AND ";
  return left += right;
}

}  // namespace shardplex
