#include "query/engine/concatenate.hpp"

#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex {

RowOperator::Step Concatenate::next() {
  if (failure_) return *failure_;
  for (; current_ < inputs_.size(); ++current_) {
    auto& input = inputs_[current_];
    if (!input.rows.empty()) {
      Step step = std::move(input.rows.front());
      input.rows.pop_front();
      return step;
    }
    if (!input.finished) return Needs{current_, std::nullopt};
  }
  return Done{};
}

void Concatenate::push(std::size_t input, Row row) {
  invariant(!inputs_[input].finished, "a finished input has no more rows");
  inputs_[input].rows.push_back(std::move(row));
}

void Concatenate::finish(std::size_t input) {
  inputs_[input].finished = true;
}

void Concatenate::fail(std::size_t, Error error) {
  if (!failure_) failure_ = std::move(error);
}

}  // namespace shardplex
