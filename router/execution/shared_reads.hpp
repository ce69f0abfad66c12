// Identical bounded reads that wait for the same server at the same time are sent once.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/completion.hpp"
#include "postgres/failure.hpp"
#include "postgres/pool.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::router {

/// One statement's rows, for as many requests as asked for them.
using SharedRows = std::shared_ptr<const postgres::ResultSet>;

/// Thread: that of its io_context. A read goes out at once, unless `statements_in_flight` identical ones are
/// under way; then it waits for one of them to be back, and is sent as one with all that have come to wait
/// meanwhile. So a statement is always sent after the requests that it answers arrived, and a strong read
/// stays strong.
class SharedReads {
 public:
  explicit SharedReads(asio::io_context& io, postgres::Lane lane = postgres::Lane::read)
      : io_(io), lane_(lane) {}

  /// The deadline of a shared statement is the latest of its members'.
  Awaitable<postgres::Outcome<SharedRows>> read(std::shared_ptr<postgres::Pool> pool, Statement statement,
                                                Deadline deadline, CallerPtr client = nullptr);

 private:
  using Waiter = Completion<postgres::Outcome<SharedRows>>;
  struct Entry {
    std::shared_ptr<postgres::Pool> pool;
    Statement statement;
    std::vector<Waiter> waiting;
    std::vector<CallerPtr> clients;  ///< of those that wait
    Deadline deadline{};
    std::size_t in_flight = 0;
  };
  using Entries = std::unordered_map<std::string, Entry>;

  void send(Entries::iterator entry);

  asio::io_context& io_;
  const postgres::Lane lane_;
  Entries entries_;  // by server and statement; an entry lives while something of it waits or is in flight
};

}  // namespace shardplex::router
