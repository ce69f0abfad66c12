// K-way merge of sorted inputs, without I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "query/engine/sort_key.hpp"

namespace shardplex {

/// A row of an answer: its JSON text as PostgreSQL built it, and the values it sorts by (binary, nullopt is
/// null).
struct Row {
  std::string json;
  std::vector<std::optional<std::string>> keys;
};

/// Precondition: each input is sorted by `keys`. Output is sorted by `keys`; equal rows come in the order of
/// their inputs. Skips `offset` rows, then yields at most `limit`. Memory is what has been pushed and not yet
/// yielded.
class SortedMerge {
 public:
  SortedMerge(std::vector<MergeKey> keys, std::size_t inputs, std::uint64_t offset,
              std::optional<std::uint64_t> limit);

  void push(std::size_t input, Row row);
  void finish(std::size_t input);  ///< the input has no more rows

  struct Needs {
    std::size_t input;
  };  ///< push or finish this input before calling next() again
  struct Done {};
  /// The next row of the answer, an input that has to be fed first, or the end.
  std::variant<Row, Needs, Done> next();

 private:
  struct Input {
    std::deque<Row> rows;
    bool finished = false;
  };
  std::vector<MergeKey> keys_;
  std::vector<Input> inputs_;
  // Inputs by their first row, smallest on top; of equal rows, the earlier input's.
  std::vector<std::size_t> heap_;
  // Inputs outside the heap: all of them at first, then the one last taken from.
  std::vector<std::size_t> starved_;
  std::uint64_t to_skip_;
  std::optional<std::uint64_t> left_;

  Row take_first();
  std::optional<std::size_t> admit_starved();
  bool sorts_before(std::size_t a, std::size_t b) const;
};

}  // namespace shardplex
