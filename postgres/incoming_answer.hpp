// How many bytes of an answer have come that is not whole yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "postgres/memory_budget.hpp"

namespace shardplex::postgres {

/// libpq gathers an answer in memory until it is whole, and does not say how much of it has come. The kernel
/// does: it counts what a TCP socket has received. (A Unix-domain socket does not tell: there, an answer is
/// weighed when it is whole.)
class IncomingAnswer {
 public:
  enum class Verdict : std::uint8_t { fits, too_large, no_memory };

  /// `limit`: the most bytes of one answer; 0 is no bound.
  IncomingAnswer(MemoryBudget* budget, std::size_t limit) : memory_(budget), limit_(limit) {}

  /// To be called where bytes have been read and the answer is not whole. Costs a system call. One that is
  /// not `refusable` is counted whether the budget has room or not.
  Verdict grown(int socket, bool refusable);
  /// The answer is whole; the next one begins.
  void whole() {
    if (!start_) return;
    start_.reset();
    memory_.resize(0);
  }
  /// Some answer was so large that libpq's buffers, which never shrink, had better go.
  bool was_large() const { return was_large_; }

 private:
  Reservation memory_;
  std::size_t limit_;
  std::optional<std::uint64_t> start_;  // what the socket had received when this answer was first looked at
  bool was_large_ = false;
};

}  // namespace shardplex::postgres
