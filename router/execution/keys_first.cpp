#include "router/execution/keys_first.hpp"

#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "query/engine/type_oids.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/row_values.hpp"
#include "router/execution/shard_rows.hpp"
#include "router/execution/until_routed.hpp"

namespace shardplex::router {
namespace {

using KeyRows = std::vector<ShardRows>;

constexpr std::size_t most_first_key_bytes = std::size_t{8} << 20;

bool are_texts(const ShardRows& rows, std::size_t columns) {
  const auto* first = rows.first();
  if (first == nullptr || static_cast<std::size_t>(first->columns()) != columns) return false;
  for (int column = 0; column < first->columns(); ++column)
    if (!first->is_binary(column) || first->type(column) != text_oid) return false;
  return true;
}

Awaitable<Result<KeyRows>> ask_for_first_keys(RequestContext& context, const Lookup& lookup) {
  const auto try_once = [&](ViewPtr view) -> Awaitable<Attempt<KeyRows>> {
    const auto open = [&](ShardId shard, std::size_t server,
                          ReadPlan::ForShard part) -> Awaitable<postgres::Outcome<ShardRows>> {
      auto rows =
          co_await open_rows(context, *view, shard, server, lookup.keys_statement(part), false, std::nullopt);
      if (rows && !are_texts(*rows, lookup.keys_first->texts.size())) co_return other_tables();
      co_return rows;
    };
    if (!lookup.place) {
      std::vector<Attempt<ShardRows>> only;
      only.push_back(co_await on_any_shard<ShardRows>(context, *view, [&](ShardId shard, std::size_t server) {
        return open(shard, server, for_reference());
      }));
      co_return join(std::move(only));
    }
    const auto targets = read_targets(*view, {lookup.place->id, lookup.place->within});
    if (!targets) co_return targets.error();
    std::vector<ReadPlan::ForShard> parts;
    for (const auto& target : *targets) parts.push_back(for_target(target, targets->size() == 1));
    co_return co_await on_targets<ShardRows>(context, *view, *targets, parts, open);
  };
  co_return co_await until_routed<KeyRows>(context, try_once);
}

/// nullopt where there are too many.
Awaitable<Result<std::optional<LookupKeys>>> find_first_keys(RequestContext& context, const Lookup& lookup) {
  auto sources = co_await ask_for_first_keys(context, lookup);
  if (!sources) co_return sources.error();
  std::vector<std::size_t> columns(lookup.keys_first->texts.size());
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  LookupKeys keys(columns);
  for (auto& source : *sources) {
    const auto rows = co_await source.next(context.deadline);
    if (!rows) co_return rows.error();
    rows->for_each_row([&](const postgres::ResultSet& set, int number) {
      if (keys.size() > KeysFirst::most || keys.bytes() > most_first_key_bytes) return;
      Row row;
      for (const auto column : columns) row.related.push_back(set.copy(number, static_cast<int>(column)));
      keys.add(row);
    });
  }
  if (keys.size() > KeysFirst::most || keys.bytes() > most_first_key_bytes)
    co_return std::optional<LookupKeys>();
  co_return std::optional(std::move(keys));
}

}  // namespace

Awaitable<Result<RowsRead>> with_keys_first(RequestContext& context, const RowsRead& read) {
  if (!read.keys_first) co_return read;
  const auto keys = co_await find_first_keys(context, read.lookups[*read.keys_first]);
  if (!keys && context.plan_outdated) co_return keys.error();
  // They make the read cheaper, and are no part of it.
  co_return keys&&* keys ? read.with_keys(**keys) : read;
}

}  // namespace shardplex::router
