// The rows of several shards as one sequence.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/engine/sorted_merge.hpp"
#include "query/plan/plan.hpp"
#include "router/execution/scatter_gather.hpp"

namespace shardplex::router {

/// The rows of all shards in the answer's order, one after the other.
class MergedRows {
 public:
  MergedRows(const ReadPlan& plan, std::vector<ShardRows> sources, Deadline deadline)
      : sources_(std::move(sources)),
        deadline_(deadline),
        key_count_(sources_.size() > 1 ? plan.keys.size() : 0),
        merge_(key_count_ > 0 ? plan.keys : std::vector<MergeKey>{}, sources_.size(),
               sources_.size() == 1 && plan.offset_applied({std::nullopt, false, true, nullptr})
                   ? 0
                   : plan.offset,
               plan.limit) {}

  /// nullopt at the end.
  Awaitable<Result<std::optional<Row>>> next() {
    if (!page_.empty()) {
      auto row = std::move(page_.front());
      page_.pop_front();
      co_return std::optional<Row>(std::move(row));
    }
    co_return co_await merge_next();
  }

  /// Merges the whole answer ahead of next(); false where a shard had been asked for too few rows to tell
  /// what it is.
  Awaitable<Result<bool>> merge_ahead() {
    for (;;) {
      auto row = co_await merge_next();
      if (!row) co_return row.error();
      if (!*row) break;
      page_.push_back(std::move(**row));
    }
    co_return !starved_;
  }

 private:
  Awaitable<Result<std::optional<Row>>> merge_next() {
    for (;;) {
      auto step = merge_.next();
      if (auto* row = std::get_if<Row>(&step)) co_return std::optional<Row>(std::move(*row));
      if (std::holds_alternative<SortedMerge::Done>(step)) co_return std::optional<Row>();
      const auto input = std::get<SortedMerge::Needs>(step).input;
      auto window = co_await sources_[input].next(deadline_);
      if (!window) co_return window.error();
      std::size_t pushed = 0;
      window->for_each_row([&](const postgres::ResultSet& set, int row) {
        merge_.push(input, copy_row(set, row));
        ++pushed;
      });
      if (pushed > 0) continue;
      merge_.finish(input);
      starved_ |= sources_[input].cut_short();
    }
  }

  Row copy_row(const postgres::ResultSet& set, int row) const {
    Row out{std::string(set.bytes(row, 0)), {}};
    out.keys.reserve(key_count_);
    for (std::size_t key = 0; key < key_count_; ++key)
      out.keys.push_back(set.copy(row, static_cast<int>(key) + 1));
    return out;
  }

  std::vector<ShardRows> sources_;
  Deadline deadline_;
  std::size_t key_count_;
  SortedMerge merge_;
  std::deque<Row> page_;  // merged ahead
  bool starved_ = false;
};

}  // namespace shardplex::router
