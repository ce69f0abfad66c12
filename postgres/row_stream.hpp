// The rows of a big read, pulled one window at a time with bounded memory.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "postgres/pool.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::postgres {

/// Lifetime: destroying it before its end cancels the statement and closes the connection.
class RowStream {
 public:
  /// Takes a stream connection of `pool` and starts the statement. `window_bytes` bounds the rows held here
  /// (at least one row is always admitted); libpq's own buffer comes on top. The connection goes back as soon
  /// as its last row is here. Where `client` has gone, the statement is cancelled.
  static Awaitable<Outcome<std::unique_ptr<RowStream>>> start(Pool& pool, Statement statement,
                                                              Deadline deadline, std::size_t window_bytes,
                                                              CallerPtr client = nullptr);
  ~RowStream();

  /// Waits until all rows are here (true), or a window of them (false).
  Awaitable<Outcome<bool>> fill(Deadline deadline);

  /// Waits until at least one row is here and returns all that are (each ResultSet has one row); empty at the
  /// end.
  Awaitable<Outcome<std::vector<ResultSet>>> next(Deadline deadline);

  /// The last row is here; no connection is held any more.
  bool ended() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  explicit RowStream(std::shared_ptr<State> state);
};

}  // namespace shardplex::postgres
