#include "query/catalogue/catalogue.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "shard_map/invariant.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {

const Column* Table::find_column(std::string_view wanted) const {
  const auto found = std::ranges::find(columns, wanted, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

const ComputedColumn* Table::find_computed(std::string_view wanted) const {
  const auto found = std::ranges::find(
      computed, wanted, [](const ComputedColumn& each) -> const std::string& { return each.column.name; });
  return found == computed.end() ? nullptr : &*found;
}

const ComputedRelation* Table::find_computed_relation(std::string_view wanted) const {
  const auto found = std::ranges::find(computed_relations, wanted, &ComputedRelation::name);
  return found == computed_relations.end() ? nullptr : &*found;
}

const Column* Table::find_readable(std::string_view wanted) const {
  if (const Column* column = find_column(wanted)) return column;
  const ComputedColumn* found = find_computed(wanted);
  return found == nullptr ? nullptr : &found->column;
}

const Table* Catalogue::find(std::string_view table) const {
  const auto found = tables.find(table);
  return found == tables.end() ? nullptr : &found->second;
}

const std::string* Catalogue::not_alike(std::string_view table) const {
  for (const auto* reasons : {&refused, &differing})
    if (const auto found = reasons->find(table); found != reasons->end()) return &found->second;
  return nullptr;
}

Error refused_table(const std::string& table, std::string reason) {
  return {"SHARD404", "Table " + table + " is not served", std::move(reason),
          "Make its definition agree with the shard map and the same on every shard; the router notices.",
          std::nullopt};
}

std::optional<KeyType> key_type(const Column& column) {
  const bool is_domain = !column.base_type_name.empty();
  if (column.is_citext) return KeyType::citext;
  if (!is_domain && column.sort == SortKind::enumeration) return KeyType::enumeration;
  const auto& name = is_domain ? column.base_type_name : column.type_name;
  if ((is_domain ? column.base_type_schema : column.type_schema) != "pg_catalog") return std::nullopt;
  if (name == "int2" || name == "int4" || name == "int8") return KeyType::integer;
  if (name == "text") return KeyType::text;
  if (name == "uuid") return KeyType::uuid;
  if (name == "date") return KeyType::date;
  if (name == "bool") return KeyType::boolean;
  if (is_domain) return std::nullopt;  // of varchar, char and numeric: it does not say its length or scale
  if (name == "numeric") return KeyType::numeric;
  if (name == "varchar") return KeyType::text;
  if (name == "bpchar") return KeyType::character;
  return std::nullopt;
}

std::string_view key_form(KeyType type) {
  switch (type) {
    case KeyType::integer:
      return "integer";
    case KeyType::text:
      return "text";
    case KeyType::uuid:
      return "uuid";
    case KeyType::date:
      return "date";
    case KeyType::character:
      return "character";
    case KeyType::boolean:
      return "boolean";
    case KeyType::numeric:
      return "numeric";
    case KeyType::citext:
      return "citext";
    case KeyType::enumeration:
      return "enum";
  }
  return "";
}

std::string kept_key_form(const Column& key) {
  const auto type = key_type(key);
  invariant(type.has_value(), "only a column of a key type has a form");
  std::string form(key_form(*type));
  const auto comma = key.type.find(','), end = key.type.find(')');
  if (type == KeyType::numeric && comma < end)
    form += " scale " + key.type.substr(comma + 1, end - comma - 1);
  return form;
}

std::string kept_key_form(const Table& table, const KeyNames& key) {
  return joined(
      key.names(), [&](const std::string& name) { return kept_key_form(*table.find_column(name)); }, ",");
}

std::optional<std::vector<KeyType>> types_of_key(const Table& table, const KeyNames& key) {
  std::vector<KeyType> types;
  for (const auto& name : key.names()) {
    const Column* column = table.find_column(name);
    const auto type = column ? key_type(*column) : std::nullopt;
    if (!type) return std::nullopt;
    types.push_back(*type);
  }
  return types;
}

std::string key_form(const std::vector<KeyType>& types) {
  return joined(
      types, [](KeyType type) { return key_form(type); }, ",");
}

std::optional<std::string> key_form_problem(const Table& table, const KeyNames& key,
                                            std::string_view stored) {
  const auto types = types_of_key(table, key);
  if (types && kept_key_form(table, key) == stored) return std::nullopt;
  const bool is_one = key.size() == 1;
  return "the shard key " + joined(key.names()) + " of " + table.name + " is " +
         joined(key.names(), [&](const std::string& name) { return table.find_column(name)->type; }) +
         ", and its rows were placed by keys of the form " + std::string(stored) + ": bring the column" +
         (is_one ? "" : "s") + " back to such " + (is_one ? "a type" : "types") +
         ", or make a new table with the other type" + (is_one ? "" : "s") + " and load it";
}

SortKind sort_kind(std::string_view type_name, bool is_enum) {
  if (is_enum) return SortKind::enumeration;
  static constexpr std::array<std::pair<std::string_view, SortKind>, 20> kinds{{
      {"bool", SortKind::boolean},
      {"int2", SortKind::int2},
      {"int4", SortKind::int4},
      {"int8", SortKind::int8},
      {"oid", SortKind::oid},
      {"float4", SortKind::float4},
      {"float8", SortKind::float8},
      {"numeric", SortKind::numeric},
      {"text", SortKind::text},
      {"varchar", SortKind::text},
      {"name", SortKind::text},
      {"bpchar", SortKind::bpchar},
      {"bytea", SortKind::bytea},
      {"date", SortKind::date},
      {"time", SortKind::time},
      {"timetz", SortKind::timetz},
      {"timestamp", SortKind::timestamp},
      {"timestamptz", SortKind::timestamptz},
      {"interval", SortKind::interval},
      {"uuid", SortKind::uuid},
  }};
  const auto found = std::ranges::find(kinds, type_name, &std::pair<std::string_view, SortKind>::first);
  return found == kinds.end() ? SortKind::none : found->second;
}

bool is_bytewise_collation(std::string_view name) {
  static constexpr std::array<std::string_view, 5> names{"C", "POSIX", "C.UTF-8", "C.utf8", "ucs_basic"};
  return std::ranges::find(names, name) != names.end();
}

bool can_be_listed(const Column& column) {
  const bool is_text =
      column.type_schema == "pg_catalog" && (column.type_name == "text" || column.type_name == "varchar");
  return (is_text || !column.enum_labels.empty()) && column.deterministic_collation;
}

}  // namespace shardplex
