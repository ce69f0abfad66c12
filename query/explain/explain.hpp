// What a read would do, without doing it. Pure.
#pragma once

#include <boost/json/object.hpp>

#include "query/engine/row_format.hpp"
#include "query/plan/routed_plan.hpp"
#include "shard_map/ownership.hpp"

namespace shardplex {

/// A read and its plan. Lifetime: refers to all of them.
struct PlannedRead {
  const Query& query;
  const RoutedTable& routed;
  const RoutedPlan& plan;
  RowFormat format = RowFormat::json;
};

/// The read as the owners of now would be asked:
///   table;
///   route: {kind, why, slots, slot_count, group, shards: [{shard, slots, epoch, owned_rows_only}], fault},
///   where a
///     reference table has any number of shards of which one is asked, and no slots;
///   statements: [{does, shards, sql, parameters: [{name, type, is}]}], those that are equal on several
///   shards
///     once;
///   operators: the tree of what is done with the rows, its leaves scans;
///   hints: what would make it cheaper, in sentences.
/// Of parameters it has the types and never the values. Where a slot has no owner, `fault` says so and there
/// are no shards and no statements. Errors: what the read is refused with once it is known which shards it
/// asks.
Result<boost::json::object> explain(const PlannedRead& read, const Ownership& ownership);

}  // namespace shardplex
