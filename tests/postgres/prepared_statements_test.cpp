#include "postgres/prepared_statements.hpp"

#include <doctest/doctest.h>

namespace shardplex::postgres {

TEST_CASE("a statement is fresh once, and keeps its id") {
  PreparedStatements prepared;
  const auto first = prepared.use("SELECT 1");
  CHECK(first.fresh);
  const auto second = prepared.use("SELECT 1");
  CHECK_FALSE(second.fresh);
  CHECK(second.id == first.id);
  CHECK(prepared.use("SELECT 2").id != first.id);
}

TEST_CASE("the least recently used statement is evicted") {
  PreparedStatements prepared;
  const auto a = prepared.use("a").id;
  const auto b = prepared.use("b").id;
  prepared.use("a");
  prepared.use("c");
  CHECK(prepared.evict_beyond(2, 1'000) == b);
  CHECK(prepared.evict_beyond(2, 1'000) == std::nullopt);
  CHECK(prepared.holds("a", a));
  CHECK(prepared.use("b").fresh);
}

TEST_CASE("statements are evicted by the bytes of their texts as well, but for the one used last") {
  PreparedStatements prepared;
  const auto a = prepared.use("aaaa").id;
  const auto b = prepared.use("bbbb").id;
  CHECK(prepared.evict_beyond(100, 8) == std::nullopt);
  CHECK(prepared.evict_beyond(100, 7) == a);
  CHECK(prepared.evict_beyond(100, 7) == std::nullopt);
  prepared.use("cccccccccc");
  CHECK(prepared.evict_beyond(100, 7) == b);
  CHECK(prepared.evict_beyond(100, 7) == std::nullopt);
}

TEST_CASE("a forgotten statement comes back under another id, and the old id has no effect on it") {
  PreparedStatements prepared;
  const auto old = prepared.use("a").id;
  prepared.forget("a", old);
  const auto now = prepared.use("a");
  CHECK(now.fresh);
  CHECK(now.id != old);
  prepared.forget("a", old);
  CHECK(prepared.holds("a", now.id));
  prepared.forget_all();
  CHECK(prepared.size() == 0);
  CHECK_FALSE(prepared.holds("a", now.id));
}

}  // namespace shardplex::postgres
