// The rows of several inputs, one input after the other.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "query/engine/operator.hpp"

namespace shardplex {

/// Precondition: no order was asked for, or there is only one input, whose order is then the answer's. An
/// input is only asked for once those before it have been given whole.
class Concatenate final : public RowOperator {
 public:
  explicit Concatenate(std::size_t inputs) : inputs_(inputs) {}

  Step next() override;
  void push(std::size_t input, Row row) override;
  void finish(std::size_t input) override;
  void fail(std::size_t input, Error error) override;
  std::size_t key_count(std::size_t) const override { return 0; }

 private:
  struct Input {
    std::deque<Row> rows;
    bool finished = false;
  };
  std::vector<Input> inputs_;
  std::size_t current_ = 0;
  std::optional<Error> failure_;
};

}  // namespace shardplex
