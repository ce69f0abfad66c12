// What one server says of its tables and indexes, and how it has used them.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "query/advice/survey.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// The tables of the map and their indexes as the server's catalogue has them, with the numbers of the last
/// ANALYZE. Throws pqxx exceptions.
void read_definitions(pqxx::connection& connection, const ShardMap& map, SurveyedShard& out);

/// What the server has counted of the tables of the map since its statistics began: since its first start,
/// its last crash or the last reset, whichever was last. Throws pqxx exceptions.
ServerUse read_use(pqxx::connection& connection, const ShardMap& map, const std::string& label);

}  // namespace shardplex::operations
