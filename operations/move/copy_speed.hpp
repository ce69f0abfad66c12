// The speed of a copy over its last seconds, by which the time that is left is told.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace shardplex::operations {

/// A value that is told of all bytes as they go. Takes no clock.
class CopySpeed {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit CopySpeed(Time begun) : sampled_(begun) {}

  /// Bytes per second, after `bytes` more at `now`. Time in which the copy was held up, by a pause for one,
  /// does not count.
  double after(std::uint64_t bytes, Time now) {
    const std::chrono::duration<double> elapsed = now - sampled_;
    bytes_ += bytes;
    if (elapsed > longest_sample) {
      sampled_ = now;
      bytes_ = 0;
    } else if (elapsed >= sample || !known_) {
      const double current = static_cast<double>(bytes_) / std::max(elapsed.count(), 0.001);
      per_second_ = known_ ? 0.7 * per_second_ + 0.3 * current : current;
      if (elapsed < sample) return per_second_;
      known_ = true;
      sampled_ = now;
      bytes_ = 0;
    }
    return per_second_;
  }

 private:
  static constexpr std::chrono::duration<double> sample{1.0}, longest_sample{3.0};
  Time sampled_;
  std::uint64_t bytes_ = 0;  // since then
  double per_second_ = 0;
  bool known_ = false;  // a whole sample has been taken
};

}  // namespace shardplex::operations
