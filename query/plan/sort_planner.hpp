// An order of which some terms are values of rows on other shards.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "query/engine/sorted_page.hpp"
#include "query/error.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/lookup.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

/// What the node's order is by in the one row that its embed is to, in the order of its terms. Errors: those
/// of ordered_item().
Result<std::vector<SelectItem>> ordered_items(const ResolvedNode& node, const ResolvedEmbed& embed);

/// Gathers the keys of an order, term by term. Lifetime: refers to the read, whose lookups are planned, and
/// have the values of ordered_items() among their keys.
class SortPlanner {
 public:
  explicit SortPlanner(const NodeRead& read) : read_(read), used_(read.lookups.size()) {}

  /// The keys that the scan has got since the last call.
  void add_own();
  /// The next of the values that the lookup has for the order.
  void add_looked_up(std::size_t lookup, const OrderTerm& term);

  /// nullopt where no value is looked up: the order is then that of the shards.
  std::optional<SortPlan> plan() const;

 private:
  struct Key {
    MergeKey key;
    std::optional<std::size_t> lookup;
    std::size_t number;  // of the scan's keys, or of the lookup's values
  };
  const NodeRead& read_;
  std::vector<Key> keys_;
  std::size_t own_ = 0;            // keys of the scan
  std::vector<std::size_t> used_;  // values of each lookup
};

}  // namespace shardplex
