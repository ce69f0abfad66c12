#include "query/plan/routed_plan.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "query/engine/concatenate.hpp"
#include "query/engine/slice.hpp"
#include "query/engine/sorted_merge.hpp"
#include "query/plan/key_filter.hpp"
#include "query/plan/locality.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/sql.hpp"

namespace shardplex {
namespace {

constexpr std::uint64_t bounded_rows = 1000;  // an answer of at most so many rows is asked for whole
constexpr std::uint64_t usual_rows = 10;      // of an embed to many that has no limit, in each row

/// About how many rows a row of a shard is, with those that the shard embeds in it; not more than
/// bounded_rows + 1.
std::uint64_t rows_in_row(const ResolvedNode& node, const ShardMap& map) {
  std::uint64_t rows = 1;
  for (const auto& embed : node.embeds) {
    if (shows_nothing(embed.asked->rows) || !is_wholly_local(embed, map)) continue;
    const std::uint64_t each = rows_in_row(embed.node, map);
    const std::uint64_t many = std::min(embed.asked->rows.limit.value_or(usual_rows), bounded_rows + 1);
    rows = std::min(rows + (embed.relation->is_to_one() ? each - 1 : many * each), bounded_rows + 1);
  }
  return rows;
}

/// Nobody needs the answer window by window. What is embedded in a page's rows counts, since it is what can
/// make a page big.
bool is_bounded(const ResolvedNode& tree, const Query& query, const RoutedTable& routed, bool page_later) {
  if (names_one_row(query.filters, routed.table())) return true;
  // What the page is of, and not the page, is read where rows are left out later.
  return !page_later && query.limit && *query.limit <= bounded_rows / rows_in_row(tree, routed.map()) &&
         query.offset <= bounded_rows;
}

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
  const bool one_row = scan.groups && scan.groups->one;
  if (bound == 0 || one_row || (scan.limit && *scan.limit <= bound)) return std::optional<RowBound>();
  const auto refusal = [&](const std::string& why) {
    return Error{"SHARD400", "The answer has too many rows",
                 "The limit is " + std::to_string(bound) + " rows per answer, and " + why + ".",
                 "Ask for pages with limit= and offset=, or a Range header.", std::nullopt};
  };
  if (scan.limit) return refusal("limit is " + std::to_string(*scan.limit));
  return std::optional(RowBound{scan.offset + bound + 1, refusal("no limit was given")});
}

/// Of each shard, to fill a page of so many rows.
std::uint64_t rows_to_look_through(std::uint64_t rows) {
  return std::clamp<std::uint64_t>(8 * rows, 100, bounded_rows);
}

/// What would look through too many rows, where rows are chosen by what other shards hold.
std::optional<Error> check_choice(const Query& query) {
  constexpr std::uint64_t most_skipped = 10'000;
  if (query.offset <= most_skipped) return std::nullopt;
  return Error{
      "SHARD400", "This request cannot be answered within bounds",
      "Its rows are chosen by rows of other shards (!inner, or a filter on an embed), so an offset above " +
          std::to_string(most_skipped) + " would look through too many",
      "Shard both tables by the columns that relate them, in one group, make the embedded table a "
      "reference table, or filter by the order's last values instead of an offset.",
      std::nullopt};
}

void hold_scan_to_one_collation(ReadPlan& scan) {
  if (scan.states && !scan.not_mergeable) scan.not_mergeable = scan.states->by_default_collation;
}

/// A lookup without whose rows none of the answer is kept, and which has filters.
std::optional<std::size_t> choosing_lookup(const RowsRead& read) {
  using Kind = RowCondition::Kind;
  if (!read.join.keep || read.join.keep->kind != Kind::all) return std::nullopt;
  for (const auto& part : read.join.keep->parts)
    if (part.kind == Kind::has_rows && read.lookups[part.of].keys_first &&
        !read.lookups[part.of].rows.scan.where.empty())
      return part.of;
  return std::nullopt;
}

}  // namespace

void hold_to_one_collation(std::vector<Lookup>& lookups) {
  for (auto& lookup : lookups) {
    hold_scan_to_one_collation(lookup.rows.scan);
    hold_to_one_collation(lookup.rows.lookups);
  }
}

Result<RoutedPlan> plan_routed_read(const Query& query, const RoutedTable& routed, CountKind count,
                                    const ReadRules& rules) {
  if (auto refusal = not_planned(query)) return *std::move(refusal);
  return plan_routed_read(ResolvedNode{&query, &routed.table(), {}}, query, routed, count, rules);
}

