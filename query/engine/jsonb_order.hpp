// PostgreSQL's order of jsonb, reproduced on binary-format values.
#pragma once

#include <string_view>

namespace shardplex {

/// <0, 0, >0 as `a` sorts before, with, after `b` (compareJsonbContainers() of PostgreSQL 15): null < string
/// < number < boolean < array < object; of two arrays or objects the one with fewer members first, then by
/// their members in the order in which jsonb keeps them, each key before its value; false < true. An empty
/// array that is the whole value is before all values that are not containers. Texts, keys too, compare by
/// their bytes, as by a default collation that is bytewise.
/// Precondition: both are is_jsonb(); anything else is a broken invariant.
int compare_jsonb(std::string_view a, std::string_view b);

}  // namespace shardplex
