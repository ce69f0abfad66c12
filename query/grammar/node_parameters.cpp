#include "query/grammar/node_parameters.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "query/grammar/grammar_errors.hpp"
#include "shard_map/contains_name.hpp"

namespace shardplex::grammar {
namespace {

Error negative_limit() {
  return {.code = "PGRST103",
          .message = "Requested range not satisfiable",
          .details = "Limit should be greater than or equal to zero.",
          .hint = std::nullopt,
          .status = std::nullopt};
}

/// nullptr where the node has no such embed.
Embed* embed_named(ReadNode& node, const std::string& name, Query& query) {
  auto found = std::ranges::find(node.embeds, name, &Embed::name);
  if (found != node.embeds.end()) return &*found;
  found = std::ranges::find(node.embeds, name, &Embed::relation);
  if (found == node.embeds.end()) return nullptr;
  if (!contains_name(query.named_by_table, name)) query.named_by_table.push_back(name);
  return &*found;
}

Result<ReadNode*> find_node(const std::vector<std::string>& path, Query& query) {
  ReadNode* node = &query;
  for (const auto& name : path) {
    Embed* embed = embed_named(*node, name, query);
    if (!embed) return not_embedded(name);
    node = &embed->rows;
  }
  return node;
}

/// Gives the rows from the offset on, as many as the limit says, as far as they are not before the first: an
/// offset below zero alone says nothing, and takes its part off a limit.
Result<void> give_paging(const NodeParameters& said, ReadNode& node) {
  const std::int64_t offset = said.offset.value_or(0);
  if (said.offset) node.offset = static_cast<std::uint64_t>(std::max<std::int64_t>(offset, 0));
  if (!said.limit) return {};
  const std::int64_t limit = *said.limit;
  const std::int64_t rows = limit > 0 && offset < 0 ? limit + offset : limit;
  if (rows < 0 || (rows == 0 && limit > 0)) return negative_limit();
  node.limit = static_cast<std::uint64_t>(rows);
  return {};
}

}  // namespace

Result<void> give_to_node(NodeParameters said, Query& query) {
  const auto node = find_node(said.path, query);
  if (!node) return node.error();
  for (const auto& term : said.order)
    if (term.embed && !(*node)->find_embed(*term.embed)) return not_embedded(*term.embed);
  // Two names, an alias and a table's, can mean one node.
  auto& filters = (*node)->filters;
  if (filters.empty()) filters.swap(said.filters);
  std::ranges::move(said.filters, std::back_inserter(filters));
  if ((*node)->order.empty()) (*node)->order = std::move(said.order);
  return give_paging(said, **node);
}

}  // namespace shardplex::grammar
