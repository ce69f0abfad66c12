// The checker accepts what a correct store gives, and names each fault that is planted into it.
#include "tests/consistency/checker.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/consistency/random_history.hpp"

namespace shardplex::consistency {
namespace {

constexpr std::uint64_t seed = 20240612;
constexpr int stranger = 99;  // a client that the random histories do not have
constexpr std::int64_t never_written = 1'000'000'000;

RandomHistoryOptions random_options(Random& random) {
  RandomHistoryOptions options;
  options.processes = 1 + static_cast<int>(random() % 8);
  options.registers = 1 + static_cast<int>(random() % 4);
  options.operations = 20 + static_cast<int>(random() % 300);
  options.unknown = random() % 2 == 0 ? 0 : static_cast<unsigned>(random() % 10);
  options.unique_values = random() % 2 == 0;
  return options;
}

/// Operations of unknown outcome are part of the random histories.
Rules rules() {
  Rules rules;
  rules.staleness = RandomHistoryOptions{}.staleness;
  rules.may_fail = [](const Operation& operation) { return operation.outcome == Outcome::unknown; };
  return rules;
}

bool is_before(const Operation& a, const Operation& b) {
  return a.completed < b.invoked;
}
bool took_place(const Operation& operation) {
  return operation.outcome == Outcome::ok && operation.applied && operation.action != Action::read &&
         operation.action != Action::list;
}
bool is_register(const Operation& operation) {
  return operation.action != Action::list && operation.key.table == 0;
}
bool was_answered_strongly(const Operation& operation) {
  return operation.outcome == Outcome::ok && operation.strong;
}

using Operations = std::vector<Operation*>;

template <class Predicate>
Operations select(History& history, const Predicate& holds) {
  Operations found;
  for (auto& operation : history.operations)
    if (holds(operation)) found.push_back(&operation);
  return found;
}

template <class T>
T* pick(Random& random, const std::vector<T*>& from) {
  return from.empty() ? nullptr : from[random() % from.size()];
}

/// A change of a register and one that certainly came later: from its completion on nobody may see the old
/// value, and at the end nobody does.
struct Overwriting {
  Operation *older, *newer;
};

std::vector<Overwriting> overwritings(History& history) {
  const auto changes = select(
      history, [](const Operation& operation) { return is_register(operation) && took_place(operation); });
  const auto at_the_end = [&](const Operation& change) -> std::int64_t {
    for (const auto& row : history.operations.back().rows)
      if (row.key == change.key) return row.value;
    return -1;
  };
  std::vector<Overwriting> found;
  for (auto* older : changes)
    for (auto* newer : changes)
      if (older->key == newer->key && is_before(*older, *newer) && newer->value == at_the_end(*newer))
        found.push_back({older, newer});
  return found;
}

template <class T>
std::optional<T> pick(Random& random, const std::vector<T>& from) {
  if (from.empty()) return std::nullopt;
  return from[random() % from.size()];
}

/// A strong read of what has been overwritten before it.
struct OldRead {
  Operation *older, *newer, *read;
};

std::optional<OldRead> plant_old_read(History& history, Random& random) {
  const auto overwriting = pick(random, overwritings(history));
  if (!overwriting) return std::nullopt;
  auto* read = pick(random, select(history, [&](const Operation& operation) {
                      return operation.action == Action::read && was_answered_strongly(operation) &&
                             operation.key == overwriting->newer->key &&
                             is_before(*overwriting->newer, operation);
                    }));
  if (read == nullptr) return std::nullopt;
  read->value = overwriting->older->value;
  read->process = stranger;
  return OldRead{overwriting->older, overwriting->newer, read};
}

/// Everyone who saw `seen` of this row sees `instead`, from `since` on.
void replace_seen(History& history, const Key& key, const Value& seen, const Value& instead, Time since) {
  for (auto& operation : history.operations) {
    if (operation.invoked <= since) continue;
    if (operation.action == Action::read && operation.key == key && operation.value == seen)
      operation.value = instead;
    auto& rows = operation.rows;
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const ListedRow& listed) {
      return listed.key == key && listed.value == seen;
    });
    if (row == rows.end()) continue;
    if (instead)
      row->value = *instead;
    else
      rows.erase(row);
  }
}

