// A request's shape, read again as the request that it is the shape of. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "query/catalogue/catalogue.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// What a pattern of a read, a change or a deletion asks for. Values are '?', and limits 1.
struct ShapeRequest {
  std::string method;   ///< "GET"
  std::string schema;   ///< that it names; "" for the routers' first
  bool is_row = false;  ///< /table/{key}
  Query query;          ///< `table` by its name alone
};

/// nullopt for calls of functions, inserts, what was refused before it was understood, shapes that were cut,
/// and what this version cannot read. `shape`: of append_shape().
std::optional<ShapeRequest> read_shape(std::string_view shape);

/// The path and query, such as "/movies?director=eq.x&limit=20", of a read of the shape whose values are of
/// the types of the table's columns, so that a router can plan it. nullopt where such a value is not known:
/// for nested filters, rows by key, paging by cursor, and odd types. Precondition: read_shape() reads it.
std::optional<std::string> sample_target(std::string_view shape, const Table& table);

}  // namespace shardplex
