// All rows that a cluster holds, and whether they are those it held before. Pure, but for read_stock().
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/consistency/recorded_load.hpp"

namespace shardplex::chaos {

struct StoredRow {
  std::string row;    ///< "movies 17", "ratings 17 4"
  std::string value;  ///< of the columns that the load changes
  std::string shard;
  std::string load;  ///< which load's it is: "recorded-1000000000000-"; "" none's
};

/// Every row in a slot that its shard owns, of every shard.
std::vector<StoredRow> read_stock(const std::vector<integration::Primary>& primaries);

/// A sentence for each row that is twice, and for each row that was there before and is not, or with another
/// value, or that was not there before. Rows of `running`, the load that has run meanwhile, may come, go and
/// change: its own history judges them; but not be twice.
std::vector<std::string> lost_or_doubled(const std::vector<StoredRow>& before,
                                         const std::vector<StoredRow>& now, const std::string& running);

}  // namespace shardplex::chaos
