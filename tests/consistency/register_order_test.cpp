// Orders of the steps of one register.
#include "tests/consistency/register_order.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace shardplex::consistency {
namespace {

using Random = std::mt19937_64;
using Found = Ordering::Found;

constexpr std::size_t enough = 1'000'000;
constexpr std::uint64_t seed = 20240611;

Step step(int invoked, int completed, Step::Needs needs, Value operand) {
  Step step;
  step.invoked = Time{invoked};
  step.completed = Time{completed};
  step.needs = needs;
  step.operand = operand;
  return step;
}
Step sees(int invoked, int completed, Value value) {
  return step(invoked, completed, Step::Needs::equal, value);
}
Step changes(int invoked, int completed, Value from, Value to) {
  auto change = step(invoked, completed, Step::Needs::equal, from);
  change.changes = true;
  change.makes = to;
  return change;
}
/// Of a row that is there, to this value.
Step writes(int invoked, int completed, Value to) {
  auto write = changes(invoked, completed, std::nullopt, to);
  write.needs = Step::Needs::different;
  return write;
}
Step maybe(Step step) {
  step.completed = Time::max();
  return step;
}

/// Tries all orders of all steps that have to take place with all choices of the others.
bool has_order(const std::vector<Step>& steps, std::vector<bool>& placed, const Value& value) {
  bool all_placed = true;
  for (std::size_t i = 0; i < steps.size(); ++i)
    all_placed = all_placed && (placed[i] || steps[i].may_be_missing());
  if (all_placed) return true;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (placed[i] || !steps[i].fits(value)) continue;
    const auto comes_too_early = [&] {
      for (std::size_t j = 0; j < steps.size(); ++j)
        if (!placed[j] && j != i && steps[j].completed < steps[i].invoked) return true;
      return false;
    };
    if (comes_too_early()) continue;
    placed[i] = true;
    if (has_order(steps, placed, steps[i].changes ? steps[i].makes : value)) return true;
    placed[i] = false;
  }
  return false;
}

Step random_step(Random& random) {
  const auto value = [&]() -> Value {
    const auto dice = static_cast<std::int64_t>(random() % 4);
    return dice == 3 ? Value{} : Value{dice};
  };
  Step step;
  step.invoked = Time{random() % 12};
  step.completed = random() % 5 == 0 ? Time::max() : step.invoked + Time{random() % 6};
  step.needs = random() % 3 == 0 ? Step::Needs::different : Step::Needs::equal;
  step.operand = value();
  step.changes = step.may_be_missing() || random() % 2 == 0;
  if (step.changes) step.makes = value();
  return step;
}

}  // namespace

TEST_CASE("an order is found exactly where trying all orders finds one") {
  Random random(seed);
  std::size_t with_order = 0, without = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::vector<Step> steps(1 + random() % 7);
    std::generate(steps.begin(), steps.end(), [&] { return random_step(random); });
    std::vector<bool> placed(steps.size());
    const bool expected = has_order(steps, placed, std::nullopt);
    ++(expected ? with_order : without);
    const auto ordering = find_order(steps, enough);
    if ((ordering.found == Found::order) != expected) FAIL("seed ", seed, ", round ", round);
  }
  CHECK(with_order > 20'000);
  CHECK(without > 20'000);
}

TEST_CASE("the misfit is the first step to complete that fits in nowhere") {
  const std::vector<Step> steps{changes(0, 1, {}, 1), sees(8, 9, 7), sees(2, 3, 1), sees(4, 5, 2),
                                sees(6, 7, 1)};
  const auto ordering = find_order(steps, enough);
  CHECK(ordering.found == Found::no_order);
  CHECK(ordering.misfit == 3);
}

TEST_CASE("many changes that may be missing and nobody saw cost nothing") {
  std::vector<Step> steps{changes(0, 1, {}, 0)};
  for (int i = 1; i <= 200; ++i) {
    steps.push_back(maybe(writes(2 * i, 0, i)));
    steps.push_back(sees(2 * i, 2 * i + 1, 0));
  }
  CHECK(find_order(steps, 100'000).found == Found::order);
  SUBCASE("also where each of them is seen in the end") {
    for (int i = 1; i <= 200; ++i) steps.push_back(sees(1000 + 2 * i, 1001 + 2 * i, i));
    CHECK(find_order(steps, 100'000).found == Found::order);
    steps.push_back(sees(2000, 2001, 7));
    CHECK(find_order(steps, 100'000).found == Found::no_order);
  }
}

TEST_CASE("a search is given up as undecided where it takes too long") {
  std::vector<Step> steps{changes(0, 1, {}, 0)};
  for (int i = 1; i <= 24; ++i) steps.push_back(writes(2, 3, i));
  steps.push_back(sees(4, 5, 25));
  CHECK(find_order(steps, 10'000).found == Found::undecided);
}

}  // namespace shardplex::consistency
