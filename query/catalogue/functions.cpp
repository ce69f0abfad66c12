#include "query/catalogue/functions.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "shard_map/joined.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

std::string type_of(const FunctionArgument& argument) {
  return argument.type_schema == "pg_catalog" ? argument.type
                                              : argument.type_schema + '.' + argument.type_name;
}

std::string described_argument(const FunctionArgument& argument) {
  return (argument.variadic ? "variadic " : "") + argument.name + (argument.name.empty() ? "" : " ") +
         type_of(argument) + (argument.has_default ? " default" : "");
}

std::string described_column(const Column& column) {
  std::string out = column.name + ' ';
  out += column.type_schema == "pg_catalog" ? column.type : column.type_schema + '.' + column.type_name;
  if (!column.base_type_name.empty()) {
    out += " of ";
    if (column.base_type_schema != "pg_catalog") out += column.base_type_schema + '.';
    out += column.base_type_name;
  }
  if (!column.enum_labels.empty()) out += " with labels " + joined(column.enum_labels);
  if (!column.collation.empty()) out += " collate " + column.collation;
  const auto& casts = column.representations;
  for (const auto* each : {&casts.to_json, &casts.from_json, &casts.from_text})
    if (!each->empty()) out += " represented by " + *each;
  if (!casts.definition.empty()) out += " (" + casts.definition + ')';
  return out;
}

std::string described_result(const Function& function, const ShardMap& map) {
  const std::string set = function.returns_set ? "setof " : "";
  if (function.returns == Function::Returns::nothing) return set + "void";
  // What the map's tables and views are is compared where they are combined. Requests do not see those of
  // other schemas, so their columns are the function's own.
  const bool is_seen = split_map_name(function.table).schema == function.schema;
  if (is_seen && map.find_placement(function.table)) return set + function.table;
  return set + '(' + joined(function.columns, described_column) + ')';
}

std::string_view word(Function::Volatility volatility) {
  switch (volatility) {
    case Function::Volatility::immutable:
      return "immutable";
    case Function::Volatility::stable:
      return "stable";
    case Function::Volatility::volatile_:
      break;
  }
  return "volatile";
}

/// All functions of a name as text: equal text is equal functions, whatever their types' oids.
std::set<std::string> descriptions(const std::vector<Function>& functions, const ShardMap& map) {
  std::set<std::string> all;
  for (const auto& function : functions)
    all.insert(function.name + '(' + joined(function.arguments, described_argument) + ") returns " +
               described_result(function, map) + ' ' + std::string(word(function.volatility)));
  return all;
}

/// In what the functions of one name on two shards are not the same; "" where they are.
std::string difference_of(const std::string& shard_a, const std::set<std::string>& a,
                          const std::string& shard_b, const std::set<std::string>& b) {
  for (const auto& function : a)
    if (!b.contains(function)) return function + " is on " + shard_a + " and not on " + shard_b;
  for (const auto& function : b)
    if (!a.contains(function)) return function + " is on " + shard_b + " and not on " + shard_a;
  return "";
}

void combine_function(const std::string& name, const ShardMap& map,
                      const std::vector<std::pair<std::string, ShardCatalogue>>& shards,
                      Catalogue& combined) {
  static const std::vector<Function> none;
  const auto of = [&](const ShardCatalogue& shard) -> const std::vector<Function>& {
    const auto found = shard.functions.find(name);
    return found == shard.functions.end() ? none : found->second;
  };
  const bool nowhere =
      std::ranges::all_of(shards, [&](const auto& shard) { return of(shard.second).empty(); });
  if (nowhere) {
    combined.warnings.push_back("function " + name + " is in the map and not in the databases");
    return;
  }
  const auto& [first_shard, first] = shards.front();
  const auto of_first = descriptions(of(first), map);
  for (const auto& [shard, catalogue] : shards) {
    auto difference = difference_of(first_shard, of_first, shard, descriptions(of(catalogue), map));
    if (difference.empty()) continue;
    combined.warnings.push_back("calls of function " + name + " are refused: " + difference);
    combined.refused_functions[name] = std::move(difference);
    return;
  }
  combined.functions[name] = of(first);
}

}  // namespace

std::string Function::signature() const {
  return name + '(' + joined(arguments, described_argument) + ')';
}

const FunctionArgument* Function::find_argument(std::string_view argument) const {
  const auto found = std::ranges::find(arguments, argument, &FunctionArgument::name);
  return found == arguments.end() ? nullptr : &*found;
}

void combine_functions(const ShardMap& map, const std::vector<std::pair<std::string, ShardCatalogue>>& shards,
                       Catalogue& combined) {
  std::set<std::string> undeclared;
  for (const auto& [shard, catalogue] : shards)
    for (const auto& [name, functions] : catalogue.functions)
      if (map.find_function(name) == nullptr) undeclared.insert(name);
  combined.undeclared_functions.assign(undeclared.begin(), undeclared.end());
  for (const auto& declared : map.functions()) combine_function(declared.name, map, shards, combined);
}

}  // namespace shardplex
