#include "router/execution/time_zones.hpp"

#include <cstddef>
#include <utility>

#include "router/execution/ask_shards.hpp"
#include "router/execution/shared_reads.hpp"
#include "router/execution/until_routed.hpp"
#include "shard_schema/session_settings.hpp"

namespace shardplex::router {
namespace {

constexpr const char* time_zone_names_sql = "SELECT name FROM pg_catalog.pg_timezone_names";

}  // namespace

Awaitable<Result<bool>> is_time_zone(RequestContext& context, const std::string& name) {
  auto& known = context.worker.time_zones();
  if (known.empty()) {
    const auto ask = [&](const View& view, ShardId shard, std::size_t server) {
      Statement statement{time_zone_names_sql, {}};
      return context.worker.shared_reads().read(view.shards[shard.value].servers[server].pool,
                                                std::move(statement), context.deadline, context.client);
    };
    const auto try_once = [&](ViewPtr view) -> Awaitable<Attempt<SharedRows>> {
      co_return co_await on_any_shard<SharedRows>(
          context, *view, [&](ShardId shard, std::size_t server) { return ask(*view, shard, server); });
    };
    const auto names = co_await until_routed<SharedRows>(context, try_once);
    context.asked.clear();  // for nothing that is in the answer
    if (!names) co_return names.error();
    for (int row = 0; row < (*names)->rows(); ++row) known.emplace((*names)->bytes(row, 0));
  }
  co_return known.contains(name);
}

bool runs_in_utc(const Settings& settings, const std::optional<std::string>& time_zone) {
  return time_zone ? is_utc(*time_zone) : settings.pool.connection.sessions->in_utc();
}

}  // namespace shardplex::router
