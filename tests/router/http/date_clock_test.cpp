#include "router/http/date_clock.hpp"

#include <doctest/doctest.h>

#include <ctime>

using namespace shardplex::router;

TEST_CASE("a date is written as HTTP wants it, in GMT") {
  CHECK(http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST_CASE("a clock tells the time from the beginning, and of its last tick") {
  const auto before = std::time(nullptr);
  DateClock clock;
  const auto told = [&] { return clock.text(); };
  const auto is_now = [&] {
    for (auto time = before; time <= std::time(nullptr); ++time)
      if (told() == http_date(time)) return true;
    return false;
  };
  CHECK(is_now());
  clock.tick();
  CHECK(is_now());
}
