#include "shard_schema/server_status.hpp"

#include <doctest/doctest.h>

#include "tests/shard_schema/rows_of_text.hpp"

namespace shardplex::test {

TEST_CASE("a primary has no lag, and is asked for no more where it has no schema") {
  const auto answer =
      decode_server_status(RowsOfText({{"false", "3", "4096", null, "10", "false", "false", null, "false"}}));
  CHECK_FALSE(answer.status.in_recovery);
  CHECK(answer.status.timeline == 3);
  CHECK(answer.status.wal_lsn == 4096);
  CHECK_FALSE(answer.status.replay_lag_seconds);
  CHECK(answer.status.max_prepared_transactions == 10);
  CHECK_FALSE(answer.has_identity);
  CHECK_FALSE(answer.has_directory);
  CHECK_FALSE(answer.status.directory_denied);
}

TEST_CASE("a replica that has replayed nothing yet is at 0, and its lag is in seconds") {
  const auto answer = decode_server_status(
      RowsOfText({{"true", "4294967295", null, "1500000", "0", "true", "true", "true", "true"}}));
  CHECK(answer.status.in_recovery);
  CHECK(answer.status.timeline == 4294967295);
  CHECK(answer.status.wal_lsn == 0);
  CHECK(answer.status.replay_lag_seconds == 1.5);
  CHECK(answer.status.receives_wal);
  CHECK(answer.has_identity);
  CHECK(answer.has_directory);
  CHECK(answer.status.takes_notes);
}

TEST_CASE("the lag of a replica that cannot say how old its data is, is unknown and not 0") {
  const auto answer =
      decode_server_status(RowsOfText({{"true", "1", "4096", null, "0", "true", "false", "true", "false"}}));
  CHECK(answer.status.in_recovery);
  CHECK_FALSE(answer.status.replay_lag_seconds);
}

TEST_CASE("a directory that may not be read is told from one that is not there") {
  const auto with = [](std::optional<std::string> privilege) {
    return decode_server_status(
        RowsOfText({{"false", "1", "1", null, "0", "true", "false", std::move(privilege), "false"}}));
  };
  CHECK(with("false").status.directory_denied);
  CHECK_FALSE(with("false").has_directory);
  CHECK_FALSE(with(null).status.directory_denied);
  CHECK_FALSE(with(null).has_directory);
}

TEST_CASE("a server without an identity is not initialised and has no epoch") {
  ServerStatus status;
  decode_identity(RowsOfText({}), status);
  CHECK_FALSE(status.initialised);
  CHECK_FALSE(decode_epoch(RowsOfText({})));
  decode_identity(RowsOfText({{"movies", "alpha", "9007199254740993"}}), status);
  CHECK(status.initialised);
  CHECK_FALSE(status.ruling);
  decode_identity(RowsOfText({{"movies", "alpha", "9007199254740993", "7"}}), status);
  CHECK(status.ruling == 7);
  CHECK(status.cluster == "movies");
  CHECK(status.shard == "alpha");
  CHECK(status.epoch == Epoch{9007199254740993});
  CHECK(decode_epoch(RowsOfText({{"7"}})) == Epoch{7});
}

TEST_CASE("the directory has a shard's replicas together, and a shard without any") {
  const auto listed = decode_directory(RowsOfText({{"alpha", "0", "host=a", "host=a1"},
                                                   {"alpha", "0", "host=a", "host=a2"},
                                                   {"beta", "1", "host=b", null}}));
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].shard.replicas == std::vector<std::string>{"host=a1", "host=a2"});
  CHECK(listed[1].position == 1);
  CHECK(listed[1].shard.primary == "host=b");
  CHECK(listed[1].shard.replicas.empty());
}

TEST_CASE("of two notes the one of the later ruling counts, and of one ruling the newer timeline") {
  const auto noted = decode_timelines(RowsOfText({{"alpha", "0", "3"}, {"beta", "1", "2"}}));
  REQUIRE(noted.size() == 2);
  CHECK(noted[0].shard == "alpha");
  CHECK(noted[0].known == KnownTimeline{0, 3});
  CHECK(noted[1].known > noted[0].known);
  CHECK(KnownTimeline{0, 4} > noted[0].known);
}

}  // namespace shardplex::test
