// JSON without the members that are null.
#pragma once

#include <string>
#include <string_view>

#include "query/error.hpp"

namespace shardplex {

/// Appends `json`, which is whole, as PostgreSQL's json_strip_nulls() writes it: members that are null are
/// left out at any depth, elements of arrays are not; white space goes, and what is escaped without need is
/// not. The memory it takes does not depend on how deep values are nested.
///
/// Errors, with part of it appended: 22P05 and 22P02 of escapes that stand for no character, as PostgreSQL's;
/// SHARD503 for what is no JSON.
Result<void> append_without_nulls(std::string& out, std::string_view json);

}  // namespace shardplex
