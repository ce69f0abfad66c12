#include "router/execution/look_up.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/engine/sorted_merge.hpp"
#include "query/engine/sorted_page.hpp"
#include "query/engine/through_junction.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/gather_groups.hpp"
#include "router/execution/gather_rows.hpp"
#include "router/execution/planned_rows.hpp"
#include "router/execution/row_values.hpp"
#include "router/execution/until_routed.hpp"

namespace shardplex::router {
namespace {

using LookedUpRows = std::vector<ShardRows>;
using KeyNumbers = std::vector<std::uint32_t>;

constexpr std::size_t most_keys = LookupJoin::most_batch_rows;
constexpr std::size_t most_key_bytes = std::size_t{1} << 20;  // of one statement, and those of one key
constexpr std::size_t most_at_once = 4;  // lookups of one join, each with a statement a shard

Error too_many_lookups() {
  return {
      "SHARD400", "This request is too large to be answered",
      "One of its rows needs more than " + std::to_string(BatchLookups::most_lookups) +
          " lookups of rows on other shards",
      "Limit the rows of the embeds (rel.limit=), nest them less deeply, or ask for fewer rows at a time.",
      std::nullopt};
}

/// Behind the keys from `first` on that one statement asks for.
std::size_t end_of_some(const LookupKeys& keys, std::size_t first) {
  std::size_t end = first, bytes = 0;
  while (end < keys.size() && end - first < most_keys && bytes < most_key_bytes)
    for (const auto& value : keys[end++]) bytes += value.size();
  return end;
}

/// Reserves ahead of need, so as not to do it for each row.
bool holds(Reservation& memory, std::size_t bytes) {
  return bytes <= memory.bytes() || memory.resize(bytes + bytes / 4);
}

/// Some keys of a lookup, and where the rows are that they find.
struct PlacedKeys {
  KeyNumbers numbers;
  std::vector<SlotSet> slots;         ///< of each; empty where any shard can answer
  std::optional<CandidateSlots> all;  ///< nullopt where any shard can answer
};

PlacedKeys placed(const Lookup& lookup, const LookupKeys& keys, std::size_t first, std::size_t end) {
  PlacedKeys out;
  out.numbers.resize(end - first);
  std::iota(out.numbers.begin(), out.numbers.end(), static_cast<std::uint32_t>(first));
  if (!lookup.place) return out;
  out.all = CandidateSlots{lookup.place->id, SlotSet::none(lookup.place->group->slot_count)};
  for (const auto number : out.numbers) {
    out.slots.push_back(lookup.slots(keys[number]));
    out.all->slots |= out.slots.back();
  }
  return out;
}

/// The keys that may find rows in the slots.
KeyNumbers keys_in(const PlacedKeys& keys, const SlotSet& slots) {
  KeyNumbers out;
  for (std::size_t i = 0; i < keys.numbers.size(); ++i)
    if (keys.slots[i].intersects(slots)) out.push_back(keys.numbers[i]);
  return out;
}

/// True where several shards may have parts of the groups that one key finds.
bool shares_groups(const Lookup& lookup, const PlacedKeys& keys) {
  const auto is_in_one_slot = [](const SlotSet& slots) { return slots.size() <= 1; };
  return lookup.rows.scan.states && !std::ranges::all_of(keys.slots, is_in_one_slot);
}

/// What a lookup has found out, for the request: lookups that are made at the same time have a context each.
void take_over(RequestContext& context, RequestContext& lookup) {
  context.plan_outdated |= lookup.plan_outdated;
  context.tables_read_again |= lookup.tables_read_again;
  if (!context.served_by) context.served_by = lookup.served_by;
  std::ranges::move(lookup.asked, std::back_inserter(context.asked));
  sort_asked(context);
  const auto doubles = std::ranges::unique(context.asked);
  context.asked.erase(doubles.begin(), doubles.end());
}

/// Asks every shard that may have rows of the keys, each for its own keys. `too_large`: gets true where one
/// has more to answer than it may at once.
Awaitable<Result<LookedUpRows>> ask_for_keys(RequestContext& request, const Lookup& lookup,
                                             const LookupKeys& keys, const PlacedKeys& these,
                                             bool& too_large) {
  RequestContext context = request;
  context.begin_wait();
  const auto& scan = lookup.rows.scan;
  const auto try_once = [&](ViewPtr view) -> Awaitable<Attempt<LookedUpRows>> {
    std::size_t merged_keys = lookup.merge_keys(1).size();
    const auto open = [&](ShardId shard, std::size_t server,
                          Statement statement) -> Awaitable<postgres::Outcome<ShardRows>> {
      auto rows =
          co_await open_rows(context, *view, shard, server, std::move(statement), false, std::nullopt);
      too_large |= !rows && is_of_size(rows.error());
      co_return held_to(scan, merged_keys, std::move(rows), lookup.names_types);
    };
    if (!these.all) {
      std::vector<Attempt<ShardRows>> only;
      only.push_back(co_await on_any_shard<ShardRows>(context, *view, [&](ShardId shard, std::size_t server) {
        return open(shard, server, lookup.statement(for_reference(), keys, these.numbers));
      }));
      co_return join(std::move(only));
    }
    const auto targets = read_targets(*view, *these.all);
    if (!targets) co_return targets.error();
    const bool alone = targets->size() == 1;
    merged_keys = lookup.merge_keys(targets->size()).size();
    const bool in_parts = !alone && shares_groups(lookup, these);
    const bool put_together = scan.states ? in_parts : !alone && !lookup.merges_by_number;
    if (put_together && scan.not_mergeable) co_return *scan.not_mergeable;
    std::vector<ReadPlan::ForShard> shares;
    for (const auto& target : *targets) shares.push_back(for_target(target, alone));
    if (in_parts) {
      SharedGroups groups{scan, [&](const ReadPlan::ForShard& share) {
                            return lookup.partial_statement(share, keys, keys_in(these, *share.slots));
                          }};
      std::vector<Attempt<ShardRows>> only;
      only.push_back(co_await gather_groups(context, *view, groups, *targets, shares));
      too_large |= groups.too_large;
      co_return join(std::move(only));
    }
    co_return co_await on_targets<ShardRows>(
        context, *view, *targets, shares,
        [&](ShardId shard, std::size_t server, const ReadPlan::ForShard& share) {
          return open(shard, server, lookup.statement(share, keys, keys_in(these, *share.slots)));
        });
  };
  auto rows = co_await until_routed<LookedUpRows>(context, try_once);
  take_over(request, context);
  co_return rows;
}

}  // namespace

Awaitable<void> BatchLookups::feed(LookupJoin& join, const std::vector<Lookup>& lookups,
                                   Reservation& memory) {
  const auto inputs = join.needed_lookups();
  if (!memory.resize(join.bytes())) join.fail_of_size(inputs.front(), postgres::out_of_memory());
  for (std::size_t first = 0; first < inputs.size() && !join.has_failed(); first += most_at_once) {
    std::vector<Awaitable<void>> some;
    for (std::size_t i = first; i < std::min(first + most_at_once, inputs.size()); ++i)
      some.push_back(feed_one(join, inputs[i], lookups[inputs[i] - 1], memory));
    if (some.size() == 1)
      co_await std::move(some.front());
    else
      co_await all_done(context_.worker.executor(), std::move(some));
  }
}

Awaitable<void> BatchLookups::feed_one(LookupJoin& join, std::size_t input, const Lookup& lookup,
                                       Reservation& memory) {
  const Push push = [&](Row row) {
    join.push(input, std::move(row));
    if (!holds(memory, join.bytes())) join.fail_of_size(input, postgres::out_of_memory());
    return !join.has_failed();
  };
  const auto failed = co_await rows(lookup, join.keys(input), push);
  if (!failed)
    join.finish(input);
  else if (failed->of_size)
    join.fail_of_size(input, failed->error);
  else
    join.fail(input, failed->error);
}

Awaitable<Result<void>> BatchLookups::check_unasked(const std::vector<Lookup>& lookups) {
  const Push ignore = [](const Row&) { return true; };
  const LookupKeys none({});
  for (const auto& lookup : lookups) {
    if (lookup.rows.can_be_at_fault && !asked_.contains(&lookup)) {
      const auto failed = co_await rows_of_keys(lookup, none, 0, 0, ignore);
      if (failed) co_return failed->error;
    }
    const auto below = co_await check_unasked(lookup.rows.lookups);
    if (!below) co_return below.error();
  }
  co_return Result<void>{};
}

Awaitable<BatchLookups::Failed> BatchLookups::rows(const Lookup& lookup, const LookupKeys& keys,
                                                   const Push& push) {
  if (lookup.junction) co_return co_await rows_through_junction(lookup, keys, push);
  for (std::size_t first = 0; first < keys.size();) {
    const auto end = end_of_some(keys, first);
    auto failed = co_await rows_of_keys(lookup, keys, first, end, push);
    if (failed) co_return failed;
    first = end;
  }
  co_return std::nullopt;
}

Awaitable<BatchLookups::Failed> BatchLookups::rows_through_junction(const Lookup& lookup,
                                                                    const LookupKeys& keys,
                                                                    const Push& push) {
  std::vector<std::size_t> related(lookup.key_types.size());
  std::iota(related.begin(), related.end(), std::size_t{0});
  ThroughJunction through(lookup.rows.scan.keys, std::move(related), lookup.junction_page);
  Reservation held(context_.worker.memory());
  for (;;) {
    auto step = through.next();
    if (auto* row = std::get_if<Row>(&step)) {
      if (!push(std::move(*row))) co_return std::nullopt;
      continue;
    }
    if (auto* error = std::get_if<Error>(&step))
      co_return Failure{std::move(*error), through.has_failed_of_size()};
    if (std::holds_alternative<RowOperator::Done>(step)) co_return std::nullopt;
    const auto input = std::get<RowOperator::Needs>(step).input;
    const Push push_here = [&](Row row) {
      through.push(input, std::move(row));
      if (!holds(held, through.bytes())) through.fail_of_size(postgres::out_of_memory());
      return !through.has_failed();
    };
    if (input == 0) {
      auto failed = co_await rows(*lookup.junction, keys, push_here);
      if (failed) co_return failed;
    } else {
      const auto& targets = through.keys();
      for (std::size_t first = 0; first < targets.size() && !through.has_failed();) {
        const auto end = end_of_some(targets, first);
        auto failed = co_await rows_of_keys(lookup, targets, first, end, push_here);
        if (failed) co_return failed;
        first = end;
      }
    }
    through.finish(input);
  }
}

/// The rows of some keys, with what is looked up for them in turn.
Awaitable<BatchLookups::Failed> BatchLookups::rows_of_keys(const Lookup& lookup, const LookupKeys& keys,
                                                           std::size_t first, std::size_t end,
                                                           const Push& push) {
  if (++lookups_ > most_lookups) co_return Failure{too_many_lookups(), true};
  asked_.insert(&lookup);
  const auto these = placed(lookup, keys, first, end);
  if (these.all) count_load(context_, these.all->group, these.all->slots);
  bool too_large = false;
  auto sources = co_await ask_for_keys(context_, lookup, keys, these, too_large);
  if (!sources) co_return Failure{sources.error(), too_large};
  auto merge = std::make_unique<SortedMerge>(lookup.merge_keys(sources->size()), sources->size());
  GatheredRows found(lookup.rows.scan, std::move(merge), std::move(*sources), std::nullopt, context_.deadline,
                     context_.worker.memory());
  LookupJoin join(lookup.rows.join);
  std::optional<SortedPage> sort;
  if (lookup.rows.sort) sort.emplace(*lookup.rows.sort);
  Reservation held(context_.worker.memory()), sorted(context_.worker.memory());
  for (;;) {
    auto step = join.next();
    if (auto* row = std::get_if<Row>(&step)) {
      if (sort) {
        auto error = sort->add(std::move(*row));
        if (error) co_return Failure{std::move(*error), true};
        if (!holds(sorted, sort->bytes())) co_return Failure{postgres::out_of_memory(), true};
        continue;
      }
      if (!push(std::move(*row))) co_return std::nullopt;
      continue;
    }
    if (auto* error = std::get_if<Error>(&step))
      co_return Failure{std::move(*error), join.has_failed_of_size()};
    if (std::holds_alternative<RowOperator::Done>(step)) {
      if (sort)
        for (auto& row : sort->take())
          if (!push(std::move(row))) break;
      co_return std::nullopt;
    }
    if (const auto input = std::get<RowOperator::Needs>(step).input; input > 0) {
      co_await feed(join, lookup.rows.lookups, held);
      continue;
    }
    auto row = co_await found.next();
    // What is lost here does not come again, so it is for those who asked for the keys to ask for fewer.
    if (!row) co_return Failure{row.error(), row.error() == postgres::out_of_memory()};
    if (*row)
      join.push(0, std::move(**row));
    else
      join.finish(0);
  }
}

}  // namespace shardplex::router
