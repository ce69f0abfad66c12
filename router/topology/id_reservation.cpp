#include "router/topology/id_reservation.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include "router/log.hpp"
#include "shard_schema/functions.hpp"

namespace shardplex::router {
namespace {

constexpr std::int64_t span_ms = 60'000;  // reserved at a time; a new span is fetched at half of it
constexpr auto timeout = std::chrono::seconds(1);

}  // namespace

bool reservation_due(std::int64_t left_ms) {
  return left_ms <= span_ms / 2;
}

Statement reservation_statement(std::optional<std::int32_t> node, std::int64_t now_ms) {
  return {reserve_ids_sql,
          {node ? std::optional(std::to_string(*node)) : std::nullopt, std::to_string(now_ms),
           std::to_string(span_ms)}};
}

Awaitable<void> IdReservation::renew(std::string shard, postgres::Pool& primary) {
  const auto now = IdSource::now_ms();
  if (!reservation_due(ids_.left_ms(now))) co_return;
  std::vector<Statement> statements;
  statements.push_back(reservation_statement(node_, now));
  auto outcome =
      co_await primary.execute(postgres::Lane::write, std::move(statements), Clock::now() + timeout);
  if (!outcome) {
    log_warning("no ids could be reserved", {{"shard", shard}, {"reason", outcome.error().message}});
    co_return;
  }
  const auto& row = outcome->front();
  node_ = static_cast<std::int32_t>(row.integer(0, 0));
  ids_.renew(static_cast<std::uint32_t>(*node_), row.integer(0, 1), row.integer(0, 2));
}

}  // namespace shardplex::router
