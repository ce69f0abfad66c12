// K-way merge of sorted inputs.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "query/engine/operator.hpp"
#include "query/engine/sort_key.hpp"

namespace shardplex {

/// Precondition: each input is sorted by `keys`. The output is sorted by `keys`; equal rows come in the order
/// of their inputs. No row is given before every input has shown its next one or has ended. A row whose
/// values are not of the keys' kinds fails its input (SHARD503): a server has sent something else than it
/// said.
class SortedMerge final : public RowOperator {
 public:
  SortedMerge(std::vector<MergeKey> keys, std::size_t inputs);

  Step next() override;
  void push(std::size_t input, Row row) override;
  void finish(std::size_t input) override;
  void fail(std::size_t input, Error error) override;
  std::size_t key_count(std::size_t) const override { return keys_.size(); }

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
  std::optional<Error> failure_;

  Row take_first();
  std::optional<std::size_t> admit_starved();
  bool sorts_before(std::size_t a, std::size_t b) const;
};

}  // namespace shardplex
