// Shards in a YAML file, such as alpha: { primary: host=10.0.0.1 dbname=movies, replicas: [] }.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "shard_map/conninfo.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_map/yaml_reader.hpp"

namespace shardplex {

/// Reads shards no two of which may have a server in common. Problems never repeat any part of a connection
/// string.
class YamlShards {
 public:
  /// Problems go to `yaml`, which outlives this.
  explicit YamlShards(YamlReader& yaml) : yaml_(yaml) {}

  /// The servers of a shard that is described elsewhere: none that is read may be one of them.
  void reserve(const Shard& shard);

  /// What could not be read is empty.
  Shard read(std::string_view name, const YamlNode& node);

 private:
  std::string read_server(const YamlNode& node);

  YamlReader& yaml_;
  std::map<ServerIdentity, std::string> servers_;  // -> where it was named first
};

}  // namespace shardplex
