#include "postgres/row_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace shardplex::postgres {

struct RowStream::State {
  State(asio::io_context& io, std::shared_ptr<Connection> taken, std::size_t window, MemoryBudget* budget)
      : executor(io.get_executor()),
        connection(std::move(taken)),
        window_bytes(window),
        memory(budget),
        timer(io) {}

  void add(ResultSet row);
  void end(std::optional<Failure> why);
  bool full() const { return bytes >= window_bytes || out_of_memory; }
  bool something_to_tell() const { return ended || (filling ? full() : !rows.empty()); }
  void wake();
  void wait(Completion<bool> done, Deadline deadline, std::shared_ptr<State> self);
  Awaitable<std::optional<Failure>> something(Deadline deadline, std::shared_ptr<State> self);

  Executor executor;
  std::shared_ptr<Connection> connection;
  const std::size_t window_bytes;
  std::vector<ResultSet> rows;
  std::size_t bytes = 0;        // of these rows
  std::size_t given_bytes = 0;  // of those given out last, which are being used
  Reservation memory;           // for both
  bool filling = false;         // the waiter wants a window, not a row
  bool ended = false, out_of_memory = false;
  std::optional<Failure> failure;
  Completion<bool> waiter;  // told false at its deadline
  asio::steady_timer timer;
};

void RowStream::State::add(ResultSet row) {
  bytes += row.memory_bytes();
  rows.push_back(std::move(row));
  out_of_memory = !memory.resize(given_bytes + bytes);
  if (full()) connection->pause_stream(true);
  wake();
}

void RowStream::State::end(std::optional<Failure> why) {
  ended = true;
  failure = std::move(why);
  connection.reset();  // to the pool, though the rows may take long to be used
  wake();
}

// The waiter resumes from the event loop, after all rows that have come with this one.
void RowStream::State::wake() {
  if (!waiter || !something_to_tell()) return;
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

/// Waits until there is something to tell; the failure where that does not come in time, or does not fit.
Awaitable<std::optional<Failure>> RowStream::State::something(Deadline deadline,
                                                              std::shared_ptr<State> self) {
  if (!something_to_tell()) {
    const bool told = co_await completion_of<bool>(
        executor, [&](Completion<bool> done) { wait(std::move(done), deadline, self); });
    if (!told)
      co_return Failure{
          .kind = Failure::Kind::deadline, .sent = true, .message = "no further row before the deadline"};
  }
  if (out_of_memory)
    co_return Failure{
        .kind = Failure::Kind::no_memory, .sent = true, .message = "the memory budget is spent"};
  co_return std::nullopt;
}

// The connection is closed or has ended its stream before the state goes, so the events below never outlive
// it.
RowStream::~RowStream() {
  state_->timer.cancel();
  if (state_->ended) return;
  const auto connection = std::move(state_->connection);
  connection->cancel_and_close();
}

Awaitable<Outcome<std::unique_ptr<RowStream>>> RowStream::start(Pool& pool, Statement statement,
                                                                Deadline deadline, std::size_t window_bytes,
                                                                CallerPtr client) {
  auto taken = co_await pool.take(deadline, client);
  if (!taken) co_return taken.error();
  const auto connection = *taken;  // held while it begins: the stream may end at once, and give it back
  auto state = std::make_shared<State>(pool.context(), std::move(*taken), window_bytes, pool.memory());
  std::unique_ptr<RowStream> stream(new RowStream(state));
  connection->start_stream(
      statement, {.row = [s = state.get()](ResultSet row) { s->add(std::move(row)); },
                  .end = [s = state.get()](std::optional<Failure> failure) { s->end(std::move(failure)); },
                  .client = std::move(client)});
  co_return std::move(stream);
}

bool RowStream::ended() const {
  return state_->ended;
}

Awaitable<Outcome<bool>> RowStream::fill(Deadline deadline) {
  State& state = *state_;
  state.filling = true;
  auto failure = co_await state.something(deadline, state_);
  state.filling = false;
  if (failure) co_return std::move(*failure);
  if (state.failure) co_return *state.failure;
  co_return state.ended;
}

Awaitable<Outcome<std::vector<ResultSet>>> RowStream::next(Deadline deadline) {
  State& state = *state_;
  state.given_bytes = 0;
  if (auto failure = co_await state.something(deadline, state_)) co_return std::move(*failure);
  if (state.rows.empty() && state.failure) co_return *state.failure;
  auto rows = std::exchange(state.rows, {});
  state.given_bytes = std::exchange(state.bytes, 0);
  // The next window fills meanwhile. What libpq holds may be its end, which gives the connection back.
  if (const auto connection = state.connection) connection->pause_stream(false);
  co_return rows;
}

}  // namespace shardplex::postgres
