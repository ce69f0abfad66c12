// Functions in a YAML file, such as now_utc: any or films_of: { by: movie_id, group: catalog }.
#pragma once

#include <cstddef>
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
  /// by hash; `key_columns`: how many columns its keys have, 0 where that is not known; `groups`: the names.
  YamlFunctions(YamlReader& yaml, std::vector<bool> hashed, std::vector<std::size_t> key_columns,
                std::vector<std::string_view> groups)
      : yaml_(yaml),
        hashed_(std::move(hashed)),
        key_columns_(std::move(key_columns)),
        groups_(std::move(groups)) {}

  /// The value under "functions". What could not be read is left out or empty.
  std::vector<MapFunction> read(const YamlNode& node);

 private:
  MapFunction read_one(std::string_view name, const YamlNode& node);
  void read_word(const YamlNode& node, MapFunction& function);
  KeyNames read_arguments(const YamlNode& node);
  std::optional<GroupId> read_group(const YamlNode& node);
  void check_arguments(const YamlNode& node, const MapFunction& function);

  YamlReader& yaml_;
  std::vector<bool> hashed_;
  std::vector<std::size_t> key_columns_;
  std::vector<std::string_view> groups_;
};

}  // namespace shardplex
