#include "router/topology/probe_schedule.hpp"

#include <doctest/doctest.h>

using namespace shardplex;
using namespace shardplex::router;
using std::chrono::milliseconds;

namespace {

constexpr Clock::time_point start{std::chrono::hours(1)};
constexpr auto due = start + milliseconds(250);

}  // namespace

TEST_CASE("a server is probed when its next whole probe is due, as long as no request waits") {
  const ProbeSchedule schedule;
  CHECK(schedule.next_probe(start, due, start, true) == due);
  CHECK(schedule.next_probe(start, due, start, false) == due);
}

TEST_CASE("while requests wait, the server that speaks for its shard is probed again and again") {
  ProbeSchedule schedule;
  CHECK(schedule.request_close_probes(start));
  CHECK(schedule.next_probe(start, due, start, true) == start + close_probe_interval);
  CHECK(schedule.next_probe(start, due, start, false) == due);
  CHECK(schedule.next_probe(start, start + milliseconds(1), start, true) == start + milliseconds(1));
}

TEST_CASE("close probes go on as long as requests ask for them, and for a while after the last") {
  ProbeSchedule schedule;
  CHECK(schedule.request_close_probes(start));
  const auto later = start + close_probe_time / 2;
  CHECK_FALSE(schedule.request_close_probes(later));  // they go on already
  const auto end = later + close_probe_time, last = end - milliseconds(1);
  CHECK(schedule.next_probe(last, due, last, true) == last + close_probe_interval);
  CHECK(schedule.next_probe(end, due, end, true) == due);
  CHECK(schedule.request_close_probes(end));
}
