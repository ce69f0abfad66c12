#include "router/execution/big_answers.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <vector>

using namespace shardplex;
using namespace shardplex::router;
using namespace std::chrono_literals;

namespace {

using Permit = BigAnswers::Permit;

struct Fixture {
  asio::io_context io{1};
  BigAnswers answers{io, 2};
  std::vector<Permit> taken;  ///< in the order in which they came; empty ones are refusals

  void take(Deadline until = Clock::now() + 1h) {
    asio::co_spawn(io, answers.take(until),
                   [this](std::exception_ptr, Permit permit) { taken.push_back(std::move(permit)); });
    run();
  }
  void run() {
    io.restart();
    io.poll();
  }
};

}  // namespace

TEST_CASE("there are as many permits as there are, and one that goes back is there again") {
  Fixture f;
  auto first = f.answers.try_take();
  auto second = f.answers.try_take();
  CHECK(first);
  CHECK(second);
  CHECK_FALSE(f.answers.try_take());
  first = {};
  CHECK(f.answers.try_take());
}

TEST_CASE("those who wait for a permit get it in their order, before anybody who comes later") {
  Fixture f;
  auto first = f.answers.try_take();
  auto second = f.answers.try_take();
  f.take();
  f.take();
  CHECK(f.taken.empty());
  first = {};
  CHECK_FALSE(f.answers.try_take());
  f.run();
  REQUIRE(f.taken.size() == 1);
  CHECK(f.taken.front());
  second = {};
  f.run();
  CHECK(f.taken.size() == 2);
  f.taken.clear();
  CHECK(f.answers.try_take());
}

TEST_CASE("who has waited long enough goes without a permit") {
  Fixture f;
  auto first = f.answers.try_take();
  auto second = f.answers.try_take();
  const auto until = Clock::now() + 1h;
  f.take(until);
  f.answers.tick(until - 1s);
  f.run();
  CHECK(f.taken.empty());
  f.answers.tick(until);
  f.run();
  REQUIRE(f.taken.size() == 1);
  CHECK_FALSE(f.taken.front());
  first = {};
  CHECK(f.answers.try_take());
}