Result<RoutedPlan> plan_routed_read(const ResolvedNode& tree, const Query& query, const RoutedTable& routed,
                                    CountKind count, const ReadRules& rules) {
  if (!rules.aggregates)
    if (auto refusal = aggregates_not_allowed(query)) return *std::move(refusal);
  const CursorPage* page = query.page ? &*query.page : nullptr;
  if (page)
    if (auto refusal = check_page(query, routed.table(), count)) return *std::move(refusal);
  // PostGIS refuses some geometries, which must not fail the rows of other requests.
  if (page == nullptr && rules.call == nullptr && !is_feature(rules.format))
    if (auto point = point_read(query, routed, count)) return RoutedPlan(std::move(*point));
  auto root = plan_root(tree, routed, count == CountKind::exact, rules.bytewise_default_collation,
                        rules.format, page, rules.call);
  if (!root) return root.error();
  ReadPlan& scan = root->scan;
  if (!rules.one_default_collation) {
    hold_scan_to_one_collation(scan);
    hold_to_one_collation(root->lookups);
  }
  if (root->join.leaves_out())
    if (auto unbounded = check_choice(query)) return *std::move(unbounded);
  auto bound = row_bound(scan, rules.row_bound);
  if (!bound) return bound.error();

  RowsRead read;
  read.scan = std::move(root->scan);
  read.join = std::move(root->join);
  read.lookups = std::move(root->lookups);
  read.page = root->page;
  read.sort = std::move(root->sort);
  read.join.sorted_later = read.sort.has_value();
  if (read.sort)
    read.sort->page = {query.offset, query.limit, false};
  else if (read.scan.page_later)
    read.join.page = {query.offset, query.limit, false};
  read.bound = std::move(*bound);
  if (const auto group = routed.group_id())
    read.where = CandidateSlots{*group, candidate_slots(query.filters, routed)};
  const bool small_page = query.limit && *query.limit <= bounded_rows && query.offset <= bounded_rows;
  const bool one_group = read.scan.groups && read.scan.groups->one;
  const bool bounded = one_group || is_bounded(tree, query, routed, read.scan.page_later);
  // Groups are counted when they are all there.
  read.streams = !bounded && !(read.scan.states && read.bound);
  // A read-only transaction is two statements, and a stream is one.
  if (rules.call != nullptr) read.streams = false;
  // Without an order the first shard's rows come first, all of them.
  if (bounded && routed.is_hashed() && !read.scan.states && !read.scan.page_later && !read.scan.keys.empty())
    read.share = Share::expected;
  if (read.streams && small_page && read.scan.page_later && !read.join.counts && !read.sort) {
    read.share = Share::some;
    read.look_through = rows_to_look_through(*query.limit + query.offset);
  }
  read.keys_first = choosing_lookup(read);
  return RoutedPlan(std::move(read));
}

RowsRead RowsRead::with_keys(const LookupKeys& keys) const {
  RowsRead read = *this;
  const auto& first = *lookups[*keys_first].keys_first;
  std::vector<std::vector<std::string>> values(first.types.size());
  for (std::size_t key = 0; key < keys.size(); ++key)
    for (std::size_t column = 0; column < values.size(); ++column)
      values[column].push_back(keys[key][column]);
  std::string columns, arrays;
  for (std::size_t column = 0; column < values.size(); ++column) {
    read.scan.params.emplace_back(array_literal(values[column]));
    const auto number = read.scan.params.size() + (scan.group.empty() ? 0 : 1);
    add_item(columns, first.parent_columns[column]);
    add_item(arrays, '$' + std::to_string(number) + "::" + first.types[column] + "[]");
  }
  read.scan.where =
      and_also(std::move(read.scan.where), '(' + columns + ") IN (SELECT * FROM unnest(" + arrays + "))");
  if (read.where && first.parent_place) {
    auto slots = SlotSet::none(first.parent_place->group->slot_count);
    for (std::size_t key = 0; key < keys.size(); ++key) slots |= first.parent_place->slots(keys[key]);
    read.where->slots &= slots;
  }
  return read;
}

std::unique_ptr<RowOperator> RowsRead::combine(std::size_t inputs) const {
  std::unique_ptr<RowOperator> rows;
  if ((inputs > 1 || sort) && !scan.keys.empty())
    rows = std::make_unique<SortedMerge>(scan.keys, inputs);
  else
    rows = std::make_unique<Concatenate>(inputs);
  const bool skipped_by_shard = inputs == 1 && scan.offset_applied(for_reference());
  if (scan.page_later) return rows;
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
  if (share == Share::some && !shares.empty()) {
    // Together the shards show about as many as one would have to.
    constexpr std::uint64_t least = 50;
    const auto each_shows = std::max(read.look_through / shares.size(), least);
    for (auto& each : shares) each.at_most = std::min(each_shows, read.look_through);
  }
  if (alone || share != Share::expected || !read.scan.limit) return shares;
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