/// The first time at which somebody had strongly seen it.
std::optional<Time> first_seen(const History& history, const Key& key, const Value& value) {
  std::optional<Time> first;
  for (const auto& operation : history.operations) {
    const bool is_seen =
        was_answered_strongly(operation) &&
        ((operation.action == Action::read && operation.key == key && operation.value == value) ||
         std::any_of(operation.rows.begin(), operation.rows.end(),
                     [&](const ListedRow& row) { return row.key == key && row.value == value; }));
    if (is_seen && (!first || operation.completed < *first)) first = operation.completed;
  }
  return first;
}

/// The last two changes of a register, where nothing else was changed at the same time and no compare_and_set
/// names their values.
std::optional<Overwriting> last_overwriting(History& history, Random& random) {
  auto found = overwritings(history);
  std::erase_if(found, [&](const Overwriting& last) {
    return !select(history, [&](const Operation& other) {
              if (other.key != last.newer->key || other.action == Action::read ||
                  other.action == Action::list || &other == last.older || &other == last.newer)
                return false;
              const bool may_change = took_place(other) || other.outcome == Outcome::unknown;
              const bool names_them =
                  other.action == Action::compare_and_set &&
                  (other.expected == last.newer->value || other.expected == last.older->value);
              return names_them || (may_change && !(took_place(other) && is_before(other, *last.older)));
            }).empty();
  });
  return pick(random, found);
}

/// An element that was inserted once and never removed.
Operation* lasting_insert(History& history, Random& random) {
  return pick(random, select(history, [&](const Operation& insert) {
                return insert.action == Action::insert && insert.key.table == 1 && took_place(insert) &&
                       select(history, [&](const Operation& other) {
                         return other.action != Action::list && other.action != Action::read &&
                                other.key == insert.key;
                       }).size() == 1;
              }));
}

Operation* strong_list(History& history, Random& random) {
  return pick(random, select(history, [](const Operation& operation) {
                return operation.action == Action::list && was_answered_strongly(operation) &&
                       !operation.rows.empty();
              }));
}

Operation by_stranger(Action action, const Key& key, Time invoked) {
  Operation operation;
  operation.process = stranger;
  operation.action = action;
  operation.key = key;
  operation.invoked = invoked;
  operation.completed = invoked + Time{1};
  return operation;
}

/// Puts a fault into a history with unique values, at a place of its choice; false where it has none.
using Plant = std::function<bool(History&, Random&)>;

bool plant_stale_read(History& history, Random& random) {
  return plant_old_read(history, random).has_value();
}

bool plant_weak_read_too_old(History& history, Random& random) {
  const auto planted = plant_old_read(history, random);
  if (!planted || planted->read->invoked - planted->newer->completed <= rules().staleness) return false;
  planted->read->strong = false;
  return true;
}

bool plant_own_write_unseen(History& history, Random& random) {
  const auto planted = plant_old_read(history, random);
  if (planted) planted->newer->process = stranger;
  return planted.has_value();
}

bool plant_non_monotonic_read(History& history, Random& random) {
  const auto planted = plant_old_read(history, random);
  if (!planted) return false;
  auto seen = by_stranger(Action::read, planted->read->key, planted->newer->completed + Time{1});
  seen.value = planted->newer->value;
  if (!is_before(seen, *planted->read)) return false;
  history.operations.push_back(seen);
  return true;
}

bool plant_lost_write(History& history, Random& random) {
  const auto last = last_overwriting(history, random);
  if (!last) return false;
  replace_seen(history, last->newer->key, last->newer->value, last->older->value, Time{0});
  return true;
}

