#include "query/plan/key_combinations.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/plan/key_filter.hpp"

namespace shardplex {
namespace {

class KeyCombinations {
 public:
  explicit KeyCombinations(const RoutedTable& routed) : routed_(routed), group_(*routed.group()) {}

  SlotSet of_all(std::span<const Filter> filters) { return of_all(filters, Known(routed_.key().size())); }

 private:
  /// Canonical bytes, ascending, each once.
  using Values = std::vector<std::string>;
  /// Of each column of the key the values of which it has to have one; null: any. Shared, since each branch
  /// of an `or` begins with what is known around it.
  using Known = std::vector<std::shared_ptr<const Values>>;

  SlotSet of_all(std::span<const Filter> filters, Known known) {
    std::vector<const Logic*> choices;
    learn(filters, known, choices);
    SlotSet slots = of(known);
    for (const Logic* choice : choices) {
      SlotSet any = SlotSet::none(group_.slot_count);
      for (const Filter& child : choice->children) any |= of_all(std::span(&child, 1), known);
      slots &= any;
    }
    return slots;
  }

  /// What all of these say together; of `or` only a branch at a time says something.
  void learn(std::span<const Filter> filters, Known& known, std::vector<const Logic*>& choices) const {
    for (const Filter& filter : filters) {
      if (const auto* condition = std::get_if<Condition>(&filter.node)) {
        learn(*condition, known);
        continue;
      }
      const Logic& logic = *std::get<std::shared_ptr<const Logic>>(filter.node);
      if (logic.negated) continue;
      if (logic.disjunction)
        choices.push_back(&logic);
      else
        learn(logic.children, known, choices);
    }
  }

  void learn(const Condition& condition, Known& known) const {
    const auto& names = routed_.key().names();
    const auto column = std::ranges::find(names, condition.field.column);
    if (column == names.end()) return;
    const auto texts = equal_values(condition);
    if (!texts || texts->size() > most_combinations) return;
    Values values;
    for (const auto& text : *texts) {
      auto bytes = canonical_key(routed_.table(), *column, text);
      if (!bytes) return;
      values.push_back(*std::move(bytes));
    }
    std::ranges::sort(values);
    values.erase(std::ranges::unique(values).begin(), values.end());
    auto& of_column = known[static_cast<std::size_t>(column - names.begin())];
    if (of_column) {
      Values both;
      std::ranges::set_intersection(*of_column, values, std::back_inserter(both));
      values = std::move(both);
    }
    of_column = std::make_shared<const Values>(std::move(values));
  }

  SlotSet of(const Known& known) {
    std::size_t keys = 1;
    for (const auto& values : known) {
      if (!values) return SlotSet::all(group_.slot_count);
      keys *= values->size();
      if (keys > most_combinations) return SlotSet::all(group_.slot_count);
    }
    if (keys > left_) return SlotSet::all(group_.slot_count);
    left_ -= keys;
    SlotSet slots = SlotSet::none(group_.slot_count);
    std::vector<std::string> key;
    insert_combinations(known, key, slots);
    return slots;
  }

  /// The slots of all keys that begin with these columns.
  void insert_combinations(const Known& known, std::vector<std::string>& key, SlotSet& slots) const {
    if (key.size() == known.size()) {
      slots.insert(slot_of(joined_bytes(key), group_.slot_count));
      return;
    }
    for (const auto& value : *known[key.size()]) {
      key.push_back(value);
      insert_combinations(known, key, slots);
      key.pop_back();
    }
  }

  const RoutedTable& routed_;
  const Group& group_;
  std::size_t left_ = most_combinations_in_all;
};

}  // namespace

SlotSet slots_of_combinations(std::span<const Filter> filters, const RoutedTable& routed) {
  return KeyCombinations(routed).of_all(filters);
}

}  // namespace shardplex
