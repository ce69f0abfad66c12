// Clusters with the same rows, over three shards by hash, over three by genre, and on one shard, whose
// database says what each answer has to be.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/integration/cluster.hpp"
#include "tests/integration/request_generator.hpp"

namespace shardplex::integration {

/// A cluster with the sample rows and the related tables.
struct LoadedCluster : Cluster {
  explicit LoadedCluster(const ClusterOptions& options);
};

/// All that the tests of this program share, made once.
struct Oracle {
  LoadedCluster hash, genre, single;
  Router hash_router{hash.map_file()}, genre_router{genre.map_file()}, single_router{single.map_file()};
  Database database{single.conninfo("alpha")};

  static Oracle& instance();

 private:
  Oracle();
};

/// Reads to make: one for each seed from the first on.
struct GeneratedReads {
  std::function<ReadRequest(std::uint64_t seed)> make;
  std::uint64_t first_seed = 1;
  std::uint64_t count = 0;
};

/// How many reads to make of each kind: SHARDPLEX_ORACLE_CASES, or `usual`, fewer where a sanitizer watches.
std::uint64_t case_count(std::uint64_t usual);
/// A seed of which nobody knows what comes of it: SHARDPLEX_ORACLE_SEED, or another each time. It is printed.
std::uint64_t fresh_seed();

/// What came of them, of those over shards.
struct ReadCounts {
  std::uint64_t errors = 0, streams = 0, empty = 0;
};

/// Makes the reads, and holds both this router and the one of a single shard to one PostgreSQL's answers.
ReadCounts compare_reads(const Router& router, const GeneratedReads& reads);

}  // namespace shardplex::integration
