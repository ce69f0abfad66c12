// The call of a function as SQL.
#pragma once

#include <string>
#include <string_view>

#include "query/catalogue/catalogue.hpp"
#include "query/error.hpp"
#include "query/grammar/call_arguments.hpp"
#include "query/plan/expression.hpp"

namespace shardplex {

/// Under this name a statement has the rows of a call; everything else that it names has a schema.
inline constexpr std::string_view called_rows = "shardplex_call";

/// A SELECT that calls the function, once, and gives its rows: the columns of Function::columns, and of a
/// table's rows the slot column too. Values become parameters of `writer`. Of a function that returns nothing
/// it is one row of value_column. The arguments are those that find_function() found it by.
std::string call_sql(const Function& function, const CallArguments& arguments, ExpressionWriter& writer);

}  // namespace shardplex
