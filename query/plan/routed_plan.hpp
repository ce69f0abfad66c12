// Everything that is decided about a read before a shard is asked. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "query/engine/operator.hpp"
#include "query/error.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/route.hpp"

namespace shardplex {

/// One row by its key. It is read by the statement of plan_point(), together with others of its shape.
struct PointRead {
  struct Place {
    GroupId group;
    Slot slot;
    bool operator==(const Place&) const = default;
  };
  std::string key;             ///< in canonical text
  std::optional<Place> place;  ///< nullopt: a reference table, which any shard can answer for
  bool operator==(const PointRead&) const = default;
};

/// The slots in which matching rows may be.
struct CandidateSlots {
  GroupId group;
  SlotSet slots;
};

/// How many rows each shard of several is asked for.
enum class Share : std::uint8_t {
  whole,     ///< limit + offset, or all rows: always enough
  some,      ///< look_through: enough where not too many rows are left out; else again, whole
  expected,  ///< expected_rows(): nearly always enough; where it is not, the shards are asked again, whole
};

/// Where so many rows match, the answer is refused before it begins: it is never cut short.
struct RowBound {
  std::uint64_t too_many = 0;  ///< of matching rows, those before the offset included
  Error refusal;
};

/// Any number of rows: a scan on each shard that may hold some, and one operator over what comes back.
struct RowsRead {
  ReadPlan scan;                        ///< what each shard is asked
  std::optional<CandidateSlots> where;  ///< nullopt: a reference table, which any shard can answer for
  bool streams = false;                 ///< window by window: nothing is known that bounds the answer
  Share share = Share::whole;           ///< what to ask for at first
  std::uint64_t look_through = 0;       ///< rows of each shard, for Share::some; without streams
  std::optional<RowBound> bound;        ///< set: matching rows have to be counted first, or groups afterwards
  JoinPlan join;                        ///< what becomes of the rows that combine() gives, where
  std::vector<Lookup> lookups;          ///< these are not empty: they are its embeds
  /// A lookup that has to find rows for each of the answer's, and whose filters may leave few keys.
  std::optional<std::size_t> keys_first;
  std::optional<CursorPlan> page = std::nullopt;  ///< it is paged by cursor
  /// What puts the rows in order, and cuts out the page, when all lookups have been made.
  std::optional<SortPlan> sort = std::nullopt;

  /// The same read of rows alone that have one of the keys which the lookup keys_first has given.
  RowsRead with_keys(const LookupKeys& keys) const;

  /// The rows of some shards alone are an answer, if not the whole one: each is what it would be among the
  /// others. So it is not where rows of several shards make up one, as groups and looked-up embeds do.
  bool can_lack_shards() const { return !scan.groups && lookups.empty(); }

  /// The operator that makes one answer of the rows of `inputs` scans (one per target, in their order).
  std::unique_ptr<RowOperator> combine(std::size_t inputs) const;
};

using RoutedPlan = std::variant<PointRead, RowsRead>;

/// What the database and the operator's settings say about reads.
struct ReadRules {
  bool bytewise_default_collation = true;
  std::uint64_t row_bound = 0;        ///< the most rows of an answer; 0: any number
  bool aggregates = true;             ///< false: PGRST123 for them
  bool one_default_collation = true;  ///< Catalogue::one_default_collation
  RowFormat format = RowFormat::json;
  const CallSource* call = nullptr;  ///< the rows are a function's, of the columns of query.table
};

/// Plans a read of query.table, which `routed` is. Errors: those of plan_read(); SHARD400 where the limit is
/// above the row bound, and for what cannot be paged by cursor.
Result<RoutedPlan> plan_routed_read(const Query& query, const RoutedTable& routed, CountKind count,
                                    const ReadRules& rules);
/// The same with embeds, of a query that was resolved. SHARD400 also where rows are chosen by what other
/// shards hold, and are to be skipped by the ten thousand. Lifetime: the plan refers to the map.
Result<RoutedPlan> plan_routed_read(const ResolvedNode& tree, const Query& query, const RoutedTable& routed,
                                    CountKind count, const ReadRules& rules);

/// What depends on the default collation of a database is refused over shards of which these differ.
void hold_to_one_collation(std::vector<Lookup>& lookups);

/// How one target is to be asked, and how a reference table's shard. Lifetime: refers to the target's slots.
ReadPlan::ForShard for_target(const Target& target, bool alone);
ReadPlan::ForShard for_reference();

/// How each of the targets is to be asked, in their order. SHARD400 where they are several and their rows
/// cannot be put in order. Lifetime: refers to the targets' slots.
Result<std::vector<ReadPlan::ForShard>> share_out(const RowsRead& read, const std::vector<Target>& targets,
                                                  Share share);

/// How many of the first `rows` rows of an answer a shard with `slots` of the `slots_asked` will hold, with
/// two standard deviations to spare: under hash, rows fall on slots as by chance, whatever filters and orders
/// them.
std::uint64_t expected_rows(std::uint64_t rows, std::uint32_t slots, std::uint32_t slots_asked);

}  // namespace shardplex
