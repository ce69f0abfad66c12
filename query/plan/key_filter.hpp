// What filters say about the columns that decide a row's slot.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/grammar/query.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// The values of which a plain column has to equal one for `condition` to hold: of eq, in and eq(any), not
/// negated. nullopt where it says anything else, or holds an array literal that is not in the simple form
/// {a,b}, which could be read otherwise than PostgreSQL does.
std::optional<std::vector<std::string>> equal_values(const Condition& condition);

/// The one value that a plain `eq` among `filters` (all of which have to hold) demands of `column`; nullptr
/// where there is none.
const std::string* eq_value(const std::vector<Filter>& filters, std::string_view column);

/// The filters say by eq what every column of the primary key is: whatever else is asked, at most one row of
/// a shard matches.
bool names_one_row(const std::vector<Filter>& filters, const Table& table);

/// canonical_bytes() of a value of the key column; nullopt also where equal values could differ in their
/// bytes, and for a label that the catalogue does not have.
std::optional<std::string> canonical_key(const Table& table, std::string_view column, std::string_view text);

}  // namespace shardplex
