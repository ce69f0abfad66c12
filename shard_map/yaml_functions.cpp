#include "shard_map/yaml_functions.hpp"

#include <algorithm>
#include <cstddef>

#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

constexpr std::size_t max_functions = 1024;
constexpr std::string_view forms = "any, all or { by: movie_id, group: catalog }";

}  // namespace

std::vector<MapFunction> YamlFunctions::read(const YamlNode& node) {
  std::vector<MapFunction> functions;
  const auto all = yaml_.entries(node, "{ now_utc: any, films_of: { by: movie_id, group: catalog } }");
  if (!all) return functions;
  if (all->entries.size() > max_functions) {
    yaml_.report(node, "more than " + std::to_string(max_functions) + " functions");
    return functions;
  }
  for (const auto& [name, function] : all->entries) functions.push_back(read_one(name, function));
  return functions;
}

MapFunction YamlFunctions::read_one(std::string_view name, const YamlNode& node) {
  MapFunction function;
  function.name = name;
  if (auto problem = map_name_problem(name)) yaml_.report(node, *std::move(problem));
  if (node.value->kind != YamlValue::Kind::mapping) {
    read_word(node, function);
    return function;
  }
  function.runs = MapFunction::Runs::by;
  const auto fields = yaml_.fields(node, {"by", "group"}, forms);
  if (!fields) return function;
  const YamlNode* by = yaml_.required(*fields, "by", "the argument whose value decides, as in by: movie_id");
  if (by != nullptr) function.arguments = read_arguments(*by);
  if (const YamlNode* group =
          yaml_.required(*fields, "group", "the group whose keys its values are, as in group: catalog"))
    function.group = read_group(*group);
  if (by != nullptr) check_arguments(*by, function);
  return function;
}

KeyNames YamlFunctions::read_arguments(const YamlNode& node) {
  const auto name_in = [&](const YamlNode& one) {
    const auto argument = yaml_.text(one);
    if (argument && !is_name(*argument)) yaml_.report(one, std::string(name_rule));
    return argument.value_or("");
  };
  if (node.value->kind != YamlValue::Kind::list) return name_in(node);
  std::vector<std::string> names;
  const auto items = yaml_.items(node, "[tenant_id, id]");
  if (!items) return {};
  if (items->empty()) yaml_.report(node, "names no argument");
  for (const YamlNode& item : *items) {
    auto name = name_in(item);
    if (name.empty()) continue;
    if (contains_name(names, name)) yaml_.report(item, "argument " + in_quotes(name) + " is given twice");
    names.push_back(std::move(name));
  }
  return KeyNames(std::move(names));
}

void YamlFunctions::check_arguments(const YamlNode& node, const MapFunction& function) {
  if (!function.group || function.arguments.empty()) return;  // told already
  const auto columns = key_columns_[function.group->value], given = function.arguments.size();
  if (columns == 0 || columns == given) return;
  yaml_.report(node, "names " + std::to_string(given) + (given == 1 ? " argument" : " arguments") +
                         ", and the keys of " + shown(groups_[function.group->value]) + " have " +
                         std::to_string(columns) + (columns == 1 ? " column" : " columns") +
                         "; one is needed for each, in their order");
}

void YamlFunctions::read_word(const YamlNode& node, MapFunction& function) {
  const bool is_word = node.value->kind == YamlValue::Kind::scalar;
  const std::string word = is_word ? node.value->text : "";
  if (word == "all")
    function.runs = MapFunction::Runs::all;
  else if (word != "any")
    yaml_.report(node, "says which shards answer: " + std::string(forms));
}

std::optional<GroupId> YamlFunctions::read_group(const YamlNode& node) {
  const auto name = yaml_.text(node);
  if (!name) return std::nullopt;
  const auto found = std::ranges::find(groups_, *name);
  if (found == groups_.end()) {
    yaml_.report(node, "there is no group " + in_quotes(*name) + suggestion(*name, groups_));
    return std::nullopt;
  }
  const auto number = found - groups_.begin();
  if (!hashed_[static_cast<std::size_t>(number)])
    yaml_.report(node,
                 "is placed by lists, so that an argument alone does not tell the shard; name a group "
                 "that is placed by hash");
  return GroupId{static_cast<std::uint16_t>(number)};
}

}  // namespace shardplex
