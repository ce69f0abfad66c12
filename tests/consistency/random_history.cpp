#include "tests/consistency/random_history.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

namespace shardplex::consistency {
namespace {

constexpr int shards = 2;
constexpr std::int32_t registers_table = 0, sets_table = 1;
constexpr std::int64_t longest_operation = 5'000, longest_pause = 4'000, latest_effect = 100'000;  // ns

class Simulation {
 public:
  Simulation(Random& random, const RandomHistoryOptions& options) : random_(random), options_(options) {}

  History run() {
    for (int id = 0; id < options_.registers; ++id) insert_register({id, registers_table});
    for (int process = 1; process <= options_.processes; ++process)
      at(Time{below(longest_pause)}, [this, process] { begin(process); });
    while (!agenda_.empty()) {
      const auto next = agenda_.begin();
      now_ = next->first;
      const auto act = std::move(next->second);
      agenda_.erase(next);
      act();
    }
    list_everything();
    History history{{"films", "ratings"}, {"alpha", "beta"}, {}};
    std::move(operations_.begin(), operations_.end(), std::back_inserter(history.operations));
    return history;
  }

 private:
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  Time within(Time from, Time until) { return from + Time{below((until - from).count() + 1)}; }
  void at(Time time, std::function<void()> act) { agenda_.emplace(time, std::move(act)); }

  std::int64_t new_value() {
    ++last_value_;
    return options_.unique_values ? last_value_ : last_value_ % 3;
  }

  void insert_register(const Key& key) {
    Operation operation;
    operation.action = Action::insert;
    operation.key = key;
    operation.group = group_of(key);
    operation.value = new_value();
    versions_[key].emplace_back(Time{0}, operation.value);
    operations_.push_back(operation);
  }

  void list_everything() {
    auto& operation = operations_.emplace_back();
    operation.action = Action::list;
    operation.invoked = operation.completed = now_ + Time{1};
    for (int shard = 0; shard < shards; ++shard) look(operation, shard, operation.invoked);
  }

  /// A client does its next thing, and after it the next, until there are enough.
  void begin(int process) {
    if (operations_.size() >= static_cast<std::size_t>(options_.operations)) return;
    auto& operation = operations_.emplace_back(choose());
    operation.process = process;
    operation.invoked = now_;
    operation.completed = now_ + Time{1 + below(longest_operation)};
    if (chance(options_.unknown)) operation.outcome = Outcome::unknown;
    const bool looks = operation.action == Action::read || operation.action == Action::list;
    if (looks)
      plan_look(operation);
    else
      plan_change(operation);
    at(operation.completed + Time{1 + below(longest_pause)}, [this, process] { begin(process); });
  }

  Operation choose() {
    Operation operation;
    const auto dice = below(100);
    if (dice < 55) {
      operation.key = {below(options_.registers), registers_table};
      operation.action = dice < 20 ? Action::read : dice < 30 ? Action::write : Action::compare_and_set;
    } else if (dice < 85) {
      const bool is_new = elements_ == 0 || chance(35);
      operation.key = {is_new ? elements_++ : below(elements_), sets_table};
      operation.action = is_new      ? Action::insert
                         : dice < 65 ? Action::read
                         : dice < 80 ? Action::remove
                                     : Action::insert;
    } else {
      operation.action = Action::list;
      operation.group = dice < 88 ? "registers" : dice < 92 ? "set.0" : dice < 96 ? "set." : "";
    }
    if (operation.action == Action::insert) operation.group = group_of(operation.key);
    if (operation.action == Action::insert || operation.action == Action::write ||
        operation.action == Action::compare_and_set)
      operation.value = new_value();
    if (operation.action == Action::compare_and_set) operation.expected = recent_value(operation.key);
    return operation;
  }

  std::string group_of(const Key& key) const {
    return key.table == registers_table ? "registers" : "set." + std::to_string(key.id % 2);
  }

  /// What a client expects: mostly what is there now, or was before.
  Value recent_value(const Key& key) {
    const auto& versions = versions_[key];
    const auto back = std::min<std::int64_t>(below(3), static_cast<std::int64_t>(versions.size()) - 1);
    return std::prev(versions.end(), 1 + back)->second;
  }

  void plan_look(Operation& operation) {
    operation.strong = !chance(options_.weak);
    const int parts = operation.action == Action::list ? shards : 1;
    for (int part = 0; part < parts; ++part)
      at(within(operation.invoked, operation.completed), [this, &operation, part] {
        if (operation.outcome != Outcome::ok) return;
        look(operation, part, operation.strong ? now_ : now_ - Time{below(options_.staleness.count() + 1)});
      });
  }

  void look(Operation& operation, int shard, Time as_of) {
    if (operation.action == Action::read) {
      operation.value = value_at(operation.key, as_of);
      return;
    }
    for (const auto& [key, versions] : versions_) {
      if (key.id / 2 % shards != shard || !group_of(key).starts_with(operation.group)) continue;
      if (const auto value = value_at(key, as_of)) operation.rows.push_back({key, shard, *value});
    }
  }

  Value value_at(const Key& key, Time time) {
    Value value;
    for (const auto& [since, version] : versions_[key])
      if (since <= time) value = version;
    return value;
  }

  void plan_change(Operation& operation) {
    const bool is_unknown = operation.outcome == Outcome::unknown;
    if (is_unknown && chance(40)) return;  // never
    const auto latest =
        is_unknown && chance(40) ? operation.invoked + Time{latest_effect} : operation.completed;
    at(within(operation.invoked, latest), [this, &operation] { change(operation); });
  }

  void change(Operation& operation) {
    auto& versions = versions_[operation.key];
    const Value now = versions.empty() ? Value{} : versions.back().second;
    const bool takes_place = operation.action == Action::insert            ? !now
                             : operation.action == Action::compare_and_set ? now == operation.expected
                                                                           : now.has_value();
    // What a client does not know is not recorded.
    if (operation.outcome == Outcome::ok) operation.applied = takes_place;
    if (takes_place) versions.emplace_back(now_, operation.value);
  }

  Random& random_;
  const RandomHistoryOptions options_;
  Time now_{0};
  std::multimap<Time, std::function<void()>> agenda_;
  std::deque<Operation> operations_;                             // stay where they are
  std::map<Key, std::vector<std::pair<Time, Value>>> versions_;  // by row, ascending
  std::int64_t elements_ = 0, last_value_ = 0;
};

}  // namespace

History random_history(Random& random, const RandomHistoryOptions& options) {
  return Simulation(random, options).run();
}

}  // namespace shardplex::consistency
