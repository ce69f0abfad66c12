#include "query/plan/embed_obstacles.hpp"

#include <string>
#include <vector>

#include "query/plan/locality.hpp"
#include "query/plan/table_columns.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

Result<void> require_agreed(const Table& table, const std::string& name) {
  const Column* column = table.find_column(name);
  if (column && !column->conflict.empty()) return conflicting_column(table, *column);
  return {};
}

Result<void> require_agreed(const Table& table, const Table& foreign, const std::vector<ColumnPair>& pairs) {
  for (const auto& pair : pairs) {
    if (auto here = require_agreed(table, pair.column); !here) return here;
    if (auto there = require_agreed(foreign, pair.foreign_column); !there) return there;
  }
  return {};
}

Result<void> require_agreed(const Table& table, const ResolvedEmbed& embed) {
  const Relation& relation = *embed.relation;
  const Table& foreign = *embed.node.table;
  if (!relation.junction) return require_agreed(table, foreign, relation.columns);
  invariant(embed.junction != nullptr, "a relation through a junction was resolved with its table");
  if (auto to_junction = require_agreed(table, *embed.junction, relation.junction->columns); !to_junction)
    return to_junction;
  return require_agreed(foreign, *embed.junction, relation.junction->foreign_columns);
}

}  // namespace

Error not_local(const ResolvedEmbed& embed) {
  const auto& relation = *embed.relation;
  return {"SHARD400", "This request cannot be answered exactly",
          "Rows of " + relation.foreign_table + " that belong to a row of " + relation.table +
              " can be on other shards",
          "Shard both tables by the columns that relate them, in one group, make " + relation.foreign_table +
              " a reference table, or read it with a request of its own.",
          std::nullopt};
}

Result<void> require_local(const ResolvedNode& node, const ShardMap& map) {
  for (const auto& embed : node.embeds) {
    if (!is_local(*embed.relation, map)) return not_local(embed);
    if (auto below = require_local(embed.node, map); !below) return below;
  }
  return {};
}

Result<void> require_agreed(const ResolvedNode& node) {
  for (const auto& embed : node.embeds) {
    if (auto agreed = require_agreed(*node.table, embed); !agreed) return agreed;
    if (auto below = require_agreed(embed.node); !below) return below;
  }
  return {};
}

}  // namespace shardplex
