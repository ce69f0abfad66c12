// What each shard does of a write over several shards: which rows are whose, who decides, and what becomes of
// what they return.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "query/plan/plan.hpp"
#include "query/plan/route.hpp"
#include "query/plan/sql.hpp"

namespace shardplex {

/// Numbers of rows of a body, ascending.
using RowNumbers = std::vector<std::size_t>;

/// The elements of an array, as they stand there. Precondition: it is JSON (read_body()).
std::vector<std::string_view> json_elements(std::string_view array);

/// Which of the rows each target gets. Precondition: each slot is one of a target.
std::vector<RowNumbers> rows_of_targets(const std::vector<Slot>& slots, const std::vector<Target>& targets);

/// Which target decides: the one with most rows, or, where the rows are not known, with most slots; of
/// several the first. Its part is not prepared. Precondition: there are targets, and the plan's slots are
/// theirs.
std::size_t choose_decider(const WritePlan& plan, const std::vector<Target>& targets);

/// The statement of each target, in their order. Precondition: there are several, and not_over_shards is
/// unset.
std::vector<Statement> statements_of_parts(const WritePlan& plan, const std::vector<Target>& targets);

/// Has the statement of a part hold to other bounds than those of the whole, if the plan has any.
void set_bounds(Statement& part, const WritePlan& plan, const RowBounds& bounds);

/// The bounds of the last part, where the others have touched so many rows: it fails where they are too many
/// already.
RowBounds bounds_of_rest(const RowBounds& whole, std::uint64_t touched);

/// A row that a part has returned.
struct PartRow {
  std::size_t part, row;
  bool operator==(const PartRow&) const = default;
};

/// The returned rows of an INSERT in the order of the body: `returned` has how many each part gave back, in
/// the order in which it got them. Where a trigger has left some of a part out, nobody can tell which: the
/// others then stand as if it had been the last ones.
std::vector<PartRow> in_body_order(const std::vector<RowNumbers>& rows,
                                   const std::vector<std::size_t>& returned);

}  // namespace shardplex