bool plant_vanished_write(History& history, Random& random) {
  const auto last = last_overwriting(history, random);
  if (!last) return false;
  const auto since = first_seen(history, last->newer->key, last->newer->value);
  if (!since || *since >= history.operations.back().invoked) return false;
  replace_seen(history, last->newer->key, last->newer->value, last->older->value, *since);
  return true;
}

bool plant_vanished_unknown_write(History& history, Random& random) {
  const auto last = last_overwriting(history, random);
  if (!last) return false;
  const auto since = first_seen(history, last->newer->key, last->newer->value);
  if (!since || *since >= history.operations.back().invoked) return false;
  last->newer->outcome = Outcome::unknown;
  replace_seen(history, last->newer->key, last->newer->value, last->older->value, *since);
  return true;
}

bool plant_lost_insert(History& history, Random& random) {
  const auto* insert = lasting_insert(history, random);
  if (insert == nullptr) return false;
  replace_seen(history, insert->key, insert->value, std::nullopt, Time{0});
  return true;
}

bool plant_vanished_insert(History& history, Random& random) {
  const auto* insert = lasting_insert(history, random);
  if (insert == nullptr) return false;
  const auto since = first_seen(history, insert->key, insert->value);
  if (!since || *since >= history.operations.back().invoked) return false;
  replace_seen(history, insert->key, insert->value, std::nullopt, *since);
  return true;
}

bool plant_insert_missing_once(History& history, Random& random) {
  const auto* insert = lasting_insert(history, random);
  if (insert == nullptr) return false;
  auto* list = pick(random, select(history, [&](const Operation& operation) {
                      return operation.action == Action::list && was_answered_strongly(operation) &&
                             &operation != &history.operations.back() && is_before(*insert, operation) &&
                             insert->group.starts_with(operation.group);
                    }));
  if (list == nullptr) return false;
  list->process = stranger;
  std::erase_if(list->rows, [&](const ListedRow& row) { return row.key == insert->key; });
  return true;
}

bool plant_phantom_value(History& history, Random& random) {
  auto* read = pick(random, select(history, [](const Operation& operation) {
                      return is_register(operation) && operation.action == Action::read &&
                             operation.outcome == Outcome::ok;
                    }));
  if (read != nullptr) read->value = never_written;
  return read != nullptr;
}

bool plant_phantom_row(History& history, Random& random) {
  auto* list = strong_list(history, random);
  if (list != nullptr) list->rows.push_back({{never_written, 1}, -1, 1});
  return list != nullptr;
}

bool plant_row_of_another_group(History& history, Random& random) {
  auto* list = pick(random, select(history, [](const Operation& operation) {
                      return operation.outcome == Outcome::ok && operation.group == "set.0" &&
                             operation.action == Action::list;
                    }));
  if (list != nullptr) list->rows.push_back({{0, 0}, -1, 1});
  return list != nullptr;
}

bool plant_doubled_row(History& history, Random& random) {
  auto* list = strong_list(history, random);
  if (list != nullptr) list->rows.push_back(list->rows[random() % list->rows.size()]);
  return list != nullptr;
}

bool plant_row_on_two_shards(History& history, Random& random) {
  auto* list = strong_list(history, random);
  if (list == nullptr) return false;
  auto row = list->rows[random() % list->rows.size()];
  row.place = 1 - row.place;
  list->rows.push_back(row);
  return true;
}

bool plant_resurrected_row(History& history, Random& random) {
  const auto* remove = pick(random, select(history, [&](const Operation& candidate) {
                              return candidate.action == Action::remove && took_place(candidate) &&
                                     select(history, [&](const Operation& insert) {
                                       return insert.action == Action::insert &&
                                              insert.key == candidate.key && !is_before(insert, candidate);
                                     }).empty();
                            }));
  if (remove == nullptr) return false;
  const auto insert = pick(random, select(history, [&](const Operation& candidate) {
                             return candidate.action == Action::insert && candidate.key == remove->key;
                           }));
  if (!took_place(*insert)) return false;
  const auto is_covered = [&](const Operation& operation) {
    return operation.action == Action::list && was_answered_strongly(operation) &&
           is_before(*remove, operation) && insert->group.starts_with(operation.group);
  };
  auto* list = pick(random, select(history, is_covered));
  list->rows.push_back({remove->key, -1, *insert->value});
  return true;
}

