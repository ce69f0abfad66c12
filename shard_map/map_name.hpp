// What the shard map calls tables, views and functions: "movies" is one of the schema public,
// "catalog.movies" one of the schema catalog.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shardplex {

/// The schema of what the map calls by its name alone.
inline constexpr std::string_view plain_schema = "public";

/// Lifetime: refers to the text that was split.
struct SplitMapName {
  std::string_view schema, name;
};

/// "catalog.movies" → catalog and movies; "movies" → public and movies. What no map can call anything, as
/// it has more dots, is a name of public.
SplitMapName split_map_name(std::string_view map_name);

/// What the map calls `name` of `schema`.
std::string make_map_name(std::string_view schema, std::string_view name);

/// Why nothing of this schema can be in a map, as a sentence's end; nullopt where it can be.
std::optional<std::string> schema_problem(std::string_view schema);

/// Why a map cannot call anything so, as a sentence's end; nullopt where it can. Precondition of the others.
std::optional<std::string> map_name_problem(std::string_view map_name);

}  // namespace shardplex
