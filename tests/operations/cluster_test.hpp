// What the tests of cluster commands share.
#pragma once

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "tests/cli/command_run.hpp"
#include "tests/operations/cluster_fixture.hpp"

namespace shardplex::test {

inline const std::string movies_schema = SHARDPLEX_SOURCE_DIR "/config/schema/movies.sql";

inline CommandRun init(const std::string& map, std::vector<std::string> more = {"--schema", movies_schema}) {
  std::vector<std::string> args{"cluster", "init", "--map", map};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

/// A map with one text in place of another.
inline TemporaryFile altered_map(const std::string& map, const std::string& what, const std::string& with) {
  std::ifstream file(map);
  std::string text(std::istreambuf_iterator<char>(file), {});
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return TemporaryFile(text.replace(at, what.size(), with));
}

/// A cluster without data, ready for use.
inline Cluster& initialised(Cluster& cluster) {
  cluster.reset();
  const CommandRun run = init(cluster.map());
  REQUIRE_MESSAGE(run.exit == 0, run);
  return cluster;
}

/// Loads NDJSON from standard input.
inline CommandRun load(const Cluster& cluster, const std::string& table, const std::string& rows,
                       std::vector<std::string> more = {}) {
  std::vector<std::string> args{"load", "--map", cluster.map(), "--table", table, "-"};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args, rows);
}

inline boost::json::value status(const Cluster& cluster, int expected_exit,
                                 std::vector<std::string> more = {}) {
  std::vector<std::string> args{"cluster", "status", "--map", cluster.map(), "--json"};
  args.insert(args.end(), more.begin(), more.end());
  const CommandRun run = run_shardplex(args);
  REQUIRE_MESSAGE(run.exit == expected_exit, run);
  return boost::json::parse(run.out);
}

/// The result of a query on each shard, added up.
inline long total(const Cluster& cluster, const std::string& query) {
  long sum = 0;
  for (const auto& shard : cluster.shards()) sum += std::stol(cluster.sql(shard, query));
  return sum;
}

inline long rows_of(const Cluster& cluster, const std::string& table) {
  return total(cluster, "SELECT count(*) FROM " + table);
}

}  // namespace shardplex::test
