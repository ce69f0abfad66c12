// The decisions of a load that need no server.
#include <doctest/doctest.h>

#include "operations/load/commit.hpp"
#include "operations/load/shard_writer.hpp"
#include "operations/load/unique_keys.hpp"

using namespace shardplex;
using namespace shardplex::operations;

TEST_CASE("COPY's context names the line and the column of a bad row, in any language") {
  const auto with_column = copy_position("COPY movies, line 3, column year: \"x\"", "movies");
  REQUIRE(with_column);
  CHECK(with_column->line == 3);
  CHECK(with_column->column == "year");
  const auto german = copy_position("COPY movies, Zeile 12, Spalte year: »x«", "movies");
  REQUIRE(german);
  CHECK(german->line == 12);
  const auto in_trigger =
      copy_position("PL/pgSQL function f() line 5 at RAISE\nCOPY 99 films, line 7", "99 films");
  REQUIRE(in_trigger);
  CHECK(in_trigger->line == 7);
  CHECK(in_trigger->column.empty());
  CHECK_FALSE(copy_position("SQL statement \"SELECT 1\"", "movies"));
  CHECK_FALSE(copy_position("", "movies"));
}

TEST_CASE("a row is blamed for its data and for constraints, not for the state of the server") {
  for (const auto* state : {"22P02", "23505", "23503", "23514", "44000", "54000", "P0001"})
    CHECK(blames_a_row(state));
  for (const auto* state :
       {"", "08006", "25006", "40001", "42501", "53100", "57P01", "58030", "SX001", "XX000"})
    CHECK_FALSE(blames_a_row(state));
}

TEST_CASE("a prepared transaction's name tells who decided") {
  const PreparedLoad load{"00c0ffee", 2, "733", "alpha:1"};
  const auto read = PreparedLoad::from_gid(load.to_gid());
  REQUIRE(read);
  CHECK(load.to_gid() == "shardplex_load_00c0ffee.2:733:alpha:1");
  CHECK(read->load == "00c0ffee");
  CHECK(read->number == 2);
  CHECK(read->transaction_id == "733");
  CHECK(read->first_shard == "alpha:1");
  for (const auto* other : {"", "mine", "shardplex_load_", "shardplex_load_x", "shardplex_load_x.1:abc:alpha",
                            "shardplex_load_x:1:alpha"}) {
    CAPTURE(other);
    CHECK_FALSE(PreparedLoad::from_gid(other));
  }
}

TEST_CASE("shards that commit one after the other are told apart when one fails, with the way to go on") {
  const std::string again = "; run the same load again: it gives every shard all of its rows";
  CHECK(told_parts({{}, "alpha", true, {"beta"}}, LoadMode::upsert) == "nothing of the load was kept");
  CHECK(told_parts({{"alpha"}, "beta", true, {"gamma"}}, LoadMode::replace) ==
        "the load was kept on alpha, and not on beta, gamma" + again);
  CHECK(told_parts({{"alpha"}, "beta", false, {"gamma"}}, LoadMode::upsert) ==
        "the load was kept on alpha, and not on gamma; whether beta kept it is not known" + again);
  CHECK(told_parts({{"alpha"}, "beta", false, {}}, LoadMode::upsert) ==
        "the load was kept on alpha; whether beta kept it is not known" + again);
  CHECK(told_parts({{}, "alpha", false, {"beta"}}, LoadMode::upsert) ==
        "nothing of the load was kept on beta; whether alpha kept it is not known" + again);
  CHECK(told_parts({{}, "alpha", false, {}}, LoadMode::upsert) ==
        "whether alpha kept it is not known" + again);
  CHECK(told_parts({{"alpha"}, "beta", true, {}}, LoadMode::insert).find("load again with --keep-good") !=
        std::string::npos);
}

TEST_CASE("every load has a name of its own") {
  CHECK(new_load_name().size() == 16);
  CHECK(new_load_name() != new_load_name());
}

TEST_CASE("a bad row refuses the load where not a single one is left out") {
  BadRows strict(20), lenient(std::nullopt);
  CHECK_FALSE(strict.refuse_load());
  strict.add(1, "x");
  lenient.add(1, "x");
  CHECK(strict.refuse_load());
  CHECK_FALSE(strict.enough());
  CHECK_FALSE(lenient.refuse_load());
}

TEST_CASE("a key given twice is found by its value, with the line it was first on") {
  UniqueKeys integers(KeyType::integer);
  CHECK_FALSE(integers.add(*canonical_bytes(KeyType::integer, "42"), 1));
  CHECK_FALSE(integers.add(*canonical_bytes(KeyType::integer, "-42"), 2));
  CHECK(integers.add(*canonical_bytes(KeyType::integer, "+042"), 3) == 1);
  UniqueKeys texts(KeyType::text);
  CHECK_FALSE(texts.add("a", 1));
  CHECK_FALSE(texts.add("A", 2));
  CHECK(texts.add("a", 3) == 1);
  UniqueKeys numbers(KeyType::numeric);
  CHECK_FALSE(numbers.add(*canonical_bytes(KeyType::numeric, "1.50"), 1));
  CHECK_FALSE(numbers.add(*canonical_bytes(KeyType::numeric, "15"), 2));
  CHECK(numbers.add(*canonical_bytes(KeyType::numeric, "15e-1"), 3) == 1);
}
