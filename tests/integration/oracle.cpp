#include "tests/integration/oracle.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

#include "tests/integration/expected_answer.hpp"
#include "tests/integration/related_tables.hpp"
#include "tests/integration/representations.hpp"
#include "tests/integration/sample_rows.hpp"
#include "tests/sanitized.hpp"

namespace shardplex::integration {
namespace {

constexpr std::uint64_t rows_seed = 20240607;
constexpr int most_failures = 10;  // told of before giving up

}  // namespace

LoadedCluster::LoadedCluster(const ClusterOptions& options) : Cluster(options) {
  // A type's number in pg_type and the order of a table's columns may differ from shard to shard.
  const auto& last = shards().back();
  Database(conninfo(last)).run("CREATE TYPE unrelated AS ENUM ('x')");
  initialise();
  run_everywhere(create_sample_types());
  for (const auto& shard : shards())
    Database(conninfo(shard)).run(add_sample_columns(shard == last && shards().size() > 1));
  run_everywhere(create_computed_columns());
  const bool by_genre = options.map == "genre";
  run_everywhere(create_related_tables(by_genre));
  std::ofstream(map_file(), std::ios::app) << related_tables_in_map(by_genre);
  initialise();
  run_everywhere(create_related_views(by_genre));
  for (const auto* table : {&sample_movies(), &sample_ratings(), &sample_genres()})
    load(table->name, make_rows(*table, rows_seed));
  const auto related = make_related_rows(rows_seed);
  for (const auto* table : related_tables(by_genre)) load(table->name, related.at(table->name));
  wait_for_replicas();
}

Oracle& Oracle::instance() {
  static Oracle oracle;
  return oracle;
}

Oracle::Oracle()
    : hash({.shards = 3, .replicas = 1, .map = "hash"}),
      genre({.shards = 3, .replicas = 1, .map = "genre"}),
      single({.shards = 1, .replicas = 0, .map = "hash"}) {}

std::uint64_t case_count(std::uint64_t usual) {
  const char* given = std::getenv("SHARDPLEX_ORACLE_CASES");
  return given == nullptr ? tests::fewer_if_sanitized(usual) : std::strtoull(given, nullptr, 10);
}

std::uint64_t fresh_seed() {
  const char* given = std::getenv("SHARDPLEX_ORACLE_SEED");
  const std::uint64_t seed = given == nullptr ? std::random_device()() : std::strtoull(given, nullptr, 10);
  std::cout << "SHARDPLEX_ORACLE_SEED=" << seed << '\n';
  return seed;
}

ReadCounts compare_reads(const Router& router, const GeneratedReads& reads) {
  auto& oracle = Oracle::instance();
  HttpClient sharded(router.port()), single(oracle.single_router.port());
  int failures = 0;
  ReadCounts counts;
  for (std::uint64_t seed = reads.first_seed; seed < reads.first_seed + reads.count; ++seed) {
    auto read = reads.make(seed);
    ask_for_a_format(read, seed);
    INFO("seed ", seed, ": ", read.describe());
    const auto expected = expected_answer(oracle.database, read, false);
    const auto answer = sharded.request(read.method, read.target, read.headers);
    const auto over_shards = difference(
        read, read.refusal_over_shards ? expected_answer(oracle.database, read, true) : expected, answer);
    CHECK_MESSAGE(over_shards.empty(), "over shards: ", over_shards);
    const auto over_one = difference(read, expected, single.request(read.method, read.target, read.headers));
    CHECK_MESSAGE(over_one.empty(), "over one shard: ", over_one);
    failures += !over_shards.empty() || !over_one.empty();
    REQUIRE_MESSAGE(failures < most_failures, "too many reads are answered wrongly");
    counts.errors += answer.status >= 400;
    counts.streams += answer.chunked;
    counts.empty += answer.body == "[]" || answer.body == "\n";
  }
  std::cout << reads.count << " reads: " << counts.errors << " errors, " << counts.streams << " streamed, "
            << counts.empty << " empty\n";
  return counts;
}

}  // namespace shardplex::integration
