#include "router/execution/request_context.hpp"

namespace shardplex::router {
namespace {

constexpr std::uint32_t most_counted_slots = 16;

}  // namespace

void count_load(const RequestContext& context, GroupId group, const SlotSet& slots) {
  if (slots.size() > most_counted_slots) return;
  auto& load = *context.planned_with->loads[group.value];
  slots.for_each([&](Slot slot) { load[slot.value].add(); });
}

}  // namespace shardplex::router
