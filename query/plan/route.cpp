#include "query/plan/route.hpp"

#include "query/plan/key_combinations.hpp"
#include "query/plan/key_filter.hpp"

namespace shardplex {
namespace {

/// Of a key of one column.
class Narrowing {
 public:
  explicit Narrowing(const RoutedTable& routed) : routed_(routed), group_(*routed.group()) {}

  SlotSet of_all(const std::vector<Filter>& filters) const {
    SlotSet slots = SlotSet::all(group_.slot_count);
    for (const auto& filter : filters) slots &= of(filter);
    return slots;
  }

 private:
  SlotSet of(const Filter& filter) const {
    if (const auto* condition = std::get_if<Condition>(&filter.node)) return of(*condition);
    return of(*std::get<std::shared_ptr<const Logic>>(filter.node));
  }

  SlotSet of(const Logic& logic) const {
    if (logic.negated) return SlotSet::all(group_.slot_count);
    if (!logic.disjunction) return of_all(logic.children);
    SlotSet slots = SlotSet::none(group_.slot_count);
    for (const auto& child : logic.children) slots |= of(child);
    return slots;
  }

  SlotSet of(const Condition& condition) const {
    const auto values = equal_values(condition);
    if (!values) return SlotSet::all(group_.slot_count);
    SlotSet slots = SlotSet::none(group_.slot_count);
    for (const auto& value : *values) slots |= of(condition.field.column, value);
    return slots;
  }

  /// The slots of rows whose `column` is `value`.
  SlotSet of(const std::string& column, const std::string& value) const {
    if (routed_.key().is(column)) {
      const auto key = canonical_key(routed_.table(), column, value);
      return key ? slots_of_key(group_, *key) : SlotSet::all(group_.slot_count);
    }
    const auto* list = routed_.list();
    if (list && column == list->column && is_listed(column)) return slots_of_list_value(group_, value);
    return SlotSet::all(group_.slot_count);
  }

  bool is_listed(const std::string& name) const {
    const Column* column = routed_.table().find_column(name);
    return column && can_be_listed(*column) && column->representations.from_text.empty();
  }

  const RoutedTable& routed_;
  const Group& group_;
};

std::optional<RouteFault::Kind> fault_of(const Ownership::Owner& owner, bool is_write) {
  switch (owner.fault) {
    case Ownership::Fault::unowned:
      return RouteFault::Kind::unowned;
    case Ownership::Fault::doubly_owned:
      return RouteFault::Kind::doubly_owned;
    case Ownership::Fault::shard_unknown:
      return RouteFault::Kind::shard_unknown;
    case Ownership::Fault::none:
      break;
  }
  if (is_write && owner.fenced) return RouteFault::Kind::fenced;
  return std::nullopt;
}

bool names_shard(RouteFault::Kind kind) {
  return kind == RouteFault::Kind::shard_unknown || kind == RouteFault::Kind::fenced;
}

RouteKind kind_of(const SlotSet& slots, std::size_t targets) {
  if (targets == 0) return RouteKind::none;
  if (targets == 1) return RouteKind::one;
  return slots.is_all() ? RouteKind::all : RouteKind::some;
}

/// Precondition: one of the slots is at fault.
RouteFault first_fault(const SlotSet& slots, GroupId group, const ShardMap& map, const Ownership& ownership,
                       bool is_write) {
  std::optional<RouteFault> fault;
  slots.for_each([&](Slot slot) {
    if (fault) return;
    const auto& owner = ownership.owner(group, slot);
    if (const auto kind = fault_of(owner, is_write))
      fault = {*kind, map.group(group).name, slot, names_shard(*kind) ? map.shard(owner.shard).name : ""};
  });
  return *fault;
}

}  // namespace

SlotSet candidate_slots(const std::vector<Filter>& filters, const RoutedTable& routed) {
  return routed.key().size() > 1 ? slots_of_combinations(filters, routed) : Narrowing(routed).of_all(filters);
}

std::string_view to_string(RouteKind kind) {
  switch (kind) {
    case RouteKind::one:
      return "one";
    case RouteKind::some:
      return "some";
    case RouteKind::all:
      return "all";
    case RouteKind::any:
      return "any";
    case RouteKind::none:
      return "none";
  }
  return "";
}

RouteOrFault place(const SlotSet& slots, GroupId group, const ShardMap& map, const Ownership& ownership,
                   bool is_write) {
  if (slots.intersects(ownership.faulty(group)) || (is_write && slots.intersects(ownership.fenced(group))))
    return first_fault(slots, group, map, ownership, is_write);
  Route route;
  for (std::size_t i = 0; i < map.shards().size(); ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    if (!slots.intersects(ownership.owned(group, shard))) continue;
    auto own_slots = ownership.owned(group, shard);
    own_slots &= slots;
    route.targets.push_back(
        {shard, *ownership.epoch(shard), ownership.clean(group, shard), std::move(own_slots)});
  }
  route.kind = kind_of(slots, route.targets.size());
  return route;
}

}  // namespace shardplex
