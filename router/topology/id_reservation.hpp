// Keeps the router's promise of ids renewed: ranges of milliseconds that the first shard hands out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "postgres/pool.hpp"
#include "postgres/result_set.hpp"
#include "query/plan/sql.hpp"
#include "router/topology/id_source.hpp"

namespace shardplex::router {

/// True where a new range is to be fetched, given how many milliseconds of the promise are left.
bool reservation_due(std::int64_t left_ms);

/// Asks a shard for ids from `now_ms` on: under the node number that it gave before, or else under one of its
/// choice. Answers with one row: node, from_ms, until_ms.
Statement reservation_statement(std::optional<std::int32_t> node, std::int64_t now_ms);

/// A range that a shard has promised: milliseconds [from_ms, until_ms) under a node number.
struct ReservedIds {
  std::int32_t node;
  std::int64_t from_ms, until_ms;
  bool operator==(const ReservedIds&) const = default;
};

/// The answer to reservation_statement(); nullopt where no ids can be made of it.
std::optional<ReservedIds> reserved_ids(const postgres::ResultSet& answer);

/// Thread: the control thread.
class IdReservation {
 public:
  explicit IdReservation(IdSource& ids) : ids_(ids) {}

  /// Fetches a new range where one is due; a failure is logged, and tried again with the next call. `primary`
  /// leads to the primary of the shard, and must outlive the call.
  Awaitable<void> renew(std::string shard, postgres::Pool& primary);

  /// Milliseconds of the promise that are left by this machine's clock.
  std::int64_t left_ms() const { return ids_.left_ms(IdSource::now_ms()); }

 private:
  IdSource& ids_;
  std::optional<std::int32_t> node_;
};

}  // namespace shardplex::router
