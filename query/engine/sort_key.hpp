// PostgreSQL's sort order, reproduced on binary-format values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/catalogue.hpp"

namespace shardplex {

/// One key of an ORDER BY.
struct MergeKey {
  SortKind kind = SortKind::none;
  bool descending = false;
  bool nulls_first = false;
  std::vector<std::string> enum_labels;  ///< for SortKind::enumeration
  bool operator==(const MergeKey&) const = default;
};

/// <0, 0, >0 as `a` sorts before, with, after `b` ascending. Both are PostgreSQL 15 binary-format (typsend)
/// values of the kind. Matches btree opclass order: NaN equals itself and is greater than any number, -0 = 0,
/// infinities of float, numeric, date and timestamp at the ends, timetz by instant then zone, interval by its
/// comparison value. Precondition: kind != none; malformed bytes are a broken invariant (assert).
int compare_values(const MergeKey& key, std::string_view a, std::string_view b);

/// compare_values with null placement and direction applied; nullopt is SQL null.
int compare_keys(const MergeKey& key, const std::optional<std::string>& a,
                 const std::optional<std::string>& b);

}  // namespace shardplex
