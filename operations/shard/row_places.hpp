// Where rows of a key live according to the map, and why. Asks no server.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard_map/key.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex::operations {

/// Values by column.
using ColumnValues = std::map<std::string, std::string, std::less<>>;

/// Where rows may be, list by list; one entry with an empty list name under hash.
struct ListPlace {
  std::string list;
  SlotSet slots;
};

struct RowPlaces {
  std::vector<ListPlace> places;
  std::vector<std::string> reasons;  ///< whole sentences, in the order of the decision
  std::optional<std::string> hash;   ///< of the key, where one was given
};

/// Where rows with these values of the table's routing columns are; other columns are not looked at. The map
/// does not know the types of the key's columns: without `types`, one for each, the values' look decides.
/// Throws CommandFailed where a value is not of its type. Precondition: the key is there as a whole or, under
/// list, the list's column.
RowPlaces places_of_rows(const Group& group, const TablePlacement& table, const ColumnValues& values,
                         const std::optional<std::vector<KeyType>>& types);

/// The slots of `slots` that the map places on each shard, in the order of the shards; empty sets left out.
std::vector<std::pair<std::string, SlotSet>> by_shard(const ShardMap& map, const Group& group,
                                                      const SlotSet& slots);

}  // namespace shardplex::operations
