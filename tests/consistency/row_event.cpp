#include "tests/consistency/row_event.hpp"

#include <map>

namespace shardplex::consistency {

std::vector<Settled> settle(const std::vector<RowEvent>& events) {
  std::map<Value, std::size_t> makers;
  std::map<Value, Settled> first_seen;
  for (const auto& [step, operation] : events) {
    if (step.changes) ++makers[step.makes];
    if (step.needs != Step::Needs::equal) continue;
    const auto [first, is_new] = first_seen.emplace(step.operand, Settled{step.completed, operation});
    if (!is_new && step.completed < first->second.when) first->second = {step.completed, operation};
  }
  std::vector<Settled> settled;
  for (const auto& [step, operation] : events) {
    settled.push_back({step.completed, operation});
    if (!step.changes || !step.makes || makers[step.makes] > 1) continue;
    const auto first = first_seen.find(step.makes);
    if (first != first_seen.end() && first->second.when < step.completed) settled.back() = first->second;
  }
  return settled;
}

}  // namespace shardplex::consistency
