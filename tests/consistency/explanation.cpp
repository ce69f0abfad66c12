#include "tests/consistency/explanation.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace shardplex::consistency {
namespace {

constexpr std::ptrdiff_t most_recent = 15;

using Proof = std::vector<const RowEvent*>;

class Explanation {
 public:
  Explanation(const std::vector<RowEvent>& events, std::size_t misfit, const Key& key, const History& history)
      : events_(events), settled_(settle(events)), misfit_(events[misfit]), key_(key), history_(history) {}

  Fault fault() const {
    if (misfit_.step.needs == Step::Needs::different) return saw_another_value();
    const auto writers = select([&](const RowEvent& event) { return makes_what_the_misfit_saw(event); });
    if (misfit_.step.operand && writers.empty())
      return fault(FaultKind::phantom_value, "was seen with a value that nobody has written", {});
    if (misfit_.step.changes && misfit_.step.operand) {
      const auto rivals = select([&](const RowEvent& event) { return is_rival(event); });
      if (rivals.size() >= writers.size())
        return fault(FaultKind::cas_twice, "was set from a value from which it had been set before", rivals);
    }
    const auto newer = select([&](const RowEvent& event) {
      return event.step.changes && event.step.makes != misfit_.step.operand &&
             std::all_of(writers.begin(), writers.end(),
                         [&](const RowEvent* writer) { return is_before(*writer, event); });
    });
    const auto overwrote = std::find_if(newer.rbegin(), newer.rend(),
                                        [&](const RowEvent* event) { return is_before(*event, misfit_); });
    if (overwrote == newer.rend())
      return fault(FaultKind::unexplained, "was seen as no order of what was done to it explains", recent());
    if (misfit_.step.changes && misfit_.step.operand)
      return fault(FaultKind::cas_on_wrong_value, "was set from a value that it no longer had", {*overwrote});
    if (misfit_.step.operand && !(*overwrote)->step.makes)
      return fault(FaultKind::resurrected_row, "was there after it had been removed", {*overwrote});
    return old_value_seen(*overwrote, newer);
  }

 private:
  bool is_before(const RowEvent& a, const RowEvent& b) const { return settled(a).when < b.step.invoked; }
  const Settled& settled(const RowEvent& event) const {
    return settled_[static_cast<std::size_t>(&event - events_.data())];
  }

  const Operation& operation_of(const RowEvent& event) const { return history_.operations[event.operation]; }

  bool makes_what_the_misfit_saw(const RowEvent& event) const {
    return event.step.changes && event.step.makes == misfit_.step.operand &&
           event.step.invoked <= misfit_.step.completed;
  }

  bool is_rival(const RowEvent& event) const {
    return event.step.changes && event.step.needs == Step::Needs::equal &&
           event.step.operand == misfit_.step.operand && is_before(event, misfit_);
  }

  Fault saw_another_value() const {
    auto last =
        select([&](const RowEvent& event) { return event.step.changes && is_before(event, misfit_); });
    if (last.size() > 1) last.erase(last.begin(), last.end() - 1);
    if (misfit_.step.operand)
      return fault(FaultKind::cas_refused, "had the expected value, and yet was not set", last);
    if (last.empty()) return fault(FaultKind::phantom_row, "was there, and nobody had inserted it", last);
    return fault(FaultKind::resurrected_row, "was there after it had been removed", last);
  }

  /// `newer`: the changes that certainly follow the value that the misfit saw; `overwrote`: the last of them
  /// before the misfit.
  Fault old_value_seen(const RowEvent* overwrote, const Proof& newer) const {
    std::set<Value> newer_values;
    for (const auto* event : newer) newer_values.insert(event->step.makes);
    const auto seen = select([&](const RowEvent& event) {
      return event.step.needs == Step::Needs::equal && newer_values.count(event.step.operand) > 0;
    });
    const auto later = std::find_if(seen.begin(), seen.end(),
                                    [&](const RowEvent* event) { return is_before(misfit_, *event); });
    if (seen.empty())
      return fault(FaultKind::lost_write, "was changed, and the change was never seen", {overwrote});
    if (later == seen.end())
      return fault(FaultKind::vanished_write, "was changed, which was seen and then never again",
                   {overwrote, seen.back()});
    if (auto broken = broken_session(newer, seen)) return *std::move(broken);
    return fault(FaultKind::stale_read, "was seen as it had been before a change", {overwrote, *later});
  }

  std::optional<Fault> broken_session(const Proof& newer, const Proof& newer_seen) const {
    const auto own_before = [&](const RowEvent* event) {
      return operation_of(*event).process == operation_of(misfit_).process && is_before(*event, misfit_);
    };
    if (const auto own = std::find_if(newer.begin(), newer.end(), own_before); own != newer.end())
      return fault(FaultKind::own_write_unseen, "was not seen by a client as it had changed it", {*own});
    if (const auto own = std::find_if(newer_seen.begin(), newer_seen.end(), own_before);
        own != newer_seen.end())
      return fault(FaultKind::non_monotonic_read, "was seen by a client older than it had seen it before",
                   {*own});
    return std::nullopt;
  }

  Fault fault(FaultKind kind, const std::string& what, const Proof& proof) const {
    Fault fault{kind, to_string(key_, history_) + ' ' + what, {misfit_.operation}};
    const auto add = [&](std::size_t operation) {
      if (std::ranges::find(fault.operations, operation) == fault.operations.end())
        fault.operations.push_back(operation);
    };
    for (const auto* event : proof) {
      add(event->operation);
      add(settled(*event).witness);
    }
    return fault;
  }

  /// The last that began before the misfit ended.
  Proof recent() const {
    auto found = select([&](const RowEvent& event) { return event.step.invoked <= misfit_.step.completed; });
    if (std::ssize(found) > most_recent) found.erase(found.begin(), found.end() - most_recent);
    return found;
  }

  /// All but the misfit, in the order of their invocation.
  template <class Predicate>
  Proof select(const Predicate& holds) const {
    Proof found;
    for (const auto& event : events_)
      if (&event != &misfit_ && holds(event)) found.push_back(&event);
    std::stable_sort(found.begin(), found.end(),
                     [](const RowEvent* a, const RowEvent* b) { return a->step.invoked < b->step.invoked; });
    return found;
  }

  const std::vector<RowEvent>& events_;
  const std::vector<Settled> settled_;  // by event
  const RowEvent& misfit_;
  const Key& key_;
  const History& history_;
};

}  // namespace

Fault explain(const std::vector<RowEvent>& events, std::size_t misfit, const Key& key,
              const History& history) {
  return Explanation(events, misfit, key, history).fault();
}

}  // namespace shardplex::consistency
