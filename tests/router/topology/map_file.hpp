// A shard map file that tests write and rewrite.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace shardplex::router {

/// The sample map (sample_shards.hpp), with these servers; in a temporary file that goes with this.
class MapFile {
 public:
  MapFile() { close(mkstemp(path_.data())); }
  ~MapFile() { std::filesystem::remove(path_); }
  MapFile(const MapFile&) = delete;

  /// `alpha` and `beta` are what the file has of these shards, such as "primary: host=a, replicas:
  /// [host=a1]".
  void write(const std::string& alpha, const std::string& beta) const {
    std::ofstream(path_) << "version: 1\ncluster: movies\nshards:\n  alpha: { " << alpha << " }\n  beta: { "
                         << beta
                         << " }\ngroups:\n  catalog:\n    slots: 4\n    strategy: { hash: {} }\n"
                            "    placement: { alpha: [0-1], beta: [2-3] }\n"
                            "tables:\n  movies: { group: catalog, key: id }\n";
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "shardplex-map-XXXXXX").string();
};

}  // namespace shardplex::router
