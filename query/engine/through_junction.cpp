#include "query/engine/through_junction.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "query/engine/found_rows.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

Error too_many_links() {
  return {
      "SHARD400", "This request is too large to be answered",
      "One of its rows is related, many to many, to more than " + std::to_string(ThroughJunction::most_rows) +
          " rows of other shards, or to more than " + std::to_string(ThroughJunction::most_bytes >> 20) +
          " MiB of them",
      "Ask for fewer rows at a time (limit=), or shard the junction by the column that leads to the embedded "
      "table.",
      std::nullopt};
}

}  // namespace

ThroughJunction::ThroughJunction(std::vector<MergeKey> keys, std::vector<std::size_t> related, RowPage page)
    : keys_(std::move(keys)), targets_(std::move(related)), page_(page) {
  invariant(!keys_.empty(), "looked-up rows have the number of their key as first sort key");
}

RowOperator::Step ThroughJunction::next() {
  if (failure_) return *failure_;
  if (!has_junction_) return Needs{0, std::nullopt};
  if (!has_rows_ && !targets_.empty()) return Needs{1, std::nullopt};
  if (!in_order_) put_in_order();
  if (failure_) return *failure_;
  while (given_ < links_.size()) {
    const auto& link = links_[given_++];
    if (!page_.takes(link.from)) continue;
    Row row = rows_[link.to];
    row.keys.front() = number_value(link.from);
    return row;
  }
  return Done{};
}

/// From links to keys to links to rows, in the order of the answer.
void ThroughJunction::put_in_order() {
  in_order_ = true;
  std::vector<std::vector<std::uint32_t>> found(targets_.size());
  for (std::uint32_t row = 0; row < rows_.size(); ++row) found[*key_number(rows_[row])].push_back(row);
  std::vector<Link> to_rows;
  for (const auto& link : links_) {
    // A relation that only the map declares may lead to several rows by one key.
    if (to_rows.size() + found[link.to].size() > most_rows) return fail_of_size(too_many_links());
    for (const auto row : found[link.to]) to_rows.push_back({link.from, row});
  }
  const auto before = [&](const Link& a, const Link& b) {
    if (a.from != b.from) return a.from < b.from;
    for (std::size_t key = 1; key < keys_.size(); ++key)
      if (const int order = compare_keys(keys_[key], rows_[a.to].keys[key], rows_[b.to].keys[key]);
          order != 0)
        return order < 0;
    return false;
  };
  std::ranges::stable_sort(to_rows, before);
  links_ = std::move(to_rows);
}

void ThroughJunction::push(std::size_t input, Row row) {
  const auto number = key_number(row);
  if (!number) return fail(input, not_asked_for());
  if (input == 0) {
    const auto target = targets_.add(row);
    if (!target) return;  // it leads nowhere
    links_.push_back({*number, *target});
    if (is_too_large()) fail_of_size(too_many_links());
    return;
  }
  invariant(row.keys.size() == keys_.size(), "a row has one value per key");
  if (*number >= targets_.size()) return fail(input, not_asked_for());
  for (std::size_t key = 0; key < keys_.size(); ++key)
    if (row.keys[key] && !is_value_of(keys_[key].kind, *row.keys[key])) return fail(input, not_asked_for());
  row_bytes_ += weight(row);
  rows_.push_back(std::move(row));
  if (is_too_large()) fail_of_size(too_many_links());
}

std::size_t ThroughJunction::bytes() const {
  return links_.size() * sizeof(Link) + targets_.bytes() + row_bytes_;
}

bool ThroughJunction::is_too_large() const {
  return links_.size() > most_rows || rows_.size() > most_rows || bytes() > most_bytes;
}

void ThroughJunction::finish(std::size_t input) {
  (input == 0 ? has_junction_ : has_rows_) = true;
}

void ThroughJunction::fail_of_size(Error error) {
  if (failure_) return;
  failure_ = std::move(error);
  is_of_size_ = true;
}

void ThroughJunction::fail(std::size_t, Error error) {
  if (!failure_) failure_ = std::move(error);
}

}  // namespace shardplex
