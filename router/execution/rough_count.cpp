#include "router/execution/rough_count.hpp"

#include <algorithm>

#include "query/plan/explained.hpp"
#include "router/execution/gather_sum.hpp"

namespace shardplex::router {
namespace {

Error not_planned_by_a_shard() {
  return {"SHARD400", "This request cannot be answered exactly",
          "The rows are chosen by rows of other shards, and no shard's planner knows how many these choose",
          "Prefer: count=exact counts them.", std::nullopt};
}

std::optional<std::int64_t> explained_number(const postgres::ResultSet& answer) {
  if (answer.rows() != 1 || answer.columns() != 1 || answer.is_null(0, 0)) return std::nullopt;
  return planned_rows(answer.bytes(0, 0));
}

}  // namespace

Awaitable<Result<std::int64_t>> count_roughly(RequestContext& context, const RowsRead& read, CountKind kind,
                                              std::uint64_t exact_up_to) {
  if (read.join.leaves_out()) co_return not_planned_by_a_shard();
  std::int64_t counted = 0;
  // Where there is no number beyond the bound, all are below it.
  const auto enough = std::max(exact_up_to, exact_up_to + 1);
  if (kind == CountKind::estimated) {
    const auto exact = co_await gather_sum(context, read.where, [&](const ReadPlan::ForShard& shard) {
      return read.scan.count_matching_up_to(shard, enough);
    });
    if (!exact || static_cast<std::uint64_t>(*exact) <= exact_up_to) co_return exact;
    counted = *exact;
  }
  const auto planned = co_await gather_sum(
      context, read.where, [&](const ReadPlan::ForShard& shard) { return read.scan.explain_matching(shard); },
      explained_number);
  if (!planned) co_return planned;
  co_return std::max(counted, *planned);
}

}  // namespace shardplex::router
