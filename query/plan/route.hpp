// Which slots can hold what a request asks for, and which shards own them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "query/error.hpp"
#include "query/grammar/query.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// The slots in which rows matching all `filters` may be; never too few. Equality and `in` on the key (hash),
/// on the list column or spread_by (list) narrow, `and` intersects, `or` unites; everything else, and a key
/// text that canonical_bytes() does not accept, keeps all slots. A key of several columns narrows where all
/// of them are told (slots_of_combinations()). Precondition: not a reference table.
SlotSet candidate_slots(const std::vector<Filter>& filters, const RoutedTable& routed);

enum class RouteKind { one, some, all, any, none };
std::string_view to_string(RouteKind kind);

/// One shard to ask, and the slots of the request it is asked for.
struct Target {
  ShardId shard;
  Epoch epoch;
  bool clean = true;  ///< false: the statement must be limited to owned slots
  SlotSet slots;
};

/// The decision for one request.
struct Route {
  RouteKind kind = RouteKind::none;
  std::vector<Target> targets;  ///< ascending by shard; `none`: empty (no shard can hold a row)
};

/// Why a request cannot be routed now. `retry` says that reading ownership again may cure it.
struct RouteFault {
  enum class Kind { unowned, doubly_owned, shard_unknown, fenced } kind;
  std::string group;
  Slot slot;
  std::string shard;  ///< for shard_unknown and fenced: the shard's name
};

using RouteOrFault = std::variant<Route, RouteFault>;

/// Groups `slots` by owner. A fault in any of the slots is the whole request's fault; for a write a fenced
/// slot is one too.
RouteOrFault place(const SlotSet& slots, GroupId group, const ShardMap& map, const Ownership& ownership,
                   bool is_write);

}  // namespace shardplex
