#include "router/execution/gather_point.hpp"

#include <utility>
#include <vector>

#include "router/execution/ask_shards.hpp"
#include "router/execution/until_routed.hpp"

namespace shardplex::router {
namespace {

using MaybeRow = std::optional<PointRow>;

/// The one server that holds the key's slot, where that takes no search: the way of nearly every point read.
/// Whatever goes wrong on it is left to the general way, and so is a strong read, which asks more.
struct DirectRoute {
  ShardId shard;
  std::size_t server;
  Epoch epoch;
  bool clean;
};

std::optional<DirectRoute> direct_route(RequestContext& context, const PointRead::Place& place) {
  const auto& view = *context.planned_with;
  const auto& ownership = *view.snapshot->ownership;
  const auto& owner = ownership.owner(place.group, place.slot);
  if (context.consistency == Consistency::strong) return std::nullopt;
  if (owner.fault != Ownership::Fault::none) return std::nullopt;
  const auto server = best_reader(view, owner.shard, context.consistency, context.worker.random());
  if (!server) return std::nullopt;
  return DirectRoute{owner.shard, *server, *ownership.epoch(owner.shard),
                     ownership.clean(place.group, owner.shard)};
}

CandidateSlots only_slot(const View& view, const PointRead::Place& place) {
  CandidateSlots where{place.group, SlotSet::none(view.map().group(place.group).slot_count)};
  where.slots.insert(place.slot);
  return where;
}

}  // namespace

Awaitable<Result<std::optional<PointRow>>> gather_point(RequestContext& context,
                                                        std::shared_ptr<const PointShape> shape,
                                                        PointRead point) {
  const auto read = [&](const View& view, ShardId shard, std::size_t server, std::optional<Epoch> epoch,
                        bool only_owned) {
    return context.worker.batcher().read({view.shards[shard.value].servers[server].pool, shape, epoch,
                                          only_owned, context.time_zone, context.search_path},
                                         point.key, context.deadline);
  };
  if (point.place) (*context.planned_with->loads[point.place->group.value])[point.place->slot.value].add();
  if (const auto direct = point.place ? direct_route(context, *point.place) : std::nullopt) {
    const auto& view = *context.planned_with;
    MeasuredTrip trip(view, direct->shard, direct->server);
    auto row = co_await read(view, direct->shard, direct->server, direct->epoch, !direct->clean);
    trip.end(failure_of(row));
    if (row) {
      context.asked.push_back(view.state(direct->shard).servers[direct->server].name);
      context.worker.metrics().fan_out.observe(1'000'000);
      context.worker.outages().end(view.map().shard(direct->shard).name);
      co_return std::move(*row);
    }
    if (Clock::now() >= context.deadline)
      co_return deadline_exceeded("Shard " + view.map().shard(direct->shard).name +
                                  " did not answer in time.");
    using Kind = postgres::Failure::Kind;
    if (const auto kind = row.error().kind; kind == Kind::too_large || kind == Kind::no_memory)
      co_return postgres::to_error(row.error(), view.map().shard(direct->shard).name);
  }
  std::optional<CandidateSlots> where;
  if (point.place) where = only_slot(*context.planned_with, *point.place);
  const auto try_once = [&](ViewPtr view) -> Awaitable<Attempt<MaybeRow>> {
    if (!where)
      co_return co_await on_any_shard<MaybeRow>(context, *view, [&](ShardId shard, std::size_t server) {
        return read(*view, shard, server, std::nullopt, false);
      });
    const auto targets = read_targets(*view, *where);
    if (!targets) co_return targets.error();
    const auto& target = targets->front();  // a slot has one owner
    context.worker.metrics().fan_out.observe(1'000'000);
    co_return co_await on_best_reader<MaybeRow>(context, *view, target.shard, [&](std::size_t server) {
      return read(*view, target.shard, server, target.epoch, !target.clean);
    });
  };
  auto row = co_await until_routed<MaybeRow>(context, try_once);
  sort_asked(context);
  co_return row;
}

}  // namespace shardplex::router
