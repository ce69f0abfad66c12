// What a connection is doing, and how long it may take.
#pragma once

#include <cstddef>
#include <cstdint>

#include "postgres/asio.hpp"
#include "router/settings.hpp"

namespace shardplex::router {

enum class Phase : std::uint8_t {
  idle,       ///< between requests
  head,       ///< the first bytes of a request are here
  body,       ///< its head is here
  serving,    ///< waiting for the handler, which has a deadline of its own
  writing,    ///< sending the answer, or a part of it
  lingering,  ///< the last answer has been sent
};

/// How long a connection may stay in a phase; Clock::duration::max() where there is no bound. Writing is
/// bounded by progress: see SendProgress. Pure.
Clock::duration time_limit(Phase phase, const Limits& limits);

/// Whether a client keeps up with its answer: in each `write_timeout` that is spent waiting for it, it has to
/// take as much as `write_rate` asks for in that time. So one that takes a byte now and then does not keep an
/// answer in memory. Time in which the answer is being made does not count.
class SendProgress {
 public:
  /// So many bytes went after so long a wait.
  void sent(std::size_t bytes, Clock::duration waited, const Limits& limits);
  /// It has been waiting for so long now: too slow?
  bool too_slow(Clock::duration waiting, const Limits& limits) const {
    return waited_ + waiting >= limits.write_timeout;
  }

 private:
  Clock::duration waited_{0};
  std::size_t taken_ = 0;  // in this time
};

struct PhaseClock {
  Phase phase = Phase::idle;
  Clock::time_point began = Clock::now();
  Clock::time_point until = Clock::time_point::max();  ///< the end of writing, however it goes
  Clock::duration patience = Clock::duration::max();   ///< in writing, with a client that takes nothing
  SendProgress progress;

  void enter(Phase next) {
    phase = next;
    began = Clock::now();
  }
  /// In writing: bytes have gone.
  void sent(std::size_t bytes, const Limits& limits) {
    const auto now = Clock::now();
    progress.sent(bytes, now - began, limits);
    began = now;
  }
  void begin_answer(Clock::time_point by, Clock::duration each) {
    until = by;
    patience = each;
    progress = {};
    enter(Phase::writing);
  }
  /// In writing: the client has to go.
  bool is_over(Clock::time_point now, const Limits& limits) const {
    const auto waiting = now - began;
    return now >= until || waiting >= patience || progress.too_slow(waiting, limits);
  }
};

}  // namespace shardplex::router
