// What order=rel(name) orders by. Pure.
#pragma once

#include "query/error.hpp"
#include "query/grammar/query.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

/// The item of the embed's own table whose value `named`, of an order by the embed, stands for: the member
/// that the embed shows under this name, with the path of `named` added to its own. Like PostgREST, which
/// orders by what the joined subquery puts out, and not by the columns of its table: rel(label:name) can be
/// ordered by label and not by name, rel() by any column.
///
/// 42703 where nothing is shown under the name, 42702 where several members are; SHARD400 for a member that
/// is made of more than the embed's own row, or has nothing inside that a path could lead to.
Result<SelectItem> ordered_item(const ResolvedEmbed& embed, const Field& named);

}  // namespace shardplex
