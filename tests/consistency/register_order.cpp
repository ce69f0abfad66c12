#include "tests/consistency/register_order.hpp"

#include <algorithm>
#include <compare>
#include <set>
#include <tuple>
#include <utility>

namespace shardplex::consistency {
namespace {

/// What may be the case at one moment: the register's value, and the steps that have been invoked and not
/// taken place, ascending by invocation. A step that only looks takes place as soon as it fits: that keeps
/// nothing else from fitting.
struct State {
  Value value;
  std::vector<std::size_t> waiting;

  friend auto operator<=>(const State&, const State&) = default;
};

using States = std::set<State>;

/// A state on the way to a completion.
struct Position {
  State state;
  bool is_idle = false;  ///< the last change may as well be missing, and nothing has seen it yet
  Value before;          ///< is_idle: the value before that change

  friend auto operator<=>(const Position&, const Position&) = default;
};

class Search {
 public:
  Search(const std::vector<Step>& steps, std::size_t limit) : steps_(steps), limit_(limit) {}

  Ordering run() {
    for (const auto& [time, is_completion, step] : events()) {
      is_completion ? complete(step) : invoke(step);
      if (exhausted()) return {Ordering::Found::undecided, step};
      if (states_.empty()) return {Ordering::Found::no_order, step};
    }
    return {};
  }

 private:
  using Event = std::tuple<Time, bool, std::size_t>;

  /// Invocations before completions of the same moment, which are taken to overlap.
  std::vector<Event> events() const {
    std::vector<Event> events;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      events.emplace_back(steps_[i].invoked, false, i);
      if (!steps_[i].may_be_missing()) events.emplace_back(steps_[i].completed, true, i);
    }
    std::sort(events.begin(), events.end());
    return events;
  }

  bool exhausted() const { return count_ > limit_; }

  void invoke(std::size_t step) {
    const bool only_looks = !steps_[step].changes;
    const auto sees = [&](const State& state) { return only_looks && steps_[step].fits(state.value); };
    if (std::all_of(states_.begin(), states_.end(), sees)) return;
    States next;
    while (!states_.empty()) {
      auto state = std::move(states_.extract(states_.begin()).value());
      if (!sees(state)) state.waiting.push_back(step);
      next.insert(std::move(state));
    }
    states_ = std::move(next);
  }

  /// Keeps the states in which the step has taken place, and those to which it can be brought by changes that
  /// wait.
  void complete(std::size_t step) {
    if (std::none_of(states_.begin(), states_.end(), [&](const State& state) { return waits(step, state); }))
      return;
    States reached;
    std::set<Position> looked_at;
    for (const auto& state : states_) bring_about(step, {state, false, {}}, looked_at, reached);
    states_ = std::move(reached);
  }

  void bring_about(std::size_t step, const Position& position, std::set<Position>& looked_at,
                   States& reached) {
    const auto& state = position.state;
    if (!waits(step, state)) {
      reached.insert(state);
      return;
    }
    if (exhausted() || !looked_at.insert(position).second) return;
    ++count_;
    for (const auto change : state.waiting) {
      const auto& candidate = steps_[change];
      if (!candidate.changes || !candidate.fits(state.value)) continue;
      // Without the idle change this one comes to the same, with more left to happen.
      if (position.is_idle && candidate.fits(position.before)) continue;
      bring_about(step, after(change, state), looked_at, reached);
    }
  }

  Position after(std::size_t change, const State& state) const {
    State next{steps_[change].makes, {}};
    bool is_seen = false;
    for (const auto step : state.waiting) {
      if (step == change) continue;
      const bool sees = !steps_[step].changes && steps_[step].fits(next.value);
      is_seen = is_seen || sees;
      if (!sees) next.waiting.push_back(step);
    }
    if (is_seen || !steps_[change].may_be_missing()) return {std::move(next), false, {}};
    return {std::move(next), true, state.value};
  }

  bool waits(std::size_t step, const State& state) const {
    return std::binary_search(state.waiting.begin(), state.waiting.end(), step,
                              [this](std::size_t a, std::size_t b) {
                                return std::tie(steps_[a].invoked, a) < std::tie(steps_[b].invoked, b);
                              });
  }

  const std::vector<Step>& steps_;
  const std::size_t limit_;
  std::size_t count_ = 0;  // of positions looked at
  States states_{State{}};
};

}  // namespace

Ordering find_order(const std::vector<Step>& steps, std::size_t limit) {
  return Search(steps, limit).run();
}

}  // namespace shardplex::consistency
