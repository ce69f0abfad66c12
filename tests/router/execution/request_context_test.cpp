#include "router/execution/request_context.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/router/execution/worker_fixture.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace shardplex::router::fixtures;
using namespace std::chrono_literals;

TEST_CASE("of the shards without a server those that are waited for the shortest may be given up") {
  const ShardId alpha{0}, beta{1}, gamma{2};
  const auto now = Clock::now();
  PartialAnswer partial;
  partial.found_unserved(alpha, now + 300ms, now);
  CHECK(partial.unserved == std::vector{alpha});
  partial.found_unserved(beta, now - 20s, now);
  partial.found_unserved(gamma, now, now);
  CHECK(partial.unserved == std::vector{beta, gamma});
  partial.found_unserved(alpha, now + 300ms, now);
  CHECK(partial.unserved == std::vector{beta, gamma});
  partial.begin_try();
  partial.found_unserved(alpha, now + 300ms, now);
  partial.found_unserved(beta, now + 200ms, now);
  CHECK(partial.unserved == std::vector{beta});
}

TEST_CASE("each wait of a stream ends after its time, and with the stream") {
  const auto began = Clock::now();
  const StreamTime time{began + 1h, 30s};
  const auto next = time.next(), ended = Clock::now();
  CHECK(next >= began + 30s);
  CHECK(next <= ended + 30s);
  CHECK(StreamTime{began + 1s, 30s}.next() == began + 1s);
  Settings settings;
  settings.request_timeout = 7s;
  settings.stream_timeout = 2min;
  const auto own = stream_time(settings);
  CHECK(own.each == 7s);
  CHECK(own.end >= began + 2min);
  CHECK(own.end <= Clock::now() + 2min);
}

TEST_CASE(
    "a request has one deadline until its answer has begun, and then one for each time it asks shards") {
  WorkerFixture fixture;
  const auto deadline = Clock::now() - 1s;
  RequestContext context(fixture.worker, deadline);
  context.served_by = deadline;
  context.asked_again = 2;
  context.begin_wait();
  CHECK(context.deadline == deadline);
  CHECK(context.served_by == deadline);
  CHECK(context.asked_again == 2);
  context.streaming = StreamTime{Clock::now() + 1h, 30s};
  context.begin_wait();
  CHECK(context.deadline > Clock::now());
  CHECK_FALSE(context.served_by);
  CHECK(context.asked_again == 0);
}
