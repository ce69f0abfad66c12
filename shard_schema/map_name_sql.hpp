// What the shard map calls a thing of the database, as an expression of SQL.
#pragma once

#include <string>
#include <string_view>

namespace shardplex {

/// make_map_name() of two expressions of type name, as text that sorts by bytes. A name with a dot, or of a
/// schema with one, comes out as no map can have it: as the quoted parts, with two dots or more.
inline std::string map_name_sql(std::string_view schema, std::string_view name) {
  const std::string s(schema), n(name);
  return "(CASE WHEN strpos(" + s + "::text || " + n + "::text, '.') > 0 THEN quote_ident(" + s +
         "::text) || '.' || quote_ident(" + n + "::text) WHEN " + s + "::text = 'public' THEN " + n +
         "::text ELSE " + s + "::text || '.' || " + n + "::text END COLLATE \"C\")";
}

/// quote_map_name() of an expression of type text.
inline std::string quoted_map_name_sql(std::string_view map_name) {
  const std::string n(map_name);
  return "(CASE WHEN " + n + " ~ '^[^.]+[.][^.]+$' THEN quote_ident(split_part(" + n +
         ", '.', 1)) || '.' || quote_ident(split_part(" + n + ", '.', 2)) ELSE 'public.' || quote_ident(" +
         n + ") END)";
}

}  // namespace shardplex
