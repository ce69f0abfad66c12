#include "tests/consistency/checker.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "tests/consistency/explanation.hpp"
#include "tests/consistency/register_order.hpp"
#include "tests/consistency/weak_reads.hpp"

namespace shardplex::consistency {
namespace {

/// A list's answer that has the row.
struct Sighting {
  std::size_t list = 0;  ///< index into Checker::lists_
  std::int64_t value = 0;
};

struct RowHistory {
  std::string group;  ///< "" while no insert of it is known
  bool is_inserted = false;
  Time first_inserted = Time::max();
  std::vector<RowEvent> events;  ///< changes and strong reads
  std::vector<RowEvent> weak_reads;
  std::vector<Sighting> sightings;  ///< ascending by list
};

Step look_during(const Operation& operation) {
  Step step;
  step.invoked = operation.invoked;
  step.completed = operation.completed;
  return step;
}

/// Nothing where it says nothing: a refused change, or a read without an answer.
std::optional<Step> step_of(const Operation& operation) {
  auto step = look_during(operation);
  const bool took_place = operation.applied || operation.outcome != Outcome::ok;
  const bool only_looks = operation.action == Action::read || !took_place;
  if (operation.outcome == Outcome::failed) return std::nullopt;
  if (operation.outcome == Outcome::unknown) {
    if (only_looks) return std::nullopt;
    step.completed = Time::max();
  }
  const auto needs = [&](Step::Needs how, const Value& operand) {
    step.needs = how;
    step.operand = operand;
  };
  switch (operation.action) {
    case Action::insert:
      needs(took_place ? Step::Needs::equal : Step::Needs::different, std::nullopt);
      break;
    case Action::write:
    case Action::remove:
      needs(took_place ? Step::Needs::different : Step::Needs::equal, std::nullopt);
      break;
    case Action::compare_and_set:
      needs(took_place ? Step::Needs::equal : Step::Needs::different, operation.expected);
      break;
    case Action::read:
      needs(Step::Needs::equal, operation.value);
      break;
    case Action::list:
      return std::nullopt;
  }
  step.changes = !only_looks;
  if (step.changes && operation.action != Action::remove) step.makes = operation.value;
  return step;
}

class Checker {
 public:
  Checker(const History& history, const Rules& rules) : history_(history), rules_(rules) {}

  Verdict run() {
    for (std::size_t i = 0; i < history_.operations.size(); ++i) take(i);
    for (std::size_t list = 0; list < lists_.size(); ++list) take_rows(list);
    for (auto& [key, row] : rows_) check_row(key, row);
    verdict_.operations = history_.operations.size();
    verdict_.rows = rows_.size();
    return std::move(verdict_);
  }

 private:
  const Operation& listing(std::size_t list) const { return history_.operations[lists_[list]]; }

  void add(FaultKind kind, std::string what, std::vector<std::size_t> operations) {
    verdict_.faults.push_back({kind, std::move(what), std::move(operations)});
  }

  void take(std::size_t index) {
    const auto& operation = history_.operations[index];
    if (operation.completed < operation.invoked)
      throw std::invalid_argument("it completes before it is invoked: " +
                                  to_string(operation, history_, Time{0}));
    if (operation.outcome != Outcome::ok && !(rules_.may_fail && rules_.may_fail(operation)))
      add(FaultKind::failed_request, "a request failed", {index});
    if (operation.action == Action::list) {
      if (operation.outcome == Outcome::ok) lists_.push_back(index);
      return;
    }
    auto& row = rows_[operation.key];
    if (operation.action == Action::insert && operation.outcome != Outcome::failed)
      take_insert(operation, row);
    if (const auto step = step_of(operation)) add_event(row, *step, index);
  }

  void take_insert(const Operation& operation, RowHistory& row) {
    if (row.is_inserted && row.group != operation.group)
      throw std::invalid_argument(to_string(operation.key, history_) + " is in two groups, " + row.group +
                                  " and " + operation.group);
    row.is_inserted = true;
    row.group = operation.group;
    row.first_inserted = std::min(row.first_inserted, operation.invoked);
  }

  void add_event(RowHistory& row, const Step& step, std::size_t operation) const {
    const bool is_weak = !step.changes && !history_.operations[operation].strong;
    (is_weak ? row.weak_reads : row.events).push_back({step, operation});
  }

  void take_rows(std::size_t list) {
    const auto& operation = listing(list);
    std::map<Key, const ListedRow*> seen;
    for (const auto& listed : operation.rows) {
      if (const auto [first, is_new] = seen.emplace(listed.key, &listed); !is_new) {
        add_doubled(*first->second, listed, lists_[list]);
        continue;
      }
      const auto row = rows_.find(listed.key);
      if (row == rows_.end() || !row->second.is_inserted)
        add(FaultKind::phantom_row,
            to_string(listed.key, history_) + " was listed, and nobody has inserted it", {lists_[list]});
      else if (!row->second.group.starts_with(operation.group))
        add(FaultKind::phantom_row,
            to_string(listed.key, history_) + " was listed, and is of " + row->second.group, {lists_[list]});
      else
        row->second.sightings.push_back({list, listed.value});
    }
  }