bool plant_remove_of_nothing(History& history, Random& random) {
  auto* remove = pick(random, select(history, [](const Operation& operation) {
                        return operation.action == Action::remove && took_place(operation);
                      }));
  if (remove == nullptr) return false;
  auto again = *remove;
  again.process = stranger;
  again.invoked = again.completed = remove->completed + Time{1};
  // Nobody else has touched the row in between or at the same time.
  const bool is_alone = select(history, [&](const Operation& operation) {
                          return operation.action == Action::insert && operation.key == remove->key &&
                                 !is_before(operation, *remove) && !is_before(again, operation);
                        }).empty();
  const bool is_certain = select(history, [&](const Operation& operation) {
                            return operation.action == Action::insert && operation.key == remove->key &&
                                   operation.outcome == Outcome::unknown;
                          }).empty();
  if (!is_alone || !is_certain) return false;
  history.operations.push_back(again);
  return true;
}

bool plant_cas_on_wrong_value(History& history, Random& random) {
  auto found = overwritings(history);
  std::erase_if(found, [&](const Overwriting& overwriting) {
    return !select(history, [&](const Operation& operation) {
              return operation.action == Action::compare_and_set && operation.applied &&
                     operation.key == overwriting.older->key &&
                     operation.expected == overwriting.older->value;
            }).empty();
  });
  const auto overwriting = pick(random, found);
  if (!overwriting) return false;
  auto cas =
      by_stranger(Action::compare_and_set, overwriting->newer->key, overwriting->newer->completed + Time{1});
  cas.expected = overwriting->older->value;
  cas.value = never_written;
  history.operations.push_back(cas);
  return true;
}

bool plant_cas_twice(History& history, Random& random) {
  const auto* first = pick(random, select(history, [](const Operation& operation) {
                             return operation.action == Action::compare_and_set && took_place(operation);
                           }));
  if (first == nullptr) return false;
  auto second = by_stranger(Action::compare_and_set, first->key, first->completed + Time{1});
  second.expected = first->expected;
  second.value = never_written;
  history.operations.push_back(second);
  return true;
}

bool plant_refused_cas(History& history, Random& random) {
  const auto* read =
      pick(random, select(history, [&](const Operation& candidate) {
             return is_register(candidate) && candidate.action == Action::read &&
                    was_answered_strongly(candidate) &&
                    select(history, [&](const Operation& change) {
                      return change.key == candidate.key && change.action != Action::read &&
                             is_register(change) && change.invoked <= candidate.completed &&
                             (change.completed >= candidate.invoked || change.outcome == Outcome::unknown);
                    }).empty();
           }));
  if (read == nullptr) return false;
  auto cas = by_stranger(Action::compare_and_set, read->key, read->invoked);
  cas.completed = read->completed;
  cas.expected = read->value;
  cas.value = never_written;
  cas.applied = false;
  history.operations.push_back(cas);
  return true;
}

bool plant_failed_request(History& history, Random& random) {
  auto* read = pick(random, select(history, [](const Operation& operation) {
                      return (operation.action == Action::read || operation.action == Action::list) &&
                             operation.outcome == Outcome::ok;
                    }));
  read->outcome = Outcome::failed;
  read->answer = "503";
  return true;
}

struct Planting {
  const char* name;
  Plant plant;
  FaultKind expected;
};

