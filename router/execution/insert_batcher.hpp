// Inserts of one event-loop turn into one shard, committed as one transaction.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
/// itself. So it is where one of them has to wait for somebody's lock: the transaction is refused after some
/// milliseconds, and that insert alone waits. A transaction that is slow is not counted as under way.
class InsertBatcher {
 public:
  using Outcome = postgres::Outcome<std::vector<postgres::ResultSet>>;

  /// What makes two inserts fit one transaction.
  struct Kind {
    std::shared_ptr<postgres::Pool> pool;
    std::string group;
    Epoch epoch;
    std::string table;  ///< one whose table is locked does not hold up those of others
    std::optional<std::string> time_zone = std::nullopt;    ///< of the statement
    std::optional<std::string> search_path = std::nullopt;  ///< of the statement
    auto operator<=>(const Kind&) const = default;
  };

  explicit InsertBatcher(asio::io_context& io) : io_(io) {}

  /// To be called about every 100 ms: sends what has waited for a transaction that has turned out slow.
  void tick();

  /// The result set of `statement`, which has to be an INSERT.
  Awaitable<Outcome> run(Kind kind, Statement statement, Deadline deadline, CallerPtr client = nullptr);

 private:
  struct Insert {
    Statement statement;
    Deadline deadline;
    Completion<Outcome> done;
    CallerPtr client;
  };
  struct Queue {
    std::vector<Insert> waiting;
    std::multiset<Clock::time_point> in_flight;  ///< when each transaction was sent
    bool scheduled = false;
  };
  using Queues = std::map<Kind, Queue>;

  bool may_send(const Queue& queue) const;
  void schedule(Queues::iterator queue);
  void send(Queues::iterator queue, std::vector<Insert> batch);
  void answer(Queues::iterator queue, std::vector<Insert>& batch, Outcome outcome);

  asio::io_context& io_;
  Queues queues_;  // a queue lives while something of it waits or is in flight
};

}  // namespace shardplex::router
