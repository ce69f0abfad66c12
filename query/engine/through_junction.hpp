// Rows that are related many to many, where the junction's rows and theirs are on different shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "query/engine/lookup_keys.hpp"
#include "query/engine/operator.hpp"
#include "query/engine/row_page.hpp"
#include "query/engine/sort_key.hpp"

namespace shardplex {

/// Input 0 are the junction's rows: their first sort key is the number of the key they were found by, and
/// Row::related is the key of the row they lead to. Once they are finished, input 1 are the rows which
/// `keys()` lead to, with the number of that key as first sort key. Gives each row as often as a junction's
/// row leads to it, with the number of the junction's row: by that number, and of one number in the order of
/// `keys`, of which the page is given.
///
/// Precondition: input 1 carries all of the keys. Memory: everything; more than most_rows rows of either
/// input or of the answer, and more than most_bytes, are refused (SHARD400).
class ThroughJunction final : public RowOperator {
 public:
  /// `keys`: of the rows of input 1; the first is the number. `related`: the junction rows' key.
  ThroughJunction(std::vector<MergeKey> keys, std::vector<std::size_t> related, RowPage page);

  static constexpr std::size_t most_rows = 100'000;
  static constexpr std::size_t most_bytes = std::size_t{64} << 20;

  Step next() override;
  void push(std::size_t input, Row row) override;
  void finish(std::size_t input) override;
  void fail(std::size_t input, Error error) override;
  /// fail() for a reason that fewer keys may not give.
  void fail_of_size(Error error);
  std::size_t key_count(std::size_t input) const override { return input == 0 ? 1 : keys_.size(); }

  /// next() will only say Error: whatever is pushed is of no use.
  bool has_failed() const { return failure_.has_value(); }
  /// What it has failed of is too much.
  bool has_failed_of_size() const { return failure_ && is_of_size_; }
  /// What it takes in memory, about.
  std::size_t bytes() const;

  /// What input 1 is needed for.
  const LookupKeys& keys() const { return targets_; }

 private:
  struct Link {
    std::uint32_t from;  // the number that the junction's row was found by
    std::uint32_t to;    // the number of a key; then of a row
  };
  bool is_too_large() const;
  void put_in_order();

  std::vector<MergeKey> keys_;
  LookupKeys targets_;
  PageCounter page_;
  std::vector<Link> links_;
  std::vector<Row> rows_;
  std::size_t row_bytes_ = 0;
  std::size_t given_ = 0;  // of the links
  bool has_junction_ = false, has_rows_ = false, in_order_ = false;
  std::optional<Error> failure_;
  bool is_of_size_ = false;
};

}  // namespace shardplex
