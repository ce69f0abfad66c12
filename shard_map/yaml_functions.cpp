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
  if (const YamlNode* by =
          yaml_.required(*fields, "by", "the argument whose value decides, as in by: movie_id"))
    if (const auto argument = yaml_.text(*by)) {
      function.argument = *argument;
      if (!is_name(*argument)) yaml_.report(*by, std::string(name_rule));
    }
  if (const YamlNode* group =
          yaml_.required(*fields, "group", "the group whose keys its values are, as in group: catalog"))
    function.group = read_group(*group);
  return function;
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
