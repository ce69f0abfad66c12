// Inserts of one event-loop turn into one shard, committed as one transaction.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/completion.hpp"
#include "postgres/failure.hpp"
#include "postgres/pool.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/ids.hpp"

namespace shardplex::router {

/// The statement every write begins with: the shared lock and the epoch check, in the write's own
/// transaction.
Statement begin_write(const std::string& group, Epoch epoch);

/// Thread: that of its io_context. While `transactions_in_flight` of a kind are under way, further inserts
/// wait for one of them to be back and then go together, so that one commit serves them all. A transaction
/// that PostgreSQL refuses has changed nothing: each of its inserts is then sent again alone, and answers for
/// itself.
class InsertBatcher {
 public:
  using Outcome = postgres::Outcome<std::vector<postgres::ResultSet>>;

  /// What makes two inserts fit one transaction.
  struct Kind {
    std::shared_ptr<postgres::Pool> pool;
    std::string group;
    Epoch epoch;
    auto operator<=>(const Kind&) const = default;
  };

  explicit InsertBatcher(asio::io_context& io) : io_(io) {}

  /// The result set of `statement`, which has to be an INSERT.
  Awaitable<Outcome> run(Kind kind, Statement statement, Deadline deadline);

 private:
  struct Insert {
    Statement statement;
    Deadline deadline;
    Completion<Outcome> done;
  };
  struct Queue {
    std::vector<Insert> waiting;
    std::size_t in_flight = 0;
    bool scheduled = false;
  };
  using Queues = std::map<Kind, Queue>;

  void schedule(Queues::iterator queue);
  void send(Queues::iterator queue, std::vector<Insert> batch);
  void answer(Queues::iterator queue, std::vector<Insert>& batch, Outcome outcome);

  asio::io_context& io_;
  Queues queues_;  // a queue lives while something of it waits or is in flight
};

}  // namespace shardplex::router
