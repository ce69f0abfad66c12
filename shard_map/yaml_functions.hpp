// Functions in a YAML file, such as now_utc: any or films_of: { by: movie_id, group: catalog }.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard_map/shard_map.hpp"
#include "shard_map/yaml_reader.hpp"

namespace shardplex {

/// Reads which shards answer calls of functions. Whether the functions are there, with the arguments that
/// are named, is the databases' to say.
class YamlFunctions {
 public:
  /// Problems go to `yaml`, which outlives this. `hashed`: of each of the map's groups, whether it is placed
  /// by hash; `groups`: their names.
  YamlFunctions(YamlReader& yaml, std::vector<bool> hashed, std::vector<std::string_view> groups)
      : yaml_(yaml), hashed_(std::move(hashed)), groups_(std::move(groups)) {}

  /// The value under "functions". What could not be read is left out or empty.
  std::vector<MapFunction> read(const YamlNode& node);

 private:
  MapFunction read_one(std::string_view name, const YamlNode& node);
  void read_word(const YamlNode& node, MapFunction& function);
  std::optional<GroupId> read_group(const YamlNode& node);

  YamlReader& yaml_;
  std::vector<bool> hashed_;
  std::vector<std::string_view> groups_;
};

}  // namespace shardplex
