#include "tests/consistency/weak_reads.hpp"

#include <algorithm>

namespace shardplex::consistency {

WeakReads::WeakReads(const std::vector<RowEvent>& events, Time staleness)
    : events_(events), settled_(settle(events)), staleness_(staleness) {}

std::optional<Fault> WeakReads::judge(const RowEvent& read, const Key& key, const History& history) {
  const auto& lifetime = lifetime_of(read.step.operand);
  const auto name = to_string(key, history);
  if (read.step.completed < lifetime.begins)
    return Fault{
        FaultKind::phantom_value, name + " was seen with a value that nobody has written", {read.operation}};
  if (lifetime.ends < read.step.invoked - staleness_)
    return Fault{FaultKind::stale_read,
                 name + " was seen as it had been too long before",
                 {read.operation, lifetime.ended_by}};
  return std::nullopt;
}

const WeakReads::Lifetime& WeakReads::lifetime_of(const Value& value) {
  const auto [found, is_new] = lifetimes_.try_emplace(value);
  auto& lifetime = found->second;
  if (!is_new) return lifetime;
  auto last_made = Time::min();
  if (!value) lifetime.begins = Time::min();
  for (std::size_t i = 0; i < events_.size(); ++i) {
    const auto& step = events_[i].step;
    if (!step.changes || step.makes != value) continue;
    lifetime.begins = std::min(lifetime.begins, step.invoked);
    last_made = std::max(last_made, settled_[i].when);
  }
  for (std::size_t i = 0; i < events_.size(); ++i) {
    const auto& step = events_[i].step;
    if (!step.changes || step.makes == value || step.invoked <= last_made ||
        settled_[i].when >= lifetime.ends)
      continue;
    lifetime.ends = settled_[i].when;
    lifetime.ended_by = events_[i].operation;
  }
  return lifetime;
}

}  // namespace shardplex::consistency
