#include "query/engine/sorted_page.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "query/engine/lookup_keys.hpp"

namespace shardplex {
namespace {

Error too_many_to_sort() {
  return {
      "SHARD400", "This request cannot be answered within bounds",
      "Its rows are ordered by rows of other shards, so that all of them are read first, and there are "
      "more than " +
          std::to_string(SortedPage::most_rows),
      "Filter the rows by columns of their own, shard both tables by the columns that relate them, in one "
      "group, or make the embedded table a reference table.",
      std::nullopt};
}

/// nullopt where every row may be on the page.
std::optional<std::uint64_t> rows_up_to_end(const RowPage& page) {
  if (page.of_each_key || !page.limit || page.offset + *page.limit < page.offset) return std::nullopt;
  return page.offset + *page.limit;
}

}  // namespace

SortedPage::SortedPage(SortPlan plan) : plan_(std::move(plan)), most_kept_(rows_up_to_end(plan_.page)) {}

bool SortedPage::is_before(const Kept& a, const Kept& b) const {
  for (const auto& [key, of] : plan_.keys)
    if (const int order = compare_keys(key, a.row.keys[of], b.row.keys[of]); order != 0) return order < 0;
  return a.number < b.number;
}

std::optional<Error> SortedPage::add(Row row) {
  if (++added_ > most_rows) return too_many_to_sort();
  if (most_kept_ == 0) return std::nullopt;
  const auto in_order = [this](const Kept& a, const Kept& b) { return is_before(a, b); };
  Kept kept{std::move(row), added_};
  if (most_kept_ && kept_.size() == *most_kept_) {
    if (!is_before(kept, kept_.front())) return std::nullopt;
    std::ranges::pop_heap(kept_, in_order);
    bytes_ -= weight(kept_.back().row);
    kept_.pop_back();
  }
  bytes_ += weight(kept.row);
  kept_.push_back(std::move(kept));
  std::ranges::push_heap(kept_, in_order);
  return std::nullopt;
}

std::deque<Row> SortedPage::take() {
  const auto in_order = [this](const Kept& a, const Kept& b) { return is_before(a, b); };
  std::ranges::sort_heap(kept_, in_order);
  std::deque<Row> rows;
  PageCounter page(plan_.page);
  for (auto& [row, number] : kept_)
    if (page.takes(plan_.page.of_each_key ? key_number(row) : std::nullopt)) rows.push_back(std::move(row));
  return rows;
}

}  // namespace shardplex
