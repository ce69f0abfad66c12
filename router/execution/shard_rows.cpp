#include "router/execution/shard_rows.hpp"

namespace shardplex::router {

Awaitable<Result<ShardRows::Window>> ShardRows::next(Deadline deadline) {
  if (ready_.whole || !ready_.parts.empty() || !stream_) co_return std::exchange(ready_, {});
  auto window = co_await stream_->next(deadline);
  if (!window) co_return postgres::to_error(window.error(), shard_);
  co_return Window{nullptr, std::move(*window)};
}

const postgres::ResultSet* ShardRows::first() const {
  if (ready_.whole) return ready_.whole.get();
  return ready_.parts.empty() ? nullptr : &ready_.parts.front();
}

std::int64_t ShardRows::total() const {
  const auto* rows = first();
  return rows == nullptr ? 0 : rows->integer(0, rows->columns() - 1).value_or(0);
}

Awaitable<postgres::Outcome<ShardRows>> open_rows(RequestContext& context, const View& view, ShardId shard,
                                                  std::size_t server, Statement statement, bool streams,
                                                  std::optional<std::uint64_t> asked_for) {
  const auto& pool = view.shards[shard.value].servers[server].pool;
  context.apply_settings(statement);
  if (!streams) {
    auto rows = co_await context.worker.shared_reads().read(pool, std::move(statement), context.deadline,
                                                            context.client);
    if (!rows) co_return rows.error();
    co_return ShardRows(std::move(*rows), asked_for);
  }
  auto opened =
      co_await postgres::RowStream::start(*pool, std::move(statement), context.deadline,
                                          context.worker.settings().stream_window_bytes, context.client);
  if (!opened) co_return std::move(opened.error());
  if (const auto filled = co_await (*opened)->fill(context.deadline); !filled) co_return filled.error();
  auto first = co_await (*opened)->next(context.deadline);
  if (!first) co_return std::move(first.error());
  co_return ShardRows(std::move(*opened), std::move(*first), view.map().shard(shard).name);
}

}  // namespace shardplex::router
