#include "router/execution/promotion_watch.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>

#include "router/execution/ask_shards.hpp"
#include "tests/router/execution/worker_fixture.hpp"
#include "tests/router/result_sets.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

const std::string yes("\1", 1), no("\0", 1);

OtherServer role(const std::string& shard, const std::string& recovery, const std::string& receives,
                 std::int64_t timeline, std::optional<std::int64_t> ruling = 1) {
  const auto answer = tests::result_of(6, {{"movies", shard, recovery, receives, tests::int8(timeline),
                                            ruling ? std::optional(tests::int8(*ruling)) : std::nullopt}});
  return role_of(answer, "movies", "alpha", 2, 1);
}

Snapshot with_timelines(std::uint64_t version, std::size_t primary, std::int64_t primary_timeline) {
  auto next = router::fixtures::snapshot(version);
  auto& alpha = next.shards.front();
  for (std::size_t i = 0; i < alpha.servers.size(); ++i) {
    alpha.servers[i].writable = i == primary;
    alpha.servers[i].timeline = i == primary ? primary_timeline : 1;
  }
  alpha.primary = primary;
  return next;
}

}  // namespace

TEST_CASE("a replica follows while it receives WAL, and is detached where it does not") {
  CHECK(role("alpha", yes, yes, 0) == OtherServer::follows);
  CHECK(role("alpha", yes, no, 0) == OtherServer::detached);
}

TEST_CASE("a primary on a newer timeline was promoted, one on the same or an older one does not matter") {
  CHECK(role("alpha", no, no, 3) == OtherServer::promoted);
  CHECK(role("alpha", no, no, 2) == OtherServer::no_matter);
  CHECK(role("alpha", no, no, 1) == OtherServer::no_matter);
}

TEST_CASE("a primary whose history lacks an operator's ruling does not matter, whatever its timeline") {
  CHECK(role("alpha", no, no, 3, 0) == OtherServer::no_matter);
  CHECK(role("alpha", no, no, 3, 2) == OtherServer::promoted);
  CHECK(role("alpha", no, no, 1, 2) == OtherServer::promoted);             // it is ours that was given up
  CHECK(role("alpha", no, no, 3, std::nullopt) == OtherServer::promoted);  // of a schema that does not say
}

TEST_CASE("a server of another shard or without an identity does not matter") {
  CHECK(role("beta", no, no, 3) == OtherServer::no_matter);
  CHECK(role_of(tests::result_of(6, {}), "movies", "alpha", 2, 1) == OtherServer::no_matter);
  CHECK(role_of(tests::result_of(1, {{yes}}), "movies", "alpha", 2, 1) == OtherServer::no_matter);
}

TEST_CASE_FIXTURE(router::fixtures::WorkerFixture,
                  "an answer of a primary that the newest view has replaced is not acknowledged") {
  adopt(with_timelines(2, 0, 1));
  run();
  const auto asked_by = worker.view();
  adopt(with_timelines(3, 1, 2));
  run();
  CHECK(result_of(worker.promotion_watch().saw_promotion(*asked_by, ShardId{0}, worker.view())));
}

TEST_CASE_FIXTURE(router::fixtures::WorkerFixture,
                  "a replica that cannot be asked says nothing against its primary") {
  settings.pool.connection.connect_timeout = std::chrono::milliseconds(100);
  auto next = with_timelines(2, 0, 1);
  next.shards.front().servers[1].conninfo = "host=127.0.0.1 port=1";
  adopt(std::move(next));
  run();
  CHECK_FALSE(result_of(worker.promotion_watch().saw_promotion(*worker.view(), ShardId{0}, worker.view())));
  CHECK_FALSE(worker.promotion_watch().is_deposed(*worker.view(), ShardId{0}));
}

TEST_CASE("a write whose server was replaced has an unknown outcome, and says so") {
  const auto error = outcome_unknown("alpha");
  CHECK(error.code == "SHARD503");
  CHECK(error.details->find("whether the statement took effect is not known") != std::string::npos);
}
