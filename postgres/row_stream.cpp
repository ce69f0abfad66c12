#include "postgres/row_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace shardplex::postgres {

struct RowStream::State {
  State(asio::io_context& io, std::shared_ptr<Connection> taken, std::size_t window)
      : executor(io.get_executor()), connection(std::move(taken)), window_bytes(window), timer(io) {}

  void add(ResultSet row);
  void end(std::optional<Failure> why);
  bool something_to_tell() const { return !rows.empty() || ended; }
  void wake();
  void wait(Completion<bool> done, Deadline deadline, std::shared_ptr<State> self);

  Executor executor;
  std::shared_ptr<Connection> connection;
  const std::size_t window_bytes;
  std::vector<ResultSet> rows;
  std::size_t bytes = 0;
  bool ended = false;
  std::optional<Failure> failure;
  Completion<bool> waiter;  // told false at its deadline
  asio::steady_timer timer;
};

void RowStream::State::add(ResultSet row) {
  bytes += row.memory_bytes();
  rows.push_back(std::move(row));
  if (bytes >= window_bytes) connection->pause_stream(true);
  wake();
}

void RowStream::State::end(std::optional<Failure> why) {
  ended = true;
  failure = std::move(why);
  wake();
}

// The waiter resumes from the event loop, after all rows that have come with this one.
void RowStream::State::wake() {
  if (!waiter) return;
  timer.cancel();
  waiter(true);
}

void RowStream::State::wait(Completion<bool> done, Deadline deadline, std::shared_ptr<State> self) {
  waiter = std::move(done);
  timer.expires_at(deadline);
  timer.async_wait([self = std::move(self)](boost::system::error_code error) {
    // An expiry that was already queued may meet the next waiter.
    if (!error && self->waiter && self->timer.expiry() <= Clock::now()) self->waiter(false);
  });
}

RowStream::RowStream(std::shared_ptr<State> state) : state_(std::move(state)) {}

// The connection is closed or has ended its stream before the state goes, so the events below never outlive
// it.
RowStream::~RowStream() {
  state_->timer.cancel();
  if (!state_->ended) state_->connection->cancel_and_close();
  state_->connection.reset();
}

Awaitable<Outcome<std::unique_ptr<RowStream>>> RowStream::start(Pool& pool, Statement statement,
                                                                Deadline deadline, std::size_t window_bytes) {
  auto taken = co_await pool.take(deadline);
  if (!taken) co_return taken.error();
  auto state = std::make_shared<State>(pool.context(), std::move(*taken), window_bytes);
  std::unique_ptr<RowStream> stream(new RowStream(state));
  state->connection->start_stream(
      statement, {.row = [s = state.get()](ResultSet row) { s->add(std::move(row)); },
                  .end = [s = state.get()](std::optional<Failure> failure) { s->end(std::move(failure)); }});
  co_return std::move(stream);
}

Awaitable<Outcome<std::vector<ResultSet>>> RowStream::next(Deadline deadline) {
  State& state = *state_;
  if (!state.something_to_tell()) {
    const bool told = co_await completion_of<bool>(
        state.executor, [&](Completion<bool> done) { state.wait(std::move(done), deadline, state_); });
    if (!told)
      co_return Failure{
          .kind = Failure::Kind::deadline, .sent = true, .message = "no further row before the deadline"};
  }
  if (state.rows.empty() && state.failure) co_return *state.failure;
  auto rows = std::exchange(state.rows, {});
  state.bytes = 0;
  if (!state.ended) state.connection->pause_stream(false);  // the next window fills meanwhile
  co_return rows;
}

}  // namespace shardplex::postgres
