#include "router/topology/hang_watch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include "router/topology/silence.hpp"

namespace shardplex::router {
namespace {

// Together less than a second.
constexpr auto between_questions = std::chrono::milliseconds(350);
constexpr auto patience = std::chrono::milliseconds(500);  // a connection may have to be made

}  // namespace

struct HangWatch::State {
  State(asio::io_context& io, postgres::Pool& watched, std::shared_ptr<postgres::ServerPulse> beats)
      : pool(watched), pulse(std::move(beats)), pause(io) {}

  postgres::Pool& pool;
  std::shared_ptr<postgres::ServerPulse> pulse;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> pause;
  bool over = false;  // the pool may be gone
  bool gave_up = false;
};

HangWatch::HangWatch(asio::io_context& io, postgres::Pool& pool, std::shared_ptr<postgres::ServerPulse> pulse)
    : state_(std::make_shared<State>(io, pool, std::move(pulse))) {
  asio::co_spawn(io, run(state_), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);  // a broken invariant: ends the process, loudly
  });
}

HangWatch::~HangWatch() {
  state_->over = true;
  state_->pause.cancel();
}

bool HangWatch::gave_up() const {
  return state_->gave_up;
}

Awaitable<void> HangWatch::run(std::shared_ptr<State> state) {
  while (!state->over) {
    state->pause.expires_after(between_questions);
    boost::system::error_code ignored;  // cancelled by the end
    co_await state->pause.async_wait(asio::redirect_error(use_awaitable, ignored));
    if (state->over) break;
    const auto deadline = Clock::now() + patience;
    std::vector<Statement> statements;
    statements.push_back({"SELECT", {}});
    const auto answer = co_await state->pool.execute(postgres::Lane::point, std::move(statements), deadline);
    if (state->over) break;
    if (answer || !is_silence(answer.error())) continue;
    const bool held_up = Clock::now() > deadline + own_delay;
    if (held_up || state->pulse->beat_since(Clock::now() - between_questions - patience)) continue;
    state->gave_up = true;
    state->pool.give_up(std::string(silence));
    break;
  }
}

}  // namespace shardplex::router
