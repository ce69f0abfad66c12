// Point reads of one event-loop turn to the same server and shape, sent as one `= ANY` statement.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/completion.hpp"
#include "postgres/failure.hpp"
#include "postgres/pool.hpp"
#include "query/plan/plan.hpp"
#include "router/metrics.hpp"

namespace shardplex::router {

/// A row's text, JSON or a line of CSV, and its share of the memory budget.
struct PointRow {
  std::string json;
  Reservation memory;
};

/// nullopt where there is none.
using PointOutcome = postgres::Outcome<std::optional<PointRow>>;

/// Thread: that of its io_context. A batch goes out at the end of the loop's turn, or, while
/// `batches_in_flight` of its kind are under way, when one of them is back: the busier the server, the larger
/// the batches. One whose answer is too large is sent again in halves, so that no read fails for others'
/// rows.
class PointBatcher {
 public:
  PointBatcher(asio::io_context& io, WorkerMetrics& metrics);
  ~PointBatcher();

  /// What makes two reads fit one statement.
  struct Kind {
    std::shared_ptr<postgres::Pool> pool;
    std::shared_ptr<const PointShape> shape;
    std::optional<Epoch> epoch;  ///< nullopt: reference table
    bool only_owned = false;
    std::optional<std::string> time_zone = std::nullopt;    ///< Statement::time_zone
    std::optional<std::string> search_path = std::nullopt;  ///< Statement::search_path
    auto operator<=>(const Kind&) const = default;
  };

  /// `key` in canonical text. The deadline of the batch is the latest of its members'.
  Awaitable<PointOutcome> read(Kind kind, std::string key, Deadline deadline);

 private:
  struct Waiter {
    std::string key;
    Completion<PointOutcome> done;
  };
  struct Queue {
    std::vector<Waiter> waiting;
    Deadline deadline;
    std::size_t in_flight = 0;
    bool scheduled = false;
  };
  using Queues = std::map<Kind, Queue>;

  void schedule(Queues::iterator queue);
  void send(Queues::iterator queue);
  void send(Queues::iterator queue, std::vector<Waiter> batch, Deadline deadline);
  static void answer(const Kind& kind, std::vector<Waiter>& waiters,
                     const postgres::Outcome<std::vector<postgres::ResultSet>>& outcome);

  asio::io_context& io_;
  WorkerMetrics& metrics_;
  Queues queues_;
};

}  // namespace shardplex::router
