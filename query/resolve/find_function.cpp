#include "query/resolve/find_function.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>

#include "shard_map/joined.hpp"
#include "shard_map/map_name.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex {
namespace {

using NameSet = std::set<std::string>;

/// PostgREST knows no function with unnamed arguments but one whose only argument a body can be.
bool can_be_body(const FunctionArgument& argument) {
  static constexpr std::string_view types[] = {"json", "jsonb", "text", "xml", "bytea"};
  return argument.type_schema == "pg_catalog" &&
         std::ranges::find(types, argument.type_name) != std::end(types);
}

bool is_callable(const Function& function) {
  const auto unnamed = std::ranges::count(function.arguments, "", &FunctionArgument::name);
  return unnamed == 0 || (function.arguments.size() == 1 && can_be_body(function.arguments.front()));
}

bool is_raw(MediaKind content) {
  return content == MediaKind::text || content == MediaKind::xml || content == MediaKind::octet_stream;
}

bool takes_names(const Function& function, const NameSet& given, const CallKey& key) {
  if (function.arguments.empty()) return given.empty() && !(key.is_post && is_raw(key.content));
  // An argument without a name is the only one, and takes a body. Of more names one is none of its arguments.
  if (function.arguments.front().name.empty() || given.size() > function.arguments.size()) return false;
  NameSet required, others = given;
  for (const auto& argument : function.arguments) {
    if (!argument.has_default) required.insert(argument.name);
    if (argument.has_default) others.erase(argument.name);
  }
  return others == required;
}

bool takes_body(const Function& function, const CallKey& key) {
  if (!key.is_post || function.arguments.size() != 1) return false;
  const auto& argument = function.arguments.front();
  if (!argument.name.empty() || argument.type_schema != "pg_catalog") return false;
  switch (key.content) {
    case MediaKind::json:
      return argument.type_name == "json" || argument.type_name == "jsonb";
    case MediaKind::text:
      return argument.type_name == "text";
    case MediaKind::xml:
      return argument.type_name == "xml";
    case MediaKind::octet_stream:
      return argument.type_name == "bytea";
    default:
      return false;
  }
}

/// What messages say of the arguments that were looked for.
std::string searched_for(const CallKey& key, const NameSet& given) {
  if (key.is_post && key.content == MediaKind::text) return " with a single unnamed text parameter";
  if (key.is_post && key.content == MediaKind::xml) return " with a single unnamed xml parameter";
  if (key.is_post && key.content == MediaKind::octet_stream) return " with a single unnamed bytea parameter";
  std::string out = " without parameters";
  if (!given.empty()) out = (given.size() > 1 ? " with parameters " : " with parameter ") + joined(given);
  if (key.is_post && key.content == MediaKind::json) out += " or with a single unnamed json/jsonb parameter";
  return out;
}

/// "(a, b)" for each function that has the name and can be called.
std::vector<std::string> argument_lists(const std::vector<Function>& functions) {
  std::vector<std::string> lists;
  for (const auto& function : functions) {
    if (!is_callable(function)) continue;
    NameSet names;
    for (const auto& argument : function.arguments) names.insert(argument.name);
    lists.push_back('(' + joined(names) + ')');
  }
  return lists;
}

/// A function of this name with other arguments; where there is none that could be called, one of another
/// name.
std::optional<std::string> hint_for(const CallKey& key, const NameSet& given, const Catalogue& catalogue,
                                    const std::vector<Function>* of_name) {
  const std::string begin = "Perhaps you meant to call the function " + key.schema + '.';
  if (of_name != nullptr)
    if (const auto lists = argument_lists(*of_name); !lists.empty()) {
      const auto arguments = most_similar('(' + joined(given) + ')', lists);
      return arguments ? std::optional(begin + key.name + *arguments) : std::nullopt;
    }
  std::vector<std::string> names;
  for (const auto& [name, functions] : catalogue.functions)
    if (std::ranges::any_of(functions, is_callable)) names.push_back(name);
  const auto name = nearest(key.name, names);
  return name ? std::optional(begin + *name) : std::nullopt;
}

Error no_such_function(const CallKey& key, const NameSet& given, const Catalogue& catalogue,
                       const std::vector<Function>* of_name) {
  const bool is_of_raw_body = key.is_post && is_raw(key.content);
  std::string called = key.schema + '.' + key.name;
  std::string shown = called;
  if (!is_of_raw_body) shown += given.empty() ? " without parameters" : '(' + joined(given) + ')';
  auto hint = is_of_raw_body ? std::nullopt : hint_for(key, given, catalogue, of_name);
  return {"PGRST202", "Could not find the function " + shown + " in the schema cache",
          "Searched for the function " + called + searched_for(key, given) +
              ", but no matches were found in the schema cache.",
          std::move(hint), std::nullopt};
}

Error several_functions(const std::vector<const Function*>& candidates) {
  const auto argument_text = [](const FunctionArgument& argument) {
    return argument.name + " => " + argument.type;
  };
  const auto text = [&](const Function* function) {
    return function->schema + '.' + function->name + '(' + joined(function->arguments, argument_text) + ')';
  };
  return {"PGRST203", "Could not choose the best candidate function between: " + joined(candidates, text),
          std::nullopt,
          "Try renaming the parameters or the function itself in the database so function overloading can be "
          "resolved",
          std::nullopt};
}

/// What is told of a function that is there and cannot be called.
std::optional<Error> not_served_function(const CallKey& key, const Catalogue& catalogue) {
  const std::string& name = key.name;
  if (const auto refused = catalogue.refused_functions.find(name);
      refused != catalogue.refused_functions.end())
    return Error{"SHARD503", "Function " + name + " is not served while the shards differ", refused->second,
                 "Make it the same on every shard.", std::nullopt};
  if (!std::ranges::binary_search(catalogue.undeclared_functions, name)) return std::nullopt;
  const std::string in_map = make_map_name(key.schema, name);
  return Error{"SHARD400", "Function " + name + " is not declared in the shard map",
               "The map does not say which shards can answer it.",
               "Write one of these into the map: functions: { " + in_map +
                   ": any } where it reads reference "
                   "tables or none, { " +
                   in_map + ": all } where it gives rows of a sharded table, row by row, or { " + in_map +
                   ": { by: ARGUMENT, group: GROUP } } where it reads the rows of one key.",
               std::nullopt};
}

}  // namespace

Result<const Function*> find_function(const CallKey& key, const Catalogue& catalogue) {
  const NameSet given(key.arguments.begin(), key.arguments.end());
  const auto found = catalogue.functions.find(key.name);
  if (found == catalogue.functions.end()) {
    if (auto refusal = not_served_function(key, catalogue)) return *std::move(refusal);
    return no_such_function(key, given, catalogue, nullptr);
  }
  std::vector<const Function*> by_names, by_body;
  for (const auto& function : found->second) {
    if (!is_callable(function)) continue;
    if (takes_names(function, given, key))
      by_names.push_back(&function);
    else if (takes_body(function, key))
      by_body.push_back(&function);
  }
  const auto& candidates = by_names.empty() ? by_body : by_names;
  if (candidates.empty()) return no_such_function(key, given, catalogue, &found->second);
  if (candidates.size() > 1) return several_functions(candidates);
  return candidates.front();
}

}  // namespace shardplex
