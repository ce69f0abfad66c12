#include "query/engine/sorted_merge.hpp"

#include <algorithm>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

Error malformed_value() {
  return {"SHARD503", "A shard's answer cannot be understood",
          "A value to sort by is none of its column's type.", "Try again shortly.", std::nullopt};
}

}  // namespace

SortedMerge::SortedMerge(std::vector<MergeKey> keys, std::size_t inputs)
    : keys_(std::move(keys)), inputs_(inputs) {
  for (std::size_t input = inputs; input > 0; --input) starved_.push_back(input - 1);
}

void SortedMerge::push(std::size_t input, Row row) {
  invariant(!inputs_[input].finished, "a finished input has no more rows");
  invariant(row.keys.size() == keys_.size(), "a row has one value per merge key");
  for (std::size_t key = 0; key < keys_.size(); ++key)
    if (row.keys[key] && !is_value_of(keys_[key].kind, *row.keys[key])) return fail(input, malformed_value());
  inputs_[input].rows.push_back(std::move(row));
}

void SortedMerge::finish(std::size_t input) {
  inputs_[input].finished = true;
}

void SortedMerge::fail(std::size_t, Error error) {
  if (!failure_) failure_ = std::move(error);
}

RowOperator::Step SortedMerge::next() {
  if (failure_) return *failure_;
  if (const auto needed = admit_starved()) return Needs{*needed, std::nullopt};
  if (heap_.empty()) return Done{};
  return take_first();
}

/// The smallest row of all: every unfinished input stands in the heap with its first row.
Row SortedMerge::take_first() {
  const auto sorts_after = [this](std::size_t a, std::size_t b) { return sorts_before(b, a); };
  std::ranges::pop_heap(heap_, sorts_after);
  const std::size_t input = heap_.back();
  heap_.pop_back();
  auto& rows = inputs_[input].rows;
  Row row = std::move(rows.front());
  rows.pop_front();
  starved_.push_back(input);
  return row;
}

/// Puts the inputs that left the heap back into it with their next row; the input that has to be fed first,
/// if any.
std::optional<std::size_t> SortedMerge::admit_starved() {
  const auto sorts_after = [this](std::size_t a, std::size_t b) { return sorts_before(b, a); };
  while (!starved_.empty()) {
    const std::size_t input = starved_.back();
    if (!inputs_[input].rows.empty()) {
      heap_.push_back(input);
      std::ranges::push_heap(heap_, sorts_after);
    } else if (!inputs_[input].finished) {
      return input;
    }
    starved_.pop_back();
  }
  return std::nullopt;
}

bool SortedMerge::sorts_before(std::size_t a, std::size_t b) const {
  const auto &first = inputs_[a].rows.front().keys, &second = inputs_[b].rows.front().keys;
  for (std::size_t i = 0; i < keys_.size(); ++i)
    if (const int order = compare_keys(keys_[i], first[i], second[i]); order != 0) return order < 0;
  return a < b;
}

}  // namespace shardplex
