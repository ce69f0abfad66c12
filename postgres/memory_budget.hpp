// One bound on the memory of all requests under way, whatever each of them asks for.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace shardplex {

/// Counts bytes, and refuses more than its limit. Any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// False, and nothing taken, where fewer are left.
  bool take(std::size_t bytes) {
    const auto before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before <= limit_ && bytes <= limit_ - before) return true;
    give_back(bytes);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  /// For what can be done without: false, and nothing taken, where less than half of the limit would be left.
  /// Nobody is refused for it, so it is not counted as that.
  bool take_spare(std::size_t bytes) {
    const auto most = limit_ / 2;
    auto before = used_.load(std::memory_order_relaxed);
    do {
      if (before > most || bytes > most - before) return false;
    } while (!used_.compare_exchange_weak(before, before + bytes, std::memory_order_relaxed));
    return true;
  }
  /// Also where that makes more than the limit: others are refused for it.
  void take_anyway(std::size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void give_back(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::size_t limit() const { return limit_; }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  /// How many may still be taken at the moment.
  std::size_t left() const {
    const auto taken = used();
    return taken < limit_ ? limit_ - taken : 0;
  }
  /// How often take() has said no.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::uint64_t> refused_{0};
};

/// Bytes of a budget, given back when this goes. Without a budget there is no bound.
class Reservation {
 public:
  Reservation() = default;
  explicit Reservation(MemoryBudget* budget) : budget_(budget) {}
  Reservation(Reservation&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Reservation() { resize(0); }

  /// Holds so many bytes from now on. False, and as many as before, where the budget has no more.
  bool resize(std::size_t bytes) {
    if (budget_ != nullptr && bytes > bytes_ && !budget_->take(bytes - bytes_)) return false;
    if (budget_ != nullptr && bytes < bytes_) budget_->give_back(bytes_ - bytes);
    bytes_ = bytes;
    return true;
  }
  /// The same for what can be done without: see MemoryBudget::take_spare().
  bool resize_if_spare(std::size_t bytes) {
    if (bytes <= bytes_) return resize(bytes);
    if (budget_ != nullptr && !budget_->take_spare(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  /// The same, whether the budget has room or not.
  void resize_anyway(std::size_t bytes) {
    if (budget_ != nullptr && bytes > bytes_) budget_->take_anyway(bytes - bytes_);
    if (budget_ != nullptr && bytes < bytes_) budget_->give_back(bytes_ - bytes);
    bytes_ = bytes;
  }
  std::size_t bytes() const { return bytes_; }
  /// The most that it could hold at the moment.
  std::size_t most() const {
    return budget_ == nullptr ? std::numeric_limits<std::size_t>::max() : bytes_ + budget_->left();
  }

 private:
  MemoryBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace shardplex
