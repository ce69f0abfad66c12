// What filters say about a key of several columns, of which each alone tells no slot.
#pragma once

#include <cstddef>
#include <span>

#include "query/catalogue/routed_table.hpp"
#include "query/grammar/query.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex {

/// So many keys are tried where the values of the columns are put together; where there are more of them the
/// filters narrow nothing there.
inline constexpr std::size_t most_combinations = 1000;

/// And so many in all the places of one request's filters.
inline constexpr std::size_t most_combinations_in_all = 10 * most_combinations;

/// candidate_slots() of a table whose key has several columns. What `and` says of the columns is put
/// together, also with what is around an `or` that it stands in. Precondition: the group is placed by hash.
SlotSet slots_of_combinations(std::span<const Filter> filters, const RoutedTable& routed);

}  // namespace shardplex
