#include "query/engine/slice.hpp"

#include <algorithm>
#include <limits>

namespace shardplex {

RowOperator::Step Slice::next() {
  while (left_ != 0) {
    Step step = rows_->next();
    if (auto* needs = std::get_if<Needs>(&step)) {
      if (const auto bound = rows_that_matter()) needs->rows = std::min(*bound, needs->rows.value_or(*bound));
    } else if (std::holds_alternative<Row>(step)) {
      if (to_skip_ > 0) {
        --to_skip_;
        continue;
      }
      if (left_) --*left_;
    }
    return step;
  }
  return Done{};
}

/// Of any one input: it may hold all rows that are skipped and all that are given.
std::optional<std::uint64_t> Slice::rows_that_matter() const {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  if (!left_) return std::nullopt;
  return *left_ > most - to_skip_ ? most : to_skip_ + *left_;
}

}  // namespace shardplex
