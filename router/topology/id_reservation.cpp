#include "router/topology/id_reservation.hpp"

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "router/log.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/row_ids.hpp"

namespace shardplex::router {
namespace {

constexpr std::int64_t span_ms = 60'000;         // reserved at a time; a new span is fetched at half of it
constexpr auto most_ms = std::int64_t{1} << 41;  // what an id has room for (shard_schema/row_ids.hpp)
constexpr auto timeout = std::chrono::seconds(1);

void log_failure(const std::string& shard, std::string_view reason) {
  log_warning("no ids could be reserved", {{"shard", shard}, {"reason", reason}});
}

}  // namespace

bool reservation_due(std::int64_t left_ms) {
  return left_ms <= span_ms / 2;
}

Statement reservation_statement(std::optional<std::int32_t> node, std::int64_t now_ms) {
  return {reserve_ids_sql,
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

Awaitable<void> IdReservation::renew(std::string shard, postgres::Pool& primary) {
  const auto now = IdSource::now_ms();
  if (!reservation_due(ids_.left_ms(now))) co_return;
  std::vector<Statement> statements;
  statements.push_back(reservation_statement(node_, now));
  auto outcome =
      co_await primary.execute(postgres::Lane::write, std::move(statements), Clock::now() + timeout);
  if (!outcome) {
    log_failure(shard, outcome.error().message);
    co_return;
  }
  const auto reserved = reserved_ids(outcome->front());
  if (!reserved) {
    log_failure(shard, "the shard's answer makes no sense");
    co_return;
  }
  node_ = reserved->node;
  ids_.renew(static_cast<std::uint32_t>(reserved->node), reserved->from_ms, reserved->until_ms);
}

}  // namespace shardplex::router
