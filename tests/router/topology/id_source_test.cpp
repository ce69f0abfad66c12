#include "router/topology/id_source.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

using shardplex::router::IdSource;
using shardplex::router::make_uuid_v7;

namespace {

constexpr std::int64_t node_of(std::int64_t id) {
  return (id >> 5) & 127;
}
constexpr std::int64_t millisecond_of(std::int64_t id) {
  return id >> 12;
}

}  // namespace

TEST_CASE("without a promise no id is handed out") {
  IdSource ids;
  CHECK_FALSE(ids.next(1'000).has_value());
}

TEST_CASE("ids carry their millisecond and node, grow, and fit in 53 bits") {
  IdSource ids;
  const auto now = IdSource::now_ms();
  ids.renew(127, now, now + 60'000);
  std::int64_t last = 0;
  for (int i = 0; i < 1'000; ++i) {
    const auto id = ids.next(now);
    REQUIRE(id.has_value());
    CHECK(*id > last);
    CHECK(*id < std::int64_t{1} << 53);
    CHECK(node_of(*id) == 127);
    last = *id;
  }
  CHECK(millisecond_of(last) == now + 999 / 32);
}

TEST_CASE("the sequence runs ahead of the clock only as far as the promise goes") {
  IdSource ids;
  ids.renew(3, 1'000, 1'002);
  int handed_out = 0;
  while (ids.next(1'000)) ++handed_out;
  CHECK(handed_out == 2 * 32);
  CHECK(ids.left_ms(1'000) == 0);
}

TEST_CASE("a clock that goes back does not repeat ids") {
  IdSource ids;
  ids.renew(3, 1'000, 2'000);
  const auto first = ids.next(1'500);
  const auto second = ids.next(1'200);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(*second > *first);
}

TEST_CASE("a promise that follows on extends the one before") {
  IdSource ids;
  ids.renew(3, 1'000, 1'001);
  const auto before = ids.next(1'000);
  ids.renew(3, 1'001, 1'002);
  const auto after = ids.next(1'000);
  REQUIRE(after.has_value());
  CHECK(*after == *before + 1);
}

TEST_CASE("a gap between promises is never used: it was promised to somebody else") {
  IdSource ids;
  ids.renew(3, 1'000, 1'010);
  REQUIRE(ids.next(1'000).has_value());
  ids.renew(3, 2'000, 2'010);
  for (auto id = ids.next(1'005); id; id = ids.next(1'005)) {
    CHECK(millisecond_of(*id) >= 2'000);
    CHECK(millisecond_of(*id) < 2'010);
  }
}

TEST_CASE("threads that share a source get ids of their own") {
  IdSource ids;
  ids.renew(5, 1'000, 1'000'000);
  std::vector<std::vector<std::int64_t>> taken(4);
  std::vector<std::thread> threads;
  for (auto& mine : taken)
    threads.emplace_back([&ids, &mine] {
      for (int i = 0; i < 5'000; ++i) mine.push_back(ids.next(1'000).value());
    });
  for (auto& thread : threads) thread.join();
  std::set<std::int64_t> all;
  for (const auto& mine : taken) {
    CHECK(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  CHECK(all.size() == 4 * 5'000);
}

TEST_CASE("a UUIDv7 says its version and variant, and starts with the time") {
  const auto first = make_uuid_v7();
  REQUIRE(first.size() == 36);
  CHECK(first[14] == '7');
  CHECK(std::string("89ab").find(first[19]) != std::string::npos);
  CHECK(first != make_uuid_v7());
  CHECK(first.substr(0, 8) <= make_uuid_v7().substr(0, 8));
}
