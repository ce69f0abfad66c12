// What the rows of a node have beside their own columns: embeds, and what is hidden from the client.
#pragma once

#include <string>
#include <vector>

#include "query/error.hpp"
#include "query/plan/embed_writer.hpp"
#include "query/plan/lookup.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

/// Adds it to a plan that has the row's columns. The calls come in the order of their declarations. Lifetime:
/// refers to all that it is given.
class MemberPlanner {
 public:
  /// `looked_up`: the node's embeds that are looked up, as read.lookups. `json_already`:
  /// Selection::json_already of the plan's row.
  MemberPlanner(const ResolvedNode& tree, const std::vector<const ResolvedEmbed*>& looked_up,
                const std::vector<bool>& json_already, NodeRead& read);

  /// The keys by which the rows of the looked-up embeds are found.
  Result<void> add_keys();

  /// The members that embeds add, in their order. Those that a shard makes are made of the rows of the page
  /// alone, whose columns they need are handed out to them; those that are looked up get room.
  Result<void> add_embeds(EmbedWriter& embeds);

  /// Conditions that the row's shard knows.
  void add_conditions(const std::vector<std::string>& conditions);

 private:
  Result<void> leave_room(const ResolvedEmbed& embed, std::size_t number);
  std::string next_related() const;
  void add_related(const std::string& inner, const std::string& outer);

  const ResolvedNode& tree_;
  const std::vector<const ResolvedEmbed*>& looked_up_;
  NodeRead& read_;
  ReadPlan& plan_;
};

}  // namespace shardplex
