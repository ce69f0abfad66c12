// Rows of one table with related rows of others inside them, or chosen by those; these are looked up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "query/engine/found_rows.hpp"
#include "query/engine/lookup_keys.hpp"
#include "query/engine/operator.hpp"
#include "query/engine/row_condition.hpp"
#include "query/engine/row_page.hpp"

namespace shardplex {

/// What is looked up for each row, and which rows are given.
struct JoinPlan {
  struct Embed {
    std::vector<std::size_t> key;  ///< which of Row::related the rows are looked up by
    EmbedShape shape;              ///< one that shows something has a room in each row, in their order
    bool with_null = false;        ///< a key of null finds something too (LookupKeys)
  };
  std::vector<Embed> embeds;
  std::optional<RowCondition> keep;  ///< of its lookups' numbers; rows for which it is not true are left out
  RowPage page;                      ///< of the rows that are left
  bool counts = false;        ///< all rows that are left are counted, whether they are on the page or not
  bool sorted_later = false;  ///< no row is of use before all have been looked through

  /// True where rows are left out by what is found: the page is then not the shards' to apply.
  bool leaves_out() const { return keep.has_value(); }
};

/// Takes rows in batches, has looked up what each batch needs, and gives the rows in their order. Input 0 are
/// the rows. Input 1 + i are the rows that embed i finds by `keys(1 + i)`, once for each batch that has any:
/// they have the number of their key as first sort key, and come key by key, each in the order of its array.
/// They are pushed whole, and then the input is finished; it begins anew with the next batch.
///
/// First it asks for what decides whether a row is kept, and for the rest only for the rows of the page
/// (a semi-join, then a join). Memory: a batch, and what was found for it; where that is too much, it is
/// looked up anew for half as many rows at a time.
///
/// Precondition: where the page is one of each key, input 0 has its rows' keys as input 1 + i has them, in
/// order.
class LookupJoin final : public RowOperator {
 public:
  explicit LookupJoin(JoinPlan plan);

  /// At most so many rows are in a batch, so that no lookup has more keys.
  static constexpr std::size_t most_batch_rows = 1000;
  /// So many bytes may be found for a batch; for one row, more are refused (SHARD400).
  static constexpr std::size_t most_found_bytes = std::size_t{64} << 20;
  /// So many rows may be looked through that are not given, to fill a page, to count or to sort; more are
  /// refused (SHARD400).
  static constexpr std::uint64_t most_left_out = 100'000;

  Step next() override;
  void push(std::size_t input, Row row) override;
  void finish(std::size_t input) override;
  void fail(std::size_t input, Error error) override;
  /// fail() for a reason that fewer rows may not give: next() tries with half as many, where there are two.
  /// Precondition: not of input 0, whose rows come once.
  void fail_of_size(std::size_t input, Error error);
  std::size_t key_count(std::size_t) const override { return 1; }

  /// All inputs other than 0 that are needed when next() has said that one is: they may be fed in any order.
  std::vector<std::size_t> needed_lookups() const;
  /// The keys that an input other than 0 is needed for.
  const LookupKeys& keys(std::size_t input) const { return lookups_[input - 1].keys; }
  /// No row comes any more, whatever else there is.
  bool page_is_full() const { return !plan_.counts && page_.is_full(); }
  /// How many rows are left of those that there have been. Precondition: the plan counts them.
  std::uint64_t counted() const { return page_.passed(); }
  /// Whatever is pushed before the next call of next() is of no use.
  bool has_failed() const { return failure_.has_value(); }
  /// What it has failed of is too much.
  bool has_failed_of_size() const { return failure_ && is_of_size_; }
  /// The number of the batch, or of the try with it.
  std::size_t batch_number() const { return batch_number_; }
  /// What the rows of the batch, and those found for it, take in memory, about.
  std::size_t bytes() const;

 private:
  struct Lookup {
    LookupKeys keys;
    FoundRows found;
    bool decides = false;
    bool finished = false;
    std::vector<std::optional<std::uint32_t>> numbers;  // by row of the batch: that of its key
  };
  enum class Phase { gathering, deciding, completing, giving };

  bool gather();
  void begin(Phase phase);
  std::optional<std::size_t> unfinished_lookup() const;
  void choose();
  bool halve_batch();
  Row written(std::size_t number);
  std::size_t batch_rows() const;

  JoinPlan plan_;
  std::vector<Lookup> lookups_;
  PageCounter page_;
  Phase phase_ = Phase::gathering;
  std::deque<Row> waiting_;  // pushed, and in no batch yet
  bool ended_ = false;       // no more rows will be pushed
  std::vector<Row> batch_;
  std::vector<std::size_t> chosen_;  // of the batch, those on the page
  std::size_t given_ = 0;            // of those
  std::size_t batch_bytes_ = 0;
  std::size_t batch_number_ = 0;
  std::size_t most_rows_ = most_batch_rows;  // fewer since batches have been too much
  std::uint64_t left_out_ = 0;
  PageCounter page_before_;  // the batch, and how many were left out
  std::uint64_t left_out_before_ = 0;
  std::optional<Error> failure_;
  bool is_of_size_ = false;
};

}  // namespace shardplex
