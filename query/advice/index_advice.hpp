// Which indexes are too many, broken, or on some shards only. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/advice/advice.hpp"
#include "query/advice/survey.hpp"

namespace shardplex {

/// Indexes that PostgreSQL does not use since they are invalid; that another index makes needless; that no
/// server has used; and that some shards have and others lack. Nothing is said of the indexes of the slot
/// column, which moves need.
///
/// An index is called unused only where every server of every shard that has it answered, as replicas count
/// their own reads; where the statistics of all reach back for `least_days`; and where the table was looked
/// at `least_calls` times meanwhile. It is never one that keeps values unique, that a constraint goes by, or
/// that is the replica identity; nor one that is younger than `least_days`, where that is known, or that
/// begins with a column that requests ask by, which may be as young. `asked`: such columns, by table.
Advised advise_indexes(const Survey& survey, const AdviceBounds& bounds,
                       const std::set<std::pair<std::string, std::string>>& asked = {});

/// Tables of 10,000 rows and more of which half and more are read `least_calls` times. `known`: tables of
/// which more is said elsewhere.
Advised advise_whole_reads(const Survey& survey, const AdviceBounds& bounds,
                           const std::vector<std::string>& known);

/// The least rows on a shard for which an index pays.
inline constexpr std::uint64_t rows_worth_an_index = 10'000;

}  // namespace shardplex
