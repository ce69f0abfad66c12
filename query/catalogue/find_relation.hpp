// Which relation an embed means.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "query/catalogue/relations.hpp"
#include "query/error.hpp"

namespace shardplex {

/// The relation from `table` that select=target!hint(…) follows, as PostgREST finds it.
///
/// The target is a foreign table or view, or the constraint or the only column of a foreign key, which mean a
/// table and no view. With a hint it is a foreign table or view, and the hint a constraint, the only column
/// of a key on either end, or a junction. Of a relation of a table to itself the table's name means the rows
/// that refer to a row, a hint being the column by which they do; the column's name means the row that is
/// referred to.
///
/// A computed relation is found by the name of its function, whatever the hint.
///
/// PGRST200 where there is none, with a hint where a name is nearly right; PGRST201, whose details list the
/// candidates, where there are several. Lifetime: the result is one of `relations`.
Result<const Relation*> find_relation(const Relations& relations, const Table& table, std::string_view target,
                                      const std::optional<std::string>& hint);

}  // namespace shardplex
