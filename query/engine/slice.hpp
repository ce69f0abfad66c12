// Offset and limit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "query/engine/operator.hpp"

namespace shardplex {

/// Skips the first `offset` rows of another operator, then gives at most `limit`. Once the limit is reached
/// no input is asked for more. Precondition: none; the rows are what the other operator gives, in its order.
class Slice final : public RowOperator {
 public:
  Slice(std::unique_ptr<RowOperator> rows, std::uint64_t offset, std::optional<std::uint64_t> limit)
      : rows_(std::move(rows)), to_skip_(offset), left_(limit) {}

  Step next() override;
  void push(std::size_t input, Row row) override { rows_->push(input, std::move(row)); }
  void finish(std::size_t input) override { rows_->finish(input); }
  void fail(std::size_t input, Error error) override { rows_->fail(input, std::move(error)); }
  std::size_t key_count(std::size_t input) const override { return rows_->key_count(input); }

 private:
  std::optional<std::uint64_t> rows_that_matter() const;

  std::unique_ptr<RowOperator> rows_;
  std::uint64_t to_skip_;
  std::optional<std::uint64_t> left_;
};

}  // namespace shardplex
