// Functions as values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/functions.hpp"
#include "tests/query/fixtures.hpp"

namespace shardplex::fixtures {

inline FunctionArgument argument(std::string name, std::string type, std::string type_name,
                                 bool has_default = false) {
  return {std::move(name), std::move(type), std::move(type_name), "pg_catalog", has_default, false};
}

inline FunctionArgument variadic(FunctionArgument argument) {
  argument.variadic = true;
  return argument;
}

/// A stable function that returns an integer.
inline Function function(std::string name, std::vector<FunctionArgument> arguments = {}) {
  Function f;
  f.name = std::move(name);
  f.arguments = std::move(arguments);
  f.volatility = Function::Volatility::stable;
  f.returns = Function::Returns::value;
  f.columns = {column(std::string(value_column), "integer", "int4")};
  return f;
}

inline Function volatile_function(Function f) {
  f.volatility = Function::Volatility::volatile_;
  return f;
}

/// It returns a set of the table's rows.
inline Function returning(Function f, const Table& table) {
  f.returns = Function::Returns::row;
  f.returns_set = true;
  f.table = table.name;
  f.columns = table.columns;
  return f;
}

inline MapFunction any(std::string name) {
  return {std::move(name), MapFunction::Runs::any};
}
inline MapFunction all(std::string name) {
  return {std::move(name), MapFunction::Runs::all};
}
inline MapFunction by(std::string name, KeyNames arguments) {
  return {std::move(name), MapFunction::Runs::by, std::move(arguments), GroupId{0}};
}

inline ShardMap map_declaring(std::vector<MapFunction> functions) {
  const ShardMap map = hash_map();
  return {map.cluster(), map.shards(), map.groups(), map.tables(), map.relations(), {}, std::move(functions)};
}

}  // namespace shardplex::fixtures
