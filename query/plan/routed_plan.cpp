#include "query/plan/routed_plan.hpp"

#include <cmath>
#include <utility>

#include "query/engine/concatenate.hpp"
#include "query/engine/slice.hpp"
#include "query/engine/sorted_merge.hpp"
#include "query/plan/key_filter.hpp"

namespace shardplex {
namespace {

constexpr std::uint64_t bounded_rows = 1000;  // an answer of at most so many rows is asked for whole

/// nullopt where the query is anything but one row by its key.
std::optional<PointRead> point_read(const Query& query, const RoutedTable& routed, CountKind count) {
  if (count != CountKind::none) return std::nullopt;
  const std::string* text = point_key(query, routed);
  if (text == nullptr) return std::nullopt;
  const auto type = *key_type(routed.column(routed.table().primary_key.front()));
  auto key = canonical_text(type, *text);
  if (!key) return std::nullopt;
  PointRead read{std::move(*key), std::nullopt};
  if (const Group* group = routed.group())
    read.place =
        PointRead::Place{*routed.group_id(), slot_of(*canonical_bytes(type, read.key), group->slot_count)};
  return read;
}

/// The operator's bound on rows per answer, where it is not known to hold.
Result<std::optional<RowBound>> row_bound(const ReadPlan& scan, std::uint64_t bound) {
  if (bound == 0 || (scan.limit && *scan.limit <= bound)) return std::optional<RowBound>();
  const auto refusal = [&](const std::string& why) {
    return Error{"SHARD400", "The answer has too many rows",
                 "The limit is " + std::to_string(bound) + " rows per answer, and " + why + ".",
                 "Ask for pages with limit= and offset=, or a Range header.", std::nullopt};
  };
  if (scan.limit) return refusal("limit is " + std::to_string(*scan.limit));
  return std::optional(RowBound{scan.offset + bound + 1, refusal("no limit was given")});
}

}  // namespace

Result<RoutedPlan> plan_routed_read(const Query& query, const RoutedTable& routed, CountKind count,
                                    const ReadRules& rules) {
  if (auto point = point_read(query, routed, count)) return RoutedPlan(std::move(*point));
  auto scan = plan_read(query, routed, count == CountKind::exact, rules.bytewise_default_collation);
  if (!scan) return scan.error();
  auto bound = row_bound(*scan, rules.row_bound);
  if (!bound) return bound.error();

  RowsRead read;
  read.scan = std::move(*scan);
  read.bound = std::move(*bound);
  if (const auto group = routed.group_id())
    read.where = CandidateSlots{*group, candidate_slots(query.filters, routed)};
  const bool bounded = names_one_row(query.filters, routed.table()) ||
                       (query.limit && *query.limit <= bounded_rows && query.offset <= bounded_rows);
  read.streams = !bounded;
  if (bounded && routed.is_hashed()) read.share = Share::expected;
  return RoutedPlan(std::move(read));
}

std::unique_ptr<RowOperator> RowsRead::combine(std::size_t inputs) const {
  std::unique_ptr<RowOperator> rows;
  if (inputs > 1 && !scan.keys.empty())
    rows = std::make_unique<SortedMerge>(scan.keys, inputs);
  else
    rows = std::make_unique<Concatenate>(inputs);
  const bool skipped_by_shard = inputs == 1 && scan.offset_applied(for_reference());
  const auto offset = skipped_by_shard ? 0 : scan.offset;
  if (offset == 0 && !scan.limit) return rows;
  return std::make_unique<Slice>(std::move(rows), offset, scan.limit);
}

ReadPlan::ForShard for_target(const Target& target, bool alone) {
  return {target.epoch, !target.clean, alone, &target.slots, std::nullopt};
}

ReadPlan::ForShard for_reference() {
  return {std::nullopt, false, true, nullptr, std::nullopt};
}

Result<std::vector<ReadPlan::ForShard>> share_out(const RowsRead& read, const std::vector<Target>& targets,
                                                  Share share) {
  const bool alone = targets.size() == 1;
  if (!alone && read.scan.not_mergeable) return *read.scan.not_mergeable;
  std::vector<ReadPlan::ForShard> shares;
  shares.reserve(targets.size());
  for (const auto& target : targets) shares.push_back(for_target(target, alone));
  if (alone || share == Share::whole || !read.scan.limit) return shares;
  std::uint32_t slots_asked = 0;
  for (const auto& target : targets) slots_asked += target.slots.size();
  for (std::size_t i = 0; i < targets.size(); ++i)
    shares[i].at_most =
        expected_rows(*read.scan.limit + read.scan.offset, targets[i].slots.size(), slots_asked);
  return shares;
}

std::uint64_t expected_rows(std::uint64_t rows, std::uint32_t slots, std::uint32_t slots_asked) {
  const double n = static_cast<double>(rows),
               p = static_cast<double>(slots) / static_cast<double>(slots_asked);
  return static_cast<std::uint64_t>(std::ceil(n * p + 2 * std::sqrt(n * p * (1 - p)))) + 1;
}

}  // namespace shardplex
