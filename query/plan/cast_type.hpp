// The names of types that a request may cast to.
#pragma once

#include <string>
#include <string_view>

#include "query/error.hpp"

namespace shardplex {

/// A cast as SQL can safely carry it: SQL's own spellings by their type's name, any other name quoted; digits
/// as modifiers; [] for arrays. PGRST100 for what is none of these.
Result<std::string> cast_type_sql(std::string_view cast);

}  // namespace shardplex
