#include "router/execution/big_answers.hpp"

#include <algorithm>

namespace shardplex::router {

struct BigAnswersState {
  struct Waiter {
    Completion<bool> done;  // told true with a permit
    Deadline until;
  };
  asio::io_context& io;
  std::size_t left;
  std::deque<Waiter> waiting;
};

BigAnswers::BigAnswers(asio::io_context& io, std::size_t permits)
    : state_(std::make_shared<BigAnswersState>(BigAnswersState{io, permits, {}})) {}

BigAnswers::Permit BigAnswers::try_take() {
  if (state_->left == 0 || !state_->waiting.empty()) return {};
  --state_->left;
  return Permit(state_);
}

Awaitable<BigAnswers::Permit> BigAnswers::take(Deadline until) {
  if (auto permit = try_take()) co_return permit;
  const auto state = state_;
  const bool taken = co_await completion_of<bool>(state->io.get_executor(), [&](Completion<bool> done) {
    state->waiting.push_back({std::move(done), until});
  });
  co_return taken ? Permit(state) : Permit();
}

void BigAnswers::tick(Clock::time_point now) {
  std::erase_if(state_->waiting, [&](BigAnswersState::Waiter& waiter) {
    if (now < waiter.until) return false;
    waiter.done(false);
    return true;
  });
}

void BigAnswers::give_back(BigAnswersState& state) {
  if (state.waiting.empty()) {
    ++state.left;
    return;
  }
  auto done = std::move(state.waiting.front().done);
  state.waiting.pop_front();
  done(true);
}

}  // namespace shardplex::router
