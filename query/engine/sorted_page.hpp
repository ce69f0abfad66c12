// A page of rows whose order is known only once all of them are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "query/engine/operator.hpp"
#include "query/engine/row_page.hpp"
#include "query/engine/sort_key.hpp"

namespace shardplex {

/// An order by more than the rows' own shards know.
struct SortPlan {
  struct Key {
    MergeKey key;
    std::size_t of = 0;  ///< which of Row::keys has its values
    bool operator==(const Key&) const = default;
  };
  std::vector<Key> keys;
  /// Of all rows; one of each key where the number of its key is what a row is first ordered by.
  RowPage page = {};
  bool operator==(const SortPlan&) const = default;
};

/// Takes all rows, in any order, and keeps those that may be on the page. Rows that no key tells apart stay
/// in the order in which they came. Memory: the rows up to the page's end, of however many; all where the
/// page is one of each key.
///
/// Precondition: the rows have all keys, and each value is_value_of() its key's kind.
class SortedPage {
 public:
  explicit SortedPage(SortPlan plan);

  /// So many rows may be looked through; more are refused (SHARD400).
  static constexpr std::uint64_t most_rows = 100'000;

  std::optional<Error> add(Row row);
  /// The page's rows, in order. Nothing is to be called afterwards.
  std::deque<Row> take();
  /// What the rows that are kept take in memory, about.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    Row row;
    std::uint64_t number;  // as they came
  };
  bool is_before(const Kept& a, const Kept& b) const;

  SortPlan plan_;
  std::optional<std::uint64_t> most_kept_;  // up to the page's end; nullopt: all
  std::vector<Kept> kept_;                  // a heap, the last row of the order in front
  std::uint64_t added_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace shardplex
