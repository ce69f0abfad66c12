// Keeps the router's promise of ids renewed: ranges of milliseconds that one of the shards hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres/pool.hpp"
#include "postgres/result_set.hpp"
#include "query/plan/sql.hpp"
#include "router/topology/id_source.hpp"
#include "router/topology/warn_once.hpp"

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

/// Of these shards, in the order of the map, the one to ask for ids: the first, or, where that cannot promise
/// any, another, by `seed`, so that routers spread over them. Where none can: nullopt.
std::optional<std::size_t> promising_shard(const std::vector<bool>& can_promise, std::size_t seed);

/// Thread: the control thread.
class IdReservation {
 public:
  explicit IdReservation(IdSource& ids);

  /// A new range is to be fetched, and this is the shard to ask now. `has_primary`: of each shard of the map,
  /// in its order, with its name.
  bool is_due(const std::string& shard, const std::vector<std::pair<std::string, bool>>& has_primary) const;

  /// Fetches a new range; a failure is logged, and another shard asked with the next call. `primary` leads to
  /// the primary of the shard, and must outlive the call.
  Awaitable<void> renew(std::string shard, postgres::Pool& primary);

  /// Milliseconds of the promise that are left by this machine's clock.
  std::int64_t left_ms() const { return ids_.left_ms(IdSource::now_ms()); }

 private:
  void failed(const std::string& shard, std::string_view reason);

  IdSource& ids_;
  const std::size_t seed_;
  std::map<std::string, std::int32_t> nodes_;                 // by the shard that gave it
  std::map<std::string, Clock::time_point> not_asked_until_;  // by shard, after a failure
  WarnOnce warn_once_;
};

}  // namespace shardplex::router
