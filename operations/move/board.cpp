#include "operations/move/board.hpp"

#include <algorithm>
#include <tuple>

namespace shardplex::operations {

void MoveBoard::put(const MoveEntry& entry) {
  const std::lock_guard lock(mutex_);
  std::erase_if(lines_, [&](const Line& line) { return line.entry.id == entry.id; });
  const auto order = [](const MoveEntry& one) { return std::tie(one.created_at, one.number, one.id); };
  const auto at =
      std::ranges::upper_bound(lines_, order(entry), {}, [&](const Line& line) { return order(line.entry); });
  lines_.insert(at, Line{entry, parse_progress(entry.progress), false});
}

void MoveBoard::update(const std::string& id, const std::function<void(Line&)>& change) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(lines_, id, [](const Line& line) { return line.entry.id; });
  if (found != lines_.end()) change(*found);
}

std::vector<MoveBoard::Line> MoveBoard::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

}  // namespace shardplex::operations
