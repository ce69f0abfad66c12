// Indexes that requests would be faster with. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "query/advice/table_pattern.hpp"

namespace shardplex {

struct WishedKey {
  std::string column;
  bool descending = false;
  bool nulls_first = false;  ///< meaningful where `is_order`
  bool is_order = false;     ///< it is there for the order of the answer
  bool operator==(const WishedKey&) const = default;
};

struct WishedIndex {
  std::string table;
  std::vector<WishedKey> keys{};
  std::vector<const TablePattern*> patterns{};  ///< those that take the most time first
  /// "movies" ("director", "name" DESC NULLS LAST), to stand behind CREATE INDEX ON.
  std::string on() const;
};

/// For each pattern with `least_calls`, of a table with 10,000 rows and more on a shard: the columns that
/// filters compare with values, and then those of the order where there is a limit, or one that is compared
/// as greater or less. None where an index of all rows begins with a column of the filters (or, without
/// these, of the order), and where the answers are more than a twentieth of the table. Those that another
/// begins with are one with it. Lifetime: refers to `patterns`.
std::vector<WishedIndex> wished_indexes(const std::vector<TablePattern>& patterns,
                                        const AdvisedCluster& cluster);

/// What the planner of a shard says of it, with HypoPG.
struct TriedIndex {
  std::string shard;
  std::string statement;         ///< the pattern whose statement was planned
  double without = 0, with = 0;  ///< total costs, in the planner's units
  std::string problem;           ///< why there are no costs; "" where there are
};

/// Advice to make those that the planner would use, or of which nobody has asked it; `tried`: by index.
/// Precondition: as many of the one as of the other.
Advised advise_wished(const std::vector<WishedIndex>& wished,
                      const std::vector<std::optional<TriedIndex>>& tried, const AdvisedCluster& cluster);

}  // namespace shardplex
