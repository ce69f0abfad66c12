// PostgreSQL's sort order, reproduced on binary-format values.
#pragma once

#include <cstdint>
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

/// True where a result column of the PostgreSQL type `type_oid` holds values that compare as `kind`: integers
/// of any width do as any other, since their binary values say how wide they are. An enum's oid is each
/// server's own, so any user-defined type's will do: who merges enums has to know otherwise that it is one.
bool holds_values_of(SortKind kind, std::uint32_t type_oid);

/// True where `bytes` are a binary-format value of the kind, as compare_values() needs it.
bool is_value_of(SortKind kind, std::string_view bytes);

/// <0, 0, >0 as `a` sorts before, with, after `b` ascending. Both are PostgreSQL 15 binary-format (typsend)
/// values of the kind. Matches btree opclass order: NaN equals itself and is greater than any number, -0 = 0,
/// infinities of float, numeric, date and timestamp at the ends, timetz by instant then zone, interval by its
/// comparison value. Precondition: is_value_of(kind, …) of both; anything else is a broken invariant.
int compare_values(const MergeKey& key, std::string_view a, std::string_view b);

/// compare_values with null placement and direction applied; nullopt is SQL null.
int compare_keys(const MergeKey& key, const std::optional<std::string>& a,
                 const std::optional<std::string>& b);

}  // namespace shardplex
