// The tree that a request asks for, with the tables and relations that its names mean. Pure.
#pragma once

#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/catalogue/relations.hpp"
#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

struct ResolvedEmbed;

/// Lifetime: refers to the query, the catalogue and the relations that it was resolved by.
struct ResolvedNode {
  const ReadNode* asked = nullptr;
  const Table* table = nullptr;
  std::vector<ResolvedEmbed> embeds;  ///< as those asked for, in their order

  /// Of the embed that the node's asked->find_embed() or asked->embed_of() gave.
  const ResolvedEmbed& resolved(const Embed& embed) const;
};

struct ResolvedEmbed {
  const Embed* asked = nullptr;
  const Relation* relation = nullptr;  ///< from the parent's table to the node's
  ResolvedNode node;
  const Table* junction = nullptr;  ///< of a relation many to many
};

/// Finds the relation of each embed of the tree, and holds what is asked of embeds to what PostgREST can do:
/// PGRST200 and PGRST201 of find_relation(), and SHARD404 where the table that is meant is refused, or the
/// function (SHARD503 where it is not the same on all shards); SHARD400
/// for a relation to one that leads to a view which may have several rows for it; PGRST118
/// for an order by an embed that is not to one; PGRST120 for a filter on an embed that is not about null,
/// where no column has the name; 42712 for two embeds of one node with one name. Columns are not looked up:
/// who plans the node does. `relations` are the catalogue's.
Result<ResolvedNode> resolve(const Query& query, const Table& table, const Catalogue& catalogue,
                             const Relations& relations);

}  // namespace shardplex
