#include "shard_map/map_name.hpp"

#include <algorithm>
#include <array>

#include "shard_map/yaml_reader.hpp"

namespace shardplex {

SplitMapName split_map_name(std::string_view map_name) {
  const auto dot = map_name.find('.');
  if (dot == std::string_view::npos || dot != map_name.rfind('.')) return {plain_schema, map_name};
  return {map_name.substr(0, dot), map_name.substr(dot + 1)};
}

std::string make_map_name(std::string_view schema, std::string_view name) {
  if (schema == plain_schema) return std::string(name);
  return std::string(schema).append(1, '.').append(name);
}

std::optional<std::string> schema_problem(std::string_view schema) {
  static constexpr std::array<std::string_view, 3> reserved{"information_schema", "shardplex",
                                                            "shardplex_import"};
  if (!is_name(schema)) return std::string(name_rule);
  if (schema == "$user")
    return "$user stands for another schema in a search_path, whether it is quoted or not";
  if (schema.find_first_of(".\"") != std::string_view::npos)
    return "the name of a schema that is served has no dot and no double quote";
  if (schema.starts_with("pg_") || std::ranges::find(reserved, schema) != reserved.end())
    return "nothing of the schema " + std::string(schema) + " is served; it is not the database's owner's";
  return std::nullopt;
}

std::optional<std::string> map_name_problem(std::string_view map_name) {
  const auto dots = std::ranges::count(map_name, '.');
  if (dots == 0) return is_name(map_name) ? std::nullopt : std::optional(std::string(name_rule));
  if (dots > 1) return "a name has at most one dot, between a schema and what is in it";
  const auto dot = map_name.find('.');
  const auto schema = map_name.substr(0, dot), name = map_name.substr(dot + 1);
  if (!is_name(schema) || !is_name(name)) return std::string(name_rule) + "; so does that of its schema";
  if (schema == plain_schema)
    return "what is in the schema public is called by its name alone; leave \"public.\" out";
  if (name.find('"') != std::string_view::npos) return "a name behind that of its schema has no double quote";
  return schema_problem(schema);
}

}  // namespace shardplex