const Planting plantings[] = {
    {"an acknowledged write that nobody ever sees", plant_lost_write, FaultKind::lost_write},
    {"an acknowledged insert that nobody ever sees", plant_lost_insert, FaultKind::lost_write},
    {"an acknowledged write that was seen and is gone", plant_vanished_write, FaultKind::vanished_write},
    {"a write of unknown outcome that was seen and is gone", plant_vanished_unknown_write,
     FaultKind::vanished_write},
    {"an acknowledged insert that was seen and is gone", plant_vanished_insert, FaultKind::vanished_write},
    {"a row missing in one list", plant_insert_missing_once, FaultKind::stale_read},
    {"a strong read of an overwritten value", plant_stale_read, FaultKind::stale_read},
    {"a read that need not be strong, and is older than it may be", plant_weak_read_too_old,
     FaultKind::stale_read},
    {"a client that does not see its own write", plant_own_write_unseen, FaultKind::own_write_unseen},
    {"a client that reads back in time", plant_non_monotonic_read, FaultKind::non_monotonic_read},
    {"a value that nobody has written", plant_phantom_value, FaultKind::phantom_value},
    {"a row that nobody has inserted", plant_phantom_row, FaultKind::phantom_row},
    {"a row in a list of another group", plant_row_of_another_group, FaultKind::phantom_row},
    {"a row twice in a list", plant_doubled_row, FaultKind::doubled_row},
    {"a row on two shards", plant_row_on_two_shards, FaultKind::row_on_two_shards},
    {"a removed row in a later list", plant_resurrected_row, FaultKind::resurrected_row},
    {"a row removed twice", plant_remove_of_nothing, FaultKind::resurrected_row},
    {"a compare-and-set that took an old value for the current one", plant_cas_on_wrong_value,
     FaultKind::cas_on_wrong_value},
    {"two compare-and-sets from the same value", plant_cas_twice, FaultKind::cas_twice},
    {"a compare-and-set that did not see the expected value", plant_refused_cas, FaultKind::cas_refused},
    {"a request that failed", plant_failed_request, FaultKind::failed_request},
};

}  // namespace

