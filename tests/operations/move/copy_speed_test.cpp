#include "operations/move/copy_speed.hpp"

#include <doctest/doctest.h>

using namespace shardplex::operations;
using namespace std::chrono_literals;

TEST_CASE("the speed of a copy is that of its last seconds, and a pause is no part of it") {
  const CopySpeed::Time begun{};
  CopySpeed speed(begun);
  CHECK(speed.after(500, begun + 500ms) == doctest::Approx(1000));
  for (int second = 1; second <= 20; ++second) speed.after(1000, begun + second * 1000ms);
  CHECK(speed.after(0, begun + 20s) == doctest::Approx(1000).epsilon(0.05));
  CHECK(speed.after(10, begun + 80s) == doctest::Approx(1000).epsilon(0.05));  // it was paused for a minute
  for (int second = 81; second <= 100; ++second) speed.after(9000, begun + second * 1000ms);
  CHECK(speed.after(0, begun + 100s) == doctest::Approx(9000).epsilon(0.05));
}
