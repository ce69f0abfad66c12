// What the parameters of a request say of the rows of one node, until the whole tree is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex::grammar {

struct NodeParameters {
  std::vector<std::string> path;  ///< names of embeds from the root down; empty: the root
  std::vector<Filter> filters;
  std::vector<OrderTerm> order;
  std::optional<std::int64_t> limit, offset;
};

/// Gives a node of the tree what was said of it. An embed's name is its alias, or its relation where it
/// has none; where none has the name, the first with a relation of that name is meant
/// (Query::named_by_table). PGRST108 for a path, or an order by an embed, that leads nowhere; PGRST103 for
/// less than no rows.
Result<void> give_to_node(NodeParameters said, Query& query);

}  // namespace shardplex::grammar
