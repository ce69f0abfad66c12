// How fast rows are copied.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

namespace shardplex::operations {

/// Bytes per second for all moves of a process together. Any thread.
class RateLimit {
 public:
  explicit RateLimit(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}  ///< 0: none
  /// Counts bytes that were moved, and sleeps as long as they were too many.
  void spend(std::uint64_t bytes);
  /// Counts bytes that were moved by `now`; the time before which no more should be.
  std::chrono::steady_clock::time_point reserve(std::uint64_t bytes,
                                                std::chrono::steady_clock::time_point now);

 private:
  std::uint64_t bytes_per_second_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point free_at_{};
};

}  // namespace shardplex::operations
