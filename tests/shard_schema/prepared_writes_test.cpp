#include "shard_schema/prepared_writes.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/shard_schema/rows_of_text.hpp"

namespace shardplex::test {
namespace {

const std::string write_id = "0123456789abcdef0123456789abcdef";

}  // namespace

TEST_CASE("a part's name says its write, its number and its decider") {
  const PreparedPart part{write_id, 12, "alpha-2"};
  CHECK(part.to_gid() == "shardplex:" + write_id + ":12:alpha-2");
  CHECK(PreparedPart::from_gid(part.to_gid()) == part);
  CHECK(prepare_sql("a'b") == "PREPARE TRANSACTION 'a''b'");
  CHECK(commit_prepared_sql("a") == "COMMIT PREPARED 'a'");
  CHECK(roll_back_prepared_sql("a") == "ROLLBACK PREPARED 'a'");
}

TEST_CASE("the longest name is within PostgreSQL's bound for names of transactions") {
  const PreparedPart part{write_id, 65'535, std::string(63, 'a')};
  CHECK(part.to_gid().size() < 200);
}

TEST_CASE("names of others are no parts") {
  for (const char* gid :
       {"", "shardplex:", "shardplex_load_1.1:5:alpha", "shardplex:01:1:alpha", "other:x:1:alpha"}) {
    CAPTURE(gid);
    CHECK_FALSE(PreparedPart::from_gid(gid));
  }
  for (const char* rest : {":alpha", "::alpha", ":x:alpha", ":1x:alpha", ":1:", ":-1:alpha", ""}) {
    CAPTURE(rest);
    CHECK_FALSE(PreparedPart::from_gid("shardplex:" + write_id + rest));
  }
  CHECK_FALSE(PreparedPart::from_gid("shardplex:" + std::string(32, 'g') + ":1:alpha"));
}

TEST_CASE("parts that wait are read in their order, and what is none is left out") {
  const auto gid = PreparedPart{write_id, 1, "beta"}.to_gid();
  const auto parts = decode_waiting_parts(RowsOfText({{gid, "1500"}, {"shardplex:mine", "20"}}));
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].gid == gid);
  CHECK(parts[0].part.decider == "beta");
  CHECK(parts[0].waiting_ms == 1500);
}

TEST_CASE("a decision is one of two, and nothing else is taken for one") {
  CHECK(decode_decision(RowsOfText({{"committed"}})));
  CHECK_FALSE(decode_decision(RowsOfText({{"aborted"}})));
  CHECK_THROWS_AS(decode_decision(RowsOfText({{"maybe"}})), UnexpectedAnswer);
  CHECK_THROWS_AS(decode_decision(RowsOfText({{null}})), UnexpectedAnswer);
  CHECK_THROWS_AS(decode_decision(RowsOfText({})), UnexpectedAnswer);
}

}  // namespace shardplex::test