  void add_doubled(const ListedRow& first, const ListedRow& second, std::size_t operation) {
    const auto key = to_string(first.key, history_);
    const auto place = [&](const ListedRow& row) {
      return history_.places.at(static_cast<std::size_t>(row.place));
    };
    if (first.place >= 0 && second.place >= 0 && first.place != second.place)
      add(FaultKind::row_on_two_shards, key + " was on " + place(first) + " and on " + place(second),
          {operation});
    else
      add(FaultKind::doubled_row, key + " was twice in one answer", {operation});
  }

  /// What the lists of the row's group say of it. Of those that end before it is first inserted, only those
  /// that have it: the row is rightly not in the others, and that says nothing of any later time.
  void add_listed(RowHistory& row) {
    auto sighting = row.sightings.begin();
    for (const auto list : lists_over(row.group)) {
      const auto& operation = listing(list);
      auto step = look_during(operation);
      if (sighting != row.sightings.end() && sighting->list == list)
        step.operand = (sighting++)->value;
      else if (operation.completed < row.first_inserted)
        continue;
      add_event(row, step, lists_[list]);
    }
  }

  const std::vector<std::size_t>& lists_over(const std::string& group) {
    const auto [found, is_new] = lists_over_.try_emplace(group);
    if (is_new)
      for (std::size_t list = 0; list < lists_.size(); ++list)
        if (group.starts_with(listing(list).group)) found->second.push_back(list);
    return found->second;
  }

  void check_row(const Key& key, RowHistory& row) {
    if (row.is_inserted) add_listed(row);
    if (auto fault = fault_of(key, row)) verdict_.faults.push_back(*std::move(fault));
    row = {};  // the events of all rows at once would be many
  }

  std::optional<Fault> fault_of(const Key& key, const RowHistory& row) const {
    std::vector<Step> steps;
    steps.reserve(row.events.size());
    for (const auto& event : row.events) steps.push_back(event.step);
    const auto [found, misfit] = find_order(steps, rules_.search_limit);
    if (found == Ordering::Found::no_order) return explain(row.events, misfit, key, history_);
    if (found == Ordering::Found::undecided)
      return Fault{FaultKind::undecided,
                   to_string(key, history_) + " has too many possible orders to look at",
                   {row.events[misfit].operation}};
    WeakReads weak_reads(row.events, rules_.staleness);
    for (const auto& read : row.weak_reads)
      if (auto fault = weak_reads.judge(read, key, history_)) return fault;
    return std::nullopt;
  }

  const History& history_;
  const Rules& rules_;
  std::vector<std::size_t> lists_;  ///< those that were answered, as indexes into the history
  std::map<std::string, std::vector<std::size_t>> lists_over_;  ///< by group; indexes into lists_
  std::map<Key, RowHistory> rows_;
  Verdict verdict_;
};

constexpr std::size_t faults_told = 20, operations_told = 20;

}  // namespace

std::string_view to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::failed_request:
      return "failed request";
    case FaultKind::doubled_row:
      return "doubled row";
    case FaultKind::row_on_two_shards:
      return "row on two shards";
    case FaultKind::phantom_row:
      return "phantom row";
    case FaultKind::phantom_value:
      return "phantom value";
    case FaultKind::lost_write:
      return "lost write";
    case FaultKind::vanished_write:
      return "vanished write";
    case FaultKind::resurrected_row:
      return "resurrected row";
    case FaultKind::own_write_unseen:
      return "own write unseen";
    case FaultKind::non_monotonic_read:
      return "non-monotonic read";
    case FaultKind::stale_read:
      return "stale read";
    case FaultKind::cas_on_wrong_value:
      return "compare-and-set on a wrong value";
    case FaultKind::cas_twice:
      return "compare-and-set twice";
    case FaultKind::cas_refused:
      return "compare-and-set refused";
    case FaultKind::unexplained:
      return "unexplained";
    case FaultKind::undecided:
      return "undecided";
  }
  return "";
}

Verdict check(const History& history, const Rules& rules) {
  return Checker(history, rules).run();
}

std::string to_string(const Verdict& verdict, const History& history) {
  auto origin = Time::max();
  for (const auto& operation : history.operations) origin = std::min(origin, operation.invoked);
  auto text =
      std::to_string(verdict.operations) + " operations on " + std::to_string(verdict.rows) +
      " rows: " + (verdict.is_clean() ? "no fault" : std::to_string(verdict.faults.size()) + " faults");
  std::map<std::string, std::size_t> times;
  for (const auto& fault : verdict.faults) ++times[fault.what];
  std::size_t told = 0;
  for (const auto& fault : verdict.faults) {
    const auto count = std::exchange(times[fault.what], 0);
    if (count == 0) continue;
    if (++told > faults_told) return text + "\nand more";
    text += '\n' + std::string(to_string(fault.kind)) + ": " + fault.what;
    if (count > 1) text += ", " + std::to_string(count) + " times; first";
    for (std::size_t j = 0; j < std::min(fault.operations.size(), operations_told); ++j)
      text += "\n    " + to_string(history.operations[fault.operations[j]], history, origin);
    if (fault.operations.size() > operations_told) text += "\n    and more";
  }
  return text;
}

}  // namespace shardplex::consistency