TEST_CASE("what a correct store gives is accepted, whatever overlaps and whatever stays unknown") {
  std::size_t operations = 0, unknown = 0;
  for (std::uint64_t round = 0; round < 10'000; ++round) {
    Random random(seed + round);
    const auto history = random_history(random, random_options(random));
    const auto verdict = check(history, rules());
    INFO("seed ", seed + round, ": ", to_string(verdict, history));
    if (!verdict.is_clean()) FAIL("a fault in a history without faults");
    operations += history.operations.size();
    unknown += static_cast<std::size_t>(
        std::count_if(history.operations.begin(), history.operations.end(),
                      [](const Operation& operation) { return operation.outcome == Outcome::unknown; }));
  }
  CHECK(operations > 1'000'000);
  CHECK(unknown > 10'000);
}

TEST_CASE("every planted fault is found, and named as what it is") {
  for (const auto& [name, plant, expected] : plantings) {
    int planted = 0;
    for (std::uint64_t round = 0; planted < 200; ++round) {
      INFO(name, ", seed ", seed + round);
      REQUIRE(round < 20'000);
      Random random(seed + round);
      auto options = random_options(random);
      options.unique_values = true;
      auto history = random_history(random, options);
      if (!plant(history, random)) continue;
      ++planted;
      const auto verdict = check(history, rules());
      INFO(to_string(verdict, history));
      REQUIRE(verdict.faults.size() == 1);
      REQUIRE(to_string(verdict.faults.front().kind) == to_string(expected));
      REQUIRE_FALSE(verdict.faults.front().operations.empty());
    }
  }
}

TEST_CASE("a request of unknown outcome is a fault, too, unless it is allowed") {
  History history{{"films"}, {}, {by_stranger(Action::read, {1, 0}, Time{0})}};
  CHECK(check(history).is_clean());
  history.operations.front().outcome = Outcome::unknown;
  CHECK(check(history).faults.front().kind == FaultKind::failed_request);
  CHECK(check(history, rules()).is_clean());
}

TEST_CASE(
    "a change under way may be seen by weak reads before strong ones see it, and by no strong one for a "
    "while only") {
  History history{{"films"}, {}, {}};
  const auto add = [&](Action action, int invoked, int completed, std::int64_t value) -> Operation& {
    auto& operation = history.operations.emplace_back(by_stranger(action, {1, 0}, Time{invoked}));
    operation.completed = Time{completed};
    operation.value = value;
    return operation;
  };
  add(Action::insert, 0, 1, 1);
  add(Action::write, 10, 100, 2);
  add(Action::read, 20, 30, 2).strong = false;
  add(Action::read, 40, 50, 1);
  CHECK(check(history).is_clean());
  history.operations[2].strong = true;
  const auto verdict = check(history);
  REQUIRE(verdict.faults.size() == 1);
  CHECK(verdict.faults.front().operations == std::vector<std::size_t>{3, 1, 2});
}

TEST_CASE("a change of unknown outcome may have taken place, whatever else was recorded of it") {
  History history{{"films"}, {}, {}};
  history.operations.push_back(by_stranger(Action::insert, {1, 0}, Time{0}));
  history.operations.back().value = 1;
  history.operations.push_back(by_stranger(Action::write, {1, 0}, Time{10}));
  history.operations.back().value = 2;
  history.operations.back().outcome = Outcome::unknown;
  history.operations.back().applied = false;
  history.operations.push_back(by_stranger(Action::read, {1, 0}, Time{20}));
  for (const std::int64_t seen : {1, 2}) {
    history.operations.back().value = seen;
    CHECK(check(history, rules()).is_clean());
  }
}

TEST_CASE("too many possible orders are a fault") {
  History history{{"films"}, {}, {}};
  const Key key{1, 0};
  history.operations.push_back(by_stranger(Action::insert, key, Time{0}));
  history.operations.back().value = 0;
  for (int i = 1; i <= 24; ++i) {
    history.operations.push_back(by_stranger(Action::write, key, Time{2}));
    history.operations.back().value = i;
  }
  history.operations.push_back(by_stranger(Action::read, key, Time{9}));
  history.operations.back().value = 25;
  Rules hasty;
  hasty.search_limit = 10'000;
  const auto verdict = check(history, hasty);
  REQUIRE(verdict.faults.size() == 1);
  CHECK(verdict.faults.front().kind == FaultKind::undecided);
}

TEST_CASE("what is no history is refused") {
  auto insert = by_stranger(Action::insert, {1, 0}, Time{5});
  insert.group = "one";
  auto other = insert;
  other.group = "two";
  CHECK_THROWS_AS(check({{"films"}, {}, {insert, other}}), std::invalid_argument);
  insert.completed = Time{4};
  CHECK_THROWS_AS(check({{"films"}, {}, {insert}}), std::invalid_argument);
}

TEST_CASE("a verdict tells each fault with the operations that prove it") {
  auto insert = by_stranger(Action::insert, {7, 0}, Time{1'000'000});
  insert.group = "all";
  insert.value = 1;
  auto list = by_stranger(Action::list, {}, Time{3'500'000});
  list.process = 2;
  list.group = "all";
  auto failed = by_stranger(Action::write, {8, 0}, Time{5'000'000});
  failed.outcome = Outcome::failed;
  failed.value = 5;
  failed.answer = "503 of alpha";
  const History history{{"films"}, {}, {insert, list, failed}};
  CHECK(to_string(check(history), history) ==
        "3 operations on 2 rows: 2 faults\n"
        "failed request: a request failed\n"
        "    [4.000 - 4.000 ms] client 99 writes films/8 = 5: failed, 503 of alpha\n"
        "lost write: films/7 was changed, and the change was never seen\n"
        "    [2.500 - 2.500 ms] client 2 lists all*: 0 rows\n"
        "    [0.000 - 0.000 ms] client 99 inserts films/7 = 1 into all");
}

}  // namespace shardplex::consistency
