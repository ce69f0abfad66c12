#include "query/explain/explained_route.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

namespace json = boost::json;

/// What a sentence calls a filter.
std::string name_of_filter(const Filter& filter) {
  if (const auto* condition = std::get_if<Condition>(&filter.node))
    return "the filter on " + condition->field.column;
  const auto& logic = *std::get<std::shared_ptr<const Logic>>(filter.node);
  return std::string("the condition ") + (logic.negated ? "not." : "") + (logic.disjunction ? "or" : "and") +
         "(…)";
}

std::string deciding_columns(const RoutedTable& routed) {
  const auto* list = routed.list();
  if (list) return list->column + " and " + routed.key().one();
  const auto& columns = routed.key().names();
  return columns.size() == 1 ? columns.front() : joined(columns, " and ") + " together";
}

std::string count_of_slots(const SlotSet& slots) {
  const auto count = slots.size();
  if (count == 0) return "no slot";
  return count == 1 ? "slot " + slots.to_string() : std::to_string(count) + " slots";
}

json::object route_of_reference(const RoutedTable& routed) {
  json::array shards;
  for (const auto& shard : routed.map().shards()) shards.push_back(json::object{{"shard", shard.name}});
  return {{"kind", to_string(RouteKind::any)},
          {"why",
           json::array{routed.table().name + " is a reference table, so any one shard has all of its rows"}},
          {"group", nullptr},
          {"slots", nullptr},
          {"slot_count", nullptr},
          {"shards", std::move(shards)},
          {"fault", nullptr}};
}

json::array shards_of_route(const Route& route, const ShardMap& map) {
  json::array shards;
  for (const auto& target : route.targets)
    shards.push_back(json::object{{"shard", map.shard(target.shard).name},
                                  {"slots", target.slots.to_string()},
                                  {"epoch", target.epoch.value},
                                  {"owned_rows_only", !target.clean}});
  return shards;
}

}  // namespace

std::vector<std::string> reasons_of_route(const std::vector<Filter>& filters, const RoutedTable& routed) {
  std::vector<std::string> reasons;
  for (const auto& filter : filters)
    if (const auto slots = candidate_slots({filter}, routed); !slots.is_all())
      reasons.push_back(name_of_filter(filter) + " narrows to " + count_of_slots(slots) + " of " +
                        std::to_string(routed.group()->slot_count));
  // Each of them says something of one column, and all of them together of a key.
  if (const auto slots = candidate_slots(filters, routed); reasons.empty() && !slots.is_all())
    reasons.push_back("the filters on " + joined(routed.key().names(), " and ") + " narrow to " +
                      count_of_slots(slots) + " of " + std::to_string(routed.group()->slot_count));
  if (reasons.empty())
    reasons.push_back("no filter narrows the " + std::to_string(routed.group()->slot_count) +
                      " slots: eq, in and eq(any) on " + deciding_columns(routed) + " would");
  return reasons;
}

std::string fault_sentence(const RouteFault& fault) {
  const std::string slot = "group " + fault.group + ": slot " + std::to_string(fault.slot.value) + ' ';
  switch (fault.kind) {
    case RouteFault::Kind::unowned:
      return slot + "has no owner";
    case RouteFault::Kind::doubly_owned:
      return slot + "has two owners";
    case RouteFault::Kind::shard_unknown:
      return slot + "should be on " + fault.shard + ", which has not been reached yet";
    case RouteFault::Kind::fenced:
      return slot + "is being handed over by " + fault.shard;
  }
  return slot;
}

json::object explained_route(const std::vector<Filter>& filters, const RoutedTable& routed,
                             const std::optional<SlotSet>& slots, const RouteOrFault& outcome) {
  if (!slots) return route_of_reference(routed);
  const auto* route = std::get_if<Route>(&outcome);
  const auto reasons = reasons_of_route(filters, routed);
  json::object out;
  if (route)
    out["kind"] = to_string(route->kind);
  else
    out["kind"] = nullptr;
  out["why"] = json::array(reasons.begin(), reasons.end());
  if (route && route->kind == RouteKind::none)
    out["why"].as_array().emplace_back(
        "so no row can match, and any one shard says whether the request is right");
  out["group"] = routed.group()->name;
  out["slots"] = slots->to_string();
  out["slot_count"] = routed.group()->slot_count;
  out["shards"] = route ? shards_of_route(*route, routed.map()) : json::array();
  if (route)
    out["fault"] = nullptr;
  else
    out["fault"] = fault_sentence(std::get<RouteFault>(outcome));
  return out;
}

}  // namespace shardplex
