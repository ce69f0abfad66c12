#pragma once

#include <string_view>

namespace shardplex::operations {

/// The text of config/schema/shardplex.sql, built into the program so that it needs no file at run time.
extern const std::string_view shardplex_schema_sql;

}  // namespace shardplex::operations
