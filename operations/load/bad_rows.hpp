// The rows that a load refuses, on their way from the threads that find them to the one that tells of them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardplex::operations {

struct BadRow {
  std::uint64_t line = 0;
  std::string reason;
};

/// Thread-safe.
class BadRows {
 public:
  /// `enough`: this many bad rows end the load; nullopt: none do.
  explicit BadRows(std::optional<std::uint64_t> enough) : enough_(enough) {}

  void add(std::uint64_t line, std::string reason) {
    const std::scoped_lock lock(mutex_);
    ++count_;
    untold_.push_back({line, std::move(reason)});
  }

  std::uint64_t count() const { return count_; }
  bool enough() const { return enough_ && count_ >= *enough_; }
  /// A bad row was found, and one is enough for nothing of the load to be kept.
  bool refuse_load() const { return enough_ && count_ > 0; }

  /// Those added since the last call, by line.
  std::vector<BadRow> take() {
    const std::scoped_lock lock(mutex_);
    std::ranges::sort(untold_, {}, &BadRow::line);
    return std::exchange(untold_, {});
  }

 private:
  std::optional<std::uint64_t> enough_;
  std::atomic<std::uint64_t> count_ = 0;
  std::mutex mutex_;
  std::vector<BadRow> untold_;
};

}  // namespace shardplex::operations
