#include "query/resolve/read_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "query/catalogue/computed_relations.hpp"
#include "query/catalogue/find_relation.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

std::string in_quotes(const std::string& text) {
  return '\'' + text + '\'';
}

Error order_not_to_one(const Table& table, const Embed& embed) {
  return {.code = "PGRST118",
          .message = "A related order on " + in_quotes(embed.name()) + " is not possible",
          .details = in_quotes(table.name) + " and " + in_quotes(embed.name()) +
                     " do not form a many-to-one or one-to-one relationship",
          .hint = std::nullopt,
          .status = std::nullopt};
}

Error filter_not_null(const std::string& embed) {
  return {.code = "PGRST120",
          .message = "Bad operator on the " + in_quotes(embed) + " embedded resource",
          .details = "Only is null or not is null filters are allowed on embedded resources",
          .hint = std::nullopt,
          .status = std::nullopt};
}

/// In PostgreSQL's words: PostgREST joins an embed under a name made of these.
Error same_name(const Table& table, const Embed& embed, std::size_t depth) {
  return {.code = "42712",
          .message = "table name \"" + table.name + '_' + embed.name() + '_' + std::to_string(depth) +
                     "\" specified more than once",
          .details = std::nullopt,
          .hint = "Give one of the embeds an alias, such as other:" + embed.relation + "(…)",
          .status = std::nullopt};
}

/// PostgREST shows the row that it is in once for each of them.
Error several_instead_of_one(const Relation& relation) {
  const std::string view = in_quotes(relation.foreign_table);
  return {.code = "SHARD400",
          .message = "This request cannot be answered exactly",
          .details = "By " + relation.constraint + " a row of " + in_quotes(relation.table) +
                     " has one row of a table that " + view +
                     " is a view of, and the view may have several rows for that one",
          .hint = "Embed the table itself, or let the view join to it only what is found by a unique key.",
          .status = std::nullopt};
}

Result<void> check_order(const ResolvedNode& node) {
  for (const auto& term : node.asked->order) {
    if (!term.embed) continue;
    const Embed* embed = node.asked->find_embed(*term.embed);
    invariant(embed != nullptr, "the grammar lets no order by an embed pass that is not there");
    if (!node.resolved(*embed).relation->is_to_one()) return order_not_to_one(*node.table, *embed);
  }
  return {};
}

Result<void> check_filter(const Filter& filter, const ResolvedNode& node) {
  if (const auto* logic = std::get_if<std::shared_ptr<const Logic>>(&filter.node)) {
    for (const auto& child : (*logic)->children)
      if (auto checked = check_filter(child, node); !checked) return checked;
    return {};
  }
  const auto& condition = std::get<Condition>(filter.node);
  const std::string& name = condition.field.column;
  const bool on_embed = node.asked->find_embed(name) && !node.asked->embed_of(condition);
  if (on_embed && !node.table->find_readable(name)) return filter_not_null(name);
  return {};
}

Result<void> check_names(const ResolvedNode& node, std::size_t depth) {
  std::set<std::string_view> names;
  for (const auto& embed : node.asked->embeds)
    if (!names.insert(embed.name()).second) return same_name(*node.table, embed, depth + 1);
  return {};
}

class Resolver {
 public:
  Resolver(const Catalogue& catalogue, const Relations& relations)
      : catalogue_(catalogue), relations_(relations) {}

  /// `depth` is 0 at the root. The grammar bounds it.
  Result<ResolvedNode> node(const ReadNode& asked, const Table& table, std::size_t depth) const {
    ResolvedNode node{&asked, &table, {}};
    node.embeds.reserve(asked.embeds.size());
    for (const auto& embed : asked.embeds) {
      if (auto refusal = refused_computed(table, embed)) return *std::move(refusal);
      const auto relation = find_relation(relations_, table, embed.relation, embed.hint);
      if (!relation) return unless_refused(table, embed, relation.error());
      if ((*relation)->is_to_one() && (*relation)->foreign_end.has_several)
        return several_instead_of_one(**relation);
      const Table* foreign = catalogue_.find((*relation)->foreign_table);
      invariant(foreign != nullptr, "relations are made of the tables of their catalogue");
      auto below = this->node(embed.rows, *foreign, depth + 1);
      if (!below) return below.error();
      node.embeds.push_back({&embed, *relation, std::move(*below), junction_of(**relation)});
    }
    if (auto checked = check_names(node, depth); !checked) return checked.error();
    if (auto checked = check_order(node); !checked) return checked.error();
    for (const auto& filter : asked.filters)
      if (auto checked = check_filter(filter, node); !checked) return checked.error();
    return node;
  }

 private:
  /// A function of the name is what is meant, also where it is not served.
  std::optional<Error> refused_computed(const Table& table, const Embed& embed) const {
    const ComputedRelation* computed = table.find_computed_relation(embed.relation);
    if (computed == nullptr) return std::nullopt;
    if (!computed->is_served()) return refused_computed_relation(table, *computed);
    if (catalogue_.find(computed->foreign_table)) return std::nullopt;
    const auto refused = catalogue_.refused.find(computed->foreign_table);
    return refused_table(computed->foreign_table,
                         refused == catalogue_.refused.end() ? "it is not served" : refused->second);
  }

  /// No relation leads to a table that is not served for now, which a client is not to take for none at all.
  Error unless_refused(const Table& table, const Embed& embed, const Error& error) const {
    if (error.code != "PGRST200") return error;
    std::vector<std::string_view> meant{embed.relation};
    for (const auto& key : table.foreign_keys)
      if (key.name == embed.relation || key.columns == std::vector{embed.relation})
        meant.push_back(key.foreign_table);
    for (const auto& name : meant)
      if (const auto refused = catalogue_.refused.find(name); refused != catalogue_.refused.end())
        return refused_table(refused->first, refused->second);
    return error;
  }

  const Table* junction_of(const Relation& relation) const {
    return relation.junction ? catalogue_.find(relation.junction->table) : nullptr;
  }

  const Catalogue& catalogue_;
  const Relations& relations_;
};

}  // namespace

const ResolvedEmbed& ResolvedNode::resolved(const Embed& embed) const {
  const auto found = std::ranges::find(embeds, &embed, &ResolvedEmbed::asked);
  invariant(found != embeds.end(), "the embed is one that the node asked for");
  return *found;
}

Result<ResolvedNode> resolve(const Query& query, const Table& table, const Catalogue& catalogue,
                             const Relations& relations) {
  return Resolver(catalogue, relations).node(query, table, 0);
}

}  // namespace shardplex
