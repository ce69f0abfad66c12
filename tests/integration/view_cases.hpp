// Views that tell what shards can answer for as one PostgreSQL does, and what they cannot.
#pragma once

#include <string>
#include <vector>

namespace shardplex::integration {

/// A view of the group `catalog` by the key id, over the tables of KindsSite.
struct ViewCase {
  std::string name, sql;
  std::string columns;  ///< that it shows, in an order in which rows that are equal in all are equal
  std::string refused;  ///< what the reason has in it for which it is not served; "" where it is
};

const std::vector<ViewCase>& view_cases();

}  // namespace shardplex::integration
