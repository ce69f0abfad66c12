// Relations in a YAML file, such as
// ratings_of_user: { table: ratings, columns: [user_id], foreign_table: users, foreign_columns: [id] }.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/shard_map.hpp"
#include "shard_map/yaml_reader.hpp"

namespace shardplex {

/// Reads relations between tables of the map. Whether their columns are there is the databases' to say.
class YamlRelations {
 public:
  /// Problems go to `yaml`. `tables` are the names of the map's tables. Both outlive this.
  YamlRelations(YamlReader& yaml, std::span<const std::string_view> tables) : yaml_(yaml), tables_(tables) {}

  /// The value under "relations". What could not be read is left out or empty.
  std::vector<MapRelation> read(const YamlNode& node);

 private:
  MapRelation read_one(std::string_view name, const YamlNode& node);
  void check_schemas(const YamlNode& node, const MapRelation& relation);
  std::string read_table(const YamlNode& node);
  std::optional<std::vector<std::string>> read_columns(const YamlNode& node);
  std::string read_column(const YamlNode& node);

  YamlReader& yaml_;
  std::span<const std::string_view> tables_;
};

}  // namespace shardplex
