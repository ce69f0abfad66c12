// Whether keys spread evenly over slots: Pearson's chi-square test against the uniform distribution.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "shard_map/key.hpp"

using namespace shardplex;

namespace {

constexpr std::uint32_t slot_count = 1024;
constexpr int key_count = 1'000'000;

/// How many standard deviations chi-square lies from its mean, for as many degrees of freedom as slots less
/// one. Far above: uneven. Far below: too even to be a hash.
template <class SlotOfKey>
double deviation(SlotOfKey slot_of_key, std::uint32_t slots = slot_count) {
  std::vector<int> counts(slots);
  for (int i = 0; i < key_count; ++i) ++counts[slot_of_key(i).value];
  const double expected = double(key_count) / slots;
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
  const double freedom = slots - 1;
  return (chi_square - freedom) / std::sqrt(2 * freedom);
}

constexpr double limit = 4;  // one even spread in about ten thousand lies beyond

}  // namespace

TEST_CASE("a million consecutive ids spread evenly") {
  CHECK(std::abs(deviation([](int i) { return slot_of(canonical_bytes(i + 1), slot_count); })) < limit);
}

TEST_CASE("a million time-ordered ids with a node number in them spread evenly") {
  CHECK(std::abs(deviation([](int i) {
          const std::int64_t id = (std::int64_t{1'700'000'000} + i / 3) << 19 | (i % 3) << 7 | 5;
          return slot_of(canonical_bytes(id), slot_count);
        })) < limit);
}

TEST_CASE("a million film titles spread evenly") {
  const std::vector<std::string> first = {"The Last", "A Quiet", "Return of the", "Am\u00e9lie and the",
                                          "Dr.",      "12"};
  const std::vector<std::string> second = {"King",    "Night",       "Samurai", "Summer",
                                           "Monkeys", "Stra\u00dfe", "Heat"};
  const auto title = [&](int i) {
    return first[std::size_t(i) % first.size()] + ' ' + second[std::size_t(i) / 6 % second.size()] + ' ' +
           std::to_string(i / 42);
  };
  CHECK(std::abs(deviation([&](int i) { return slot_of(title(i), slot_count); })) < limit);
}

TEST_CASE("a million ids spread evenly over the slots of a list that is not a power of two") {
  constexpr std::uint32_t list_size = 76;
  CHECK(std::abs(deviation([](int i) { return slot_of(canonical_bytes(i + 1), list_size); }, list_size)) <
        limit);
}

TEST_CASE("the test itself refuses what is uneven and what is suspiciously even") {
  CHECK(deviation([](int i) { return Slot{static_cast<std::uint32_t>(i) % 1000}; }) > limit);
  CHECK(deviation([](int i) { return Slot{static_cast<std::uint32_t>(i) % slot_count}; }) < -limit);
}
