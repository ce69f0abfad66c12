// What PostgreSQL says of a row that fails, for clients, who know of no slots.
#pragma once

#include <optional>
#include <string>

#include "query/error.hpp"
#include "query/plan/plan.hpp"

namespace shardplex {

/// "Failing row contains (5, Alien, null)." of the details of a constraint's error, without the slot. nullopt
/// where it cannot be told for sure which value that is: values come without quotes, and with commas of their
/// own; the row may be of another table (of a view, of a trigger); and its role may not see all of it.
std::optional<std::string> details_of_failing_row(const Error& error, const WritePlan& plan);

}  // namespace shardplex
