// Random reads over shards with replicas, compared byte for byte with one PostgreSQL that holds all rows.
// Those of tables at random, many more of them and while slots move, are in tests/oracle/.
#include <doctest/doctest.h>

#include "tests/integration/embed_generator.hpp"
#include "tests/integration/oracle.hpp"

namespace shardplex::integration {
namespace {

constexpr std::uint64_t reads_of_each_map = 300, embeds_of_each_map = 240, computed_of_each_map = 240;

/// The generator has to go on asking for rows, not for errors and nothing.
void check_that_rows_come(const ReadCounts& counts, std::uint64_t reads) {
  CHECK(counts.errors + counts.empty < reads / 2);
  CHECK(counts.streams > 0);
}

void compare_plain_reads(const Router& router, std::uint64_t first_seed) {
  const auto count = case_count(reads_of_each_map);
  check_that_rows_come(compare_reads(router, {make_read, first_seed, count}), count);
}

void compare_embeds(const Router& router, bool by_genre, std::uint64_t first_seed) {
  const auto make = [&](std::uint64_t seed) { return make_embedding_read(seed, by_genre); };
  const auto count = case_count(embeds_of_each_map);
  check_that_rows_come(compare_reads(router, {make, first_seed, count}), count);
}

void compare_computed(const Router& router, std::uint64_t first_seed) {
  const auto count = case_count(computed_of_each_map);
  check_that_rows_come(compare_reads(router, {make_computed_read, first_seed, count}), count);
}

}  // namespace

TEST_CASE("every read over shards by hash is answered as one PostgreSQL with all rows answers it") {
  compare_plain_reads(Oracle::instance().hash_router, 1);
}

TEST_CASE("every read over shards by genre is answered as one PostgreSQL with all rows answers it") {
  compare_plain_reads(Oracle::instance().genre_router, 1'000'000);
}

TEST_CASE("every embed over shards by hash is what one PostgreSQL with all rows would embed") {
  compare_embeds(Oracle::instance().hash_router, false, 1);
}

TEST_CASE("every embed over shards by genre is what one PostgreSQL with all rows would embed") {
  compare_embeds(Oracle::instance().genre_router, true, 1'000'000);
}

TEST_CASE("every read of computed columns over shards by hash is what one PostgreSQL would compute") {
  compare_computed(Oracle::instance().hash_router, 1);
}

TEST_CASE("every read of computed columns over shards by genre is what one PostgreSQL would compute") {
  compare_computed(Oracle::instance().genre_router, 1'000'000);
}

}  // namespace shardplex::integration
