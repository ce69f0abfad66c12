// A number that one thread counts and any reads.
#pragma once

#include <atomic>
#include <cstdint>

namespace shardplex::router {

/// Written by one thread, read by any: an increment is a plain add, not a locked one.
class Count {
 public:
  void add(std::uint64_t n = 1) { value_.store(get() + n, std::memory_order_relaxed); }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace shardplex::router
