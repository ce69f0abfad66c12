#include "query/explain/explain.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "query/explain/explained_route.hpp"
#include "query/explain/explained_statement.hpp"
#include "query/explain/operator_tree.hpp"
#include "query/explain/read_hints.hpp"
#include "query/plan/group_states.hpp"

namespace shardplex {
namespace {

namespace json = boost::json;

constexpr std::string_view any_shard = "any";

/// The shards that are asked, and how each is; one without a target is any shard, of a reference table.
struct AskedShards {
  std::vector<std::string> names;
  std::vector<ReadPlan::ForShard> parts;
};

std::vector<std::string> names_of(const std::vector<Target>& targets, const ShardMap& map) {
  std::vector<std::string> names;
  for (const auto& target : targets) names.push_back(map.shard(target.shard).name);
  return names;
}

void add_rows(const RowsRead& read, const AskedShards& asked, ExplainedStatements& statements) {
  const bool shares_groups = read.scan.states && asked.parts.size() > 1;
  for (std::size_t i = 0; i < asked.parts.size(); ++i) {
    const auto& part = asked.parts[i];
    if (read.bound && !read.scan.states)
      statements.add("counts the rows, for --max-rows", asked.names[i],
                     read.scan.count_up_to(part, read.bound->too_many), part.epoch.has_value());
  }
  for (std::size_t i = 0; i < asked.parts.size(); ++i) {
    const auto& part = asked.parts[i];
    if (shares_groups)
      statements.add("reads its part of each group", asked.names[i], partial_groups(read.scan, part),
                     part.epoch.has_value());
    else
      statements.add("reads rows", asked.names[i], read.scan.statement(part), part.epoch.has_value());
  }
  if (shares_groups)
    statements.add("makes the groups of all parts", std::string(any_shard),
                   finished_groups(read.scan, std::vector<std::string>(read.scan.states->count), 0), false);
}

constexpr std::string_view shards_of_keys = "those of the keys";

/// How one of the shards of a lookup is asked, whichever it is.
ReadPlan::ForShard part_of(const Lookup& lookup) {
  return lookup.place ? ReadPlan::ForShard{Epoch{0}, false, false, nullptr, std::nullopt} : for_reference();
}

void add_keys_first(const RowsRead& read, ExplainedStatements& statements) {
  if (!read.keys_first) return;
  const auto& lookup = read.lookups[*read.keys_first];
  statements.add("finds keys first, so that rows of these alone are read where they are few",
                 std::string(lookup.place ? "those of the embed" : any_shard),
                 lookup.keys_statement(part_of(lookup)), lookup.place.has_value());
}

/// Each lookup as one of its shards would be asked: which ones are, the keys tell.
void add_lookups(const std::vector<Lookup>& lookups, ExplainedStatements& statements) {
  for (const auto& lookup : lookups) {
    if (lookup.junction) add_lookups({*lookup.junction}, statements);
    const std::string shards(lookup.place ? shards_of_keys : any_shard);
    // Groups that cannot be merged are refused where they would need it: there are no parts to tell of.
    if (lookup.shares_groups() && !lookup.rows.scan.not_mergeable) {
      const auto& scan = lookup.rows.scan;
      statements.add("looks up its part of each group, by the keys of the rows", shards,
                     lookup.partial_statement(part_of(lookup), LookupKeys({}), {}), true);
      statements.add("makes the groups of all parts", std::string(any_shard),
                     finished_groups(scan, std::vector<std::string>(scan.states->count), 0), false);
    } else {
      statements.add("looks rows up by their keys", shards,
                     lookup.statement(part_of(lookup), LookupKeys({}), {}), lookup.place.has_value());
    }
    add_lookups(lookup.rows.lookups, statements);
  }
}

Result<json::object> explain_point(const PlannedRead& read, const PointRead& point,
                                   const RouteOrFault& outcome) {
  const auto shape = plan_point(read.query.select, read.routed, read.format);
  if (!shape) return shape.error();
  std::optional<SlotSet> slots;
  if (point.place) {
    slots = SlotSet::none(read.routed.group()->slot_count);
    slots->insert(point.place->slot);
  }
  ExplainedStatements statements;
  json::object operators;
  const auto add = [&](const std::string& shard, bool has_epoch, bool only_owned) {
    Statement statement{only_owned ? shape->only_owned_sql : shape->sql, {}};
    statement.params.resize(has_epoch ? 2 : 1);
    statements.add("reads the row by its key, together with others that are asked for at the time", shard,
                   statement, has_epoch);
    operators = scan_node(read.routed.table().name, shard, shape->row);
  };
  if (!point.place) add(std::string(any_shard), false, false);
  if (const auto* route = std::get_if<Route>(&outcome); point.place && route)
    for (const auto& target : route->targets)
      add(read.routed.map().shard(target.shard).name, true, !target.clean);
  return json::object{{"table", read.routed.table().name},
                      {"route", explained_route(read.query.filters, read.routed, slots, outcome)},
                      {"statements", statements.to_json()},
                      {"operators", std::move(operators)},
                      {"hints", json::array()}};
}

Result<json::object> explain_rows(const PlannedRead& planned, const RowsRead& read,
                                  const RouteOrFault& outcome) {
  std::vector<Target> targets;  // to whose slots their parts point
  AskedShards asked;
  const auto* route = std::get_if<Route>(&outcome);
  if (!read.where) {
    asked = {{std::string(any_shard)}, {for_reference()}};
  } else if (route) {
    // Where no row can be, one shard says whether the request itself is right.
    const bool any_will_do = route->targets.empty();
    if (any_will_do)
      targets.push_back({ShardId{0}, Epoch{0}, true, read.where->slots});
    else
      targets = route->targets;
    auto parts = share_out(read, targets, read.share);
    if (!parts) return parts.error();
    auto names = any_will_do ? std::vector{std::string(any_shard)} : names_of(targets, planned.routed.map());
    asked = {std::move(names), std::move(*parts)};
  }
  ExplainedStatements statements;
  if (!asked.names.empty()) add_keys_first(read, statements);
  add_rows(read, asked, statements);
  if (!asked.names.empty()) add_lookups(read.lookups, statements);
  const auto hints = read_hints(read, planned.query, planned.routed, asked.names.size());
  std::optional<SlotSet> slots;
  if (read.where) slots = read.where->slots;
  return json::object{{"table", planned.routed.table().name},
                      {"route", explained_route(planned.query.filters, planned.routed, slots, outcome)},
                      {"statements", statements.to_json()},
                      {"operators", operator_tree(read, planned.query, planned.routed, asked.names)},
                      {"hints", json::array(hints.begin(), hints.end())}};
}

/// Where the candidates are; a reference table has no route of its own.
RouteOrFault outcome_of(const PlannedRead& read, const Ownership& ownership) {
  const auto& map = read.routed.map();
  if (const auto* point = std::get_if<PointRead>(&read.plan)) {
    if (!point->place) return Route{RouteKind::any, {}};
    auto slots = SlotSet::none(read.routed.group()->slot_count);
    slots.insert(point->place->slot);
    return place(slots, point->place->group, map, ownership, false);
  }
  const auto& where = std::get<RowsRead>(read.plan).where;
  return where ? place(where->slots, where->group, map, ownership, false) : Route{RouteKind::any, {}};
}

}  // namespace

Result<json::object> explain(const PlannedRead& read, const Ownership& ownership) {
  const auto outcome = outcome_of(read, ownership);
  if (const auto* point = std::get_if<PointRead>(&read.plan)) return explain_point(read, *point, outcome);
  return explain_rows(read, std::get<RowsRead>(read.plan), outcome);
}

}  // namespace shardplex
