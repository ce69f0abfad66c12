#include "router/topology/id_reservation.hpp"

#include <chrono>
#include <random>

#include "shard_schema/functions.hpp"
#include "shard_schema/row_ids.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

constexpr std::int64_t span_ms = 60'000;         // reserved at a time; a new span is fetched at half of it
constexpr auto most_ms = std::int64_t{1} << 41;  // what an id has room for (shard_schema/row_ids.hpp)
constexpr auto timeout = std::chrono::milliseconds(500);
constexpr auto pause_after_failure = std::chrono::seconds(5);

}  // namespace

bool reservation_due(std::int64_t left_ms) {
  return left_ms <= span_ms / 2;
}

Statement reservation_statement(std::optional<std::int32_t> node, std::int64_t now_ms) {
  return {promise_ids_sql,
          {node ? std::optional(std::to_string(*node)) : std::nullopt, std::to_string(now_ms),
           std::to_string(span_ms)}};
}

std::optional<ReservedIds> reserved_ids(const postgres::ResultSet& answer) {
  if (answer.rows() != 1 || answer.columns() != 3) return std::nullopt;
  const auto node = answer.integer(0, 0), from_ms = answer.integer(0, 1), until_ms = answer.integer(0, 2);
  if (!node || !from_ms || !until_ms) return std::nullopt;
  if (*node < 0 || *node >= (1 << row_id_node_bits)) return std::nullopt;
  if (*from_ms < 0 || *from_ms >= *until_ms || *until_ms > most_ms) return std::nullopt;
  return ReservedIds{static_cast<std::int32_t>(*node), *from_ms, *until_ms};
}

std::optional<std::size_t> promising_shard(const std::vector<bool>& can_promise, std::size_t seed) {
  if (can_promise.empty()) return std::nullopt;
  if (can_promise.front()) return 0;
  const auto others = can_promise.size() - 1;
  for (std::size_t i = 0; i < others; ++i) {
    const auto shard = 1 + (seed + i) % others;
    if (can_promise[shard]) return shard;
  }
  return std::nullopt;
}

IdReservation::IdReservation(IdSource& ids) : ids_(ids), seed_(std::random_device{}()) {}

bool IdReservation::is_due(const std::string& shard,
                           const std::vector<std::pair<std::string, bool>>& has_primary) const {
  if (!reservation_due(ids_.left_ms(IdSource::now_ms()))) return false;
  std::vector<bool> can_promise;
  for (const auto& [name, has] : has_primary) {
    const auto failed = not_asked_until_.find(name);
    can_promise.push_back(has && (failed == not_asked_until_.end() || failed->second <= Clock::now()));
  }
  const auto asked = promising_shard(can_promise, seed_);
  return asked && has_primary[*asked].first == shard;
}

void IdReservation::failed(const std::string& shard, std::string_view reason) {
  warn_once_("shard " + shard + " could not promise ids: " + std::string(reason));
  not_asked_until_[shard] = Clock::now() + pause_after_failure;
}

Awaitable<void> IdReservation::renew(std::string shard, postgres::Pool& primary) {
  const auto known = nodes_.find(shard);
  const auto node = known == nodes_.end() ? std::nullopt : std::optional(known->second);
  std::vector<Statement> statements;
  statements.push_back(reservation_statement(node, IdSource::now_ms()));
  auto outcome =
      co_await primary.execute(postgres::Lane::write, std::move(statements), Clock::now() + timeout);
  if (!outcome) {
    const auto& failure = outcome.error();
    const bool old_schema = failure.sqlstate == sqlstate_no_function;
    co_return failed(shard, old_schema ? "its schema is of an earlier version: run shardplex cluster init"
                                       : failure.message);
  }
  const auto reserved = reserved_ids(outcome->front());
  if (!reserved) co_return failed(shard, "its answer makes no sense");
  nodes_[shard] = reserved->node;
  ids_.renew(static_cast<std::uint32_t>(reserved->node), reserved->from_ms, reserved->until_ms);
}

}  // namespace shardplex::router
