// Filters that ask whether looked-up embeds have rows: what of them a shard can tell, and what the router.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/engine/row_condition.hpp"
#include "query/error.hpp"
#include "query/plan/expression.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

/// Parts the filters of one node by who decides them. Lifetime: refers to the node and the writer.
class RowConditions {
 public:
  /// `looked_up`: the node's embeds that are looked up, by number. `writer` writes conditions on its rows.
  RowConditions(const ResolvedNode& node, const std::vector<const ResolvedEmbed*>& looked_up,
                ExpressionWriter& writer)
      : node_(node), looked_up_(looked_up), writer_(writer) {}

  /// True where the filter asks for a looked-up embed, so that no shard can decide it.
  bool concerns(const Filter& filter) const;

  /// What keeps a row: the filters that concerns() is true of, and what !inner asks of the looked-up embeds;
  /// nullopt where nothing is asked. Conditions that the row's shard knows are added to `known`, in SQL, and
  /// are numbered from `first_known`.
  Result<std::optional<RowCondition>> keep(const std::vector<Filter>& filters, std::size_t first_known,
                                           std::vector<std::string>& known) const;

 private:
  std::optional<std::size_t> lookup_of(const Filter& filter) const;
  Result<RowCondition> condition(const Filter& filter, std::size_t first_known,
                                 std::vector<std::string>& known) const;

  const ResolvedNode& node_;
  const std::vector<const ResolvedEmbed*>& looked_up_;
  ExpressionWriter& writer_;
};

}  // namespace shardplex
