// A view's definition, from the tree in which PostgreSQL keeps it (pg_rewrite.ev_action).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/view_query.hpp"

namespace shardplex {

/// What numbers in a definition stand for.
struct DefinitionNames {
  struct Relation {
    std::string name;                  ///< as in StoredView::reads
    std::vector<std::string> columns;  ///< that of number n at n - 1
  };
  std::map<std::int64_t, Relation> relations;  ///< by oid
  std::int64_t own = 0;                        ///< the view's oid
  std::set<std::int64_t> equalities;           ///< oids of operators that are the = of a built-in order
};

/// Reads what PostgreSQL 13 to 17 keep. nullopt where it has not all that is looked for: of another version,
/// of a kind of query that is not known, or too deep.
std::optional<ViewQuery> read_definition(std::string_view tree, const DefinitionNames& names);

/// Of each column of the view, by its number from 1 at 0, the column of a table or view that it is,
/// unchanged; nullopt of what is worked out, cast or combined (UNION). None where the tree cannot be read.
std::vector<std::optional<StoredColumn>> read_origins(std::string_view tree, const DefinitionNames& names);

}  // namespace shardplex
