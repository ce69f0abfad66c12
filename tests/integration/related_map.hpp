// The map of a cluster, with a relation that its tables have no foreign key for.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {

/// A copy of the cluster's map file that declares ratings as a relation of films.
class RelatedMap {
 public:
  explicit RelatedMap(const Cluster& cluster) {
    std::ifstream map(cluster.map_file());
    const std::string text{std::istreambuf_iterator<char>(map), {}};
    file_ = folder_.write("map.yaml", text +
                                          "\nrelations:\n"
                                          "  ratings_movie_id_fkey: { table: ratings, columns: [movie_id], "
                                          "foreign_table: movies, foreign_columns: [id] }\n");
  }

  const std::string& file() const { return file_; }

 private:
  TemporaryFolder folder_;
  std::string file_;
};

}  // namespace shardplex::integration
