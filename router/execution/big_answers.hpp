// How many answers may stream at a time on one worker.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "postgres/asio.hpp"
#include "postgres/completion.hpp"

namespace shardplex::router {

struct BigAnswersState;

/// An answer that is larger than a window holds its connections until its client has read it. Such answers
/// have to hold a permit, and there are fewer permits than connections for them on any server: so answers
/// that turn out to be small always find a connection, however slowly others are read. Thread: the worker's.
class BigAnswers {
 public:
  /// Goes back when it is destroyed.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&&) = default;
    Permit& operator=(Permit&& other) noexcept {
      std::swap(from_, other.from_);
      return *this;
    }
    ~Permit() {
      if (from_) give_back(*from_);
    }
    explicit operator bool() const { return from_ != nullptr; }

   private:
    friend class BigAnswers;
    explicit Permit(std::shared_ptr<BigAnswersState> from) : from_(std::move(from)) {}
    std::shared_ptr<BigAnswersState> from_;
  };

  BigAnswers(asio::io_context& io, std::size_t permits);

  /// An empty one where none is left, or others wait.
  Permit try_take();
  /// The next one that is given back; an empty one where that does not come until `until`.
  Awaitable<Permit> take(Deadline until);
  /// To be called about every 100 ms.
  void tick(Clock::time_point now);

 private:
  static void give_back(BigAnswersState& state);
  std::shared_ptr<BigAnswersState> state_;
};

}  // namespace shardplex::router
