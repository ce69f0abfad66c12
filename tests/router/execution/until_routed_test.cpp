#include "router/execution/until_routed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <set>
#include <vector>

#include "tests/router/execution/worker_fixture.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace shardplex::router::fixtures;
using namespace std::chrono_literals;

namespace {

/// A request that is tried with given outcomes, the last of them again and again.
struct Trial {
  WorkerFixture fixture;
  RequestContext context;
  std::vector<Attempt<int>> outcomes;
  std::vector<std::uint64_t> versions_seen;
  std::function<void()> on_attempt = [] {};

  explicit Trial(std::vector<Attempt<int>> o, std::chrono::milliseconds time_left = 10s)
      : context(fixture.worker, Clock::now() + time_left), outcomes(std::move(o)) {}

  Result<int> run() {
    const auto attempt = [this](ViewPtr view) -> Awaitable<Attempt<int>> {
      versions_seen.push_back(view->snapshot->version);
      on_attempt();
      co_return outcomes[std::min(versions_seen.size(), outcomes.size()) - 1];
    };
    return fixture.result_of(until_routed<int>(context, attempt));
  }
};

const Attempt<int> moved = Replan{"slot 7 is moving", "alpha"}, down = Error{"SHARD503", "down", {}, {}, {}};

}  // namespace

TEST_CASE("a value ends the attempts") {
  Trial trial({5});
  CHECK(trial.run().value() == 5);
  CHECK(trial.versions_seen == std::vector<std::uint64_t>{1});
  CHECK(trial.fixture.refresher.requests == 0);
}

TEST_CASE("an error ends the attempts") {
  Trial trial({down, 5});
  CHECK(trial.run().error() == Error{"SHARD503", "down", {}, {}, {}});
  CHECK(trial.versions_seen.size() == 1);
}

TEST_CASE(
    "who hears that tables are as they were does not wait for others, and has the error after one more try") {
  const Error no_type{"42704", "type nosuch does not exist", {}, {}, {}};
  Trial trial({Replan{"the tables are being changed", "alpha", no_type}}, 1h);
  trial.on_attempt = [&] {
    auto same = snapshot(1);
    same.catalogue = trial.fixture.worker.view()->snapshot->catalogue;
    same.tables_seen = Clock::now() + 1h;
    trial.fixture.adopt(std::move(same));
  };
  const auto began = Clock::now();
  CHECK(trial.run().error() == no_type);
  CHECK(trial.versions_seen.size() == 2);
  CHECK(trial.fixture.refresher.table_requests == 1);
  CHECK(Clock::now() - began < 2s);  // which it would wait for others
}

TEST_CASE("a stale route asks for a newer view, and is tried again after a pause where none comes") {
  Trial trial({moved, moved, 5});
  CHECK(trial.run().value() == 5);
  CHECK(trial.versions_seen == std::vector<std::uint64_t>{1, 1, 1});
  CHECK(trial.fixture.refresher.requests == 2);
}

TEST_CASE("the next attempt uses the newest view") {
  Trial trial({moved, 5});
  trial.on_attempt = [&] {
    if (trial.versions_seen.size() == 1) trial.fixture.adopt(snapshot(2));
  };
  CHECK(trial.run().value() == 5);
  CHECK(trial.versions_seen == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("what was asked in an attempt that failed is not said of the answer") {
  Trial trial({moved, 5});
  trial.on_attempt = [&] {
    trial.context.asked.push_back("server " + std::to_string(trial.versions_seen.size()));
  };
  CHECK(trial.run().value() == 5);
  CHECK(trial.context.asked == std::vector<std::string>{"server 2"});
}

TEST_CASE("a new map makes the request start over") {
  Trial trial({moved, 5});
  trial.on_attempt = [&] { trial.fixture.adopt(snapshot(2, 2)); };
  CHECK(trial.run().error().code == "SHARD504");
  CHECK(trial.context.plan_outdated);
  CHECK(trial.versions_seen.size() == 1);
}

TEST_CASE("the deadline ends the attempts with the last reason") {
  Trial trial({moved}, 30ms);
  const auto error = trial.run().error();
  CHECK(error.code == "SHARD504");
  CHECK(error.details == "Until the deadline, slot 7 is moving.");
  CHECK_FALSE(trial.context.plan_outdated);
}

TEST_CASE("a request whose deadline has passed is tried once") {
  Trial trial({moved}, 0ms);
  CHECK(trial.run().error().code == "SHARD504");
  CHECK(trial.versions_seen.size() == 1);
}

TEST_CASE("the pause between two attempts grows up to 50 ms") {
  Trial trial({moved});
  auto pause = 2ms;
  for (const auto expected : {4ms, 8ms, 16ms, 32ms, 50ms, 50ms}) {
    // The attempt was made with version 0, so there is a newer view already, and nothing is waited for.
    CHECK_FALSE(trial.fixture.result_of(before_next_try(trial.context, Replan{}, 0, pause)));
    CHECK(pause == expected);
  }
}

namespace {

const Error no_such_column{"42703", "column x does not exist", {}, {}, {}};
const Attempt<int> other_tables = Replan{"the tables are being changed", "alpha", no_such_column};

}  // namespace

TEST_CASE("tables that seem to have changed are read again, and what was refused is tried once more") {
  Trial trial({other_tables, 5});
  CHECK(trial.run().value() == 5);
  CHECK(trial.fixture.refresher.table_requests == 1);
}

TEST_CASE("where the tables are as they were, the server's own error is the answer") {
  Trial trial({other_tables});
  CHECK(trial.run().error() == no_such_column);
  CHECK(trial.versions_seen.size() == 2);
  CHECK(trial.fixture.refresher.table_requests == 1);
}

TEST_CASE("a plan is outdated as soon as there are other tables") {
  Trial trial({other_tables, 5});
  trial.on_attempt = [&] {
    auto next = snapshot(2);
    next.catalogue = std::make_shared<const Catalogue>();
    trial.fixture.adopt(std::move(next));
  };
  CHECK_FALSE(trial.run().has_value());
  CHECK(trial.context.plan_outdated);
  CHECK(trial.versions_seen.size() == 1);
}

namespace {

const Error nobody{"SHARD503", "nobody is there", {}, {}, {}};

Attempt<int> unserved(std::chrono::milliseconds patience, bool at_once = false, bool sent = false) {
  return Unserved{nobody, Clock::now() + patience, at_once, sent};
}

}  // namespace

TEST_CASE("a read without a server is asked again as soon as there is another view, and not before") {
  Trial trial({unserved(10s), 5});
  asio::steady_timer view_comes(trial.fixture.worker.io(), 50ms);
  view_comes.async_wait([&](auto) { trial.fixture.adopt(snapshot(2)); });
  CHECK(trial.run().value() == 5);
  CHECK(trial.versions_seen == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("a view that comes during a try is a reason to try again") {
  Trial trial({});
  const auto attempt = [&](ViewPtr view) -> Awaitable<Attempt<int>> {
    if (view->snapshot->version == 2) co_return 5;
    trial.fixture.adopt(snapshot(2));
    co_await asio::post(trial.fixture.worker.executor(), use_awaitable);
    CHECK(trial.fixture.worker.view()->snapshot->version == 2);
    co_return unserved(10s);
  };
  CHECK(trial.fixture.result_of(until_routed<int>(trial.context, attempt)).value() == 5);
}

TEST_CASE("a read without a server is refused when no server comes in time, without asking again and again") {
  Trial trial({unserved(30ms)});
  CHECK(trial.run().error() == nobody);
  CHECK(trial.versions_seen.size() == 1);
  Trial late({unserved(10s)}, 30ms);
  CHECK(late.run().error() == nobody);
  Trial without_patience({unserved(0ms), 5});
  CHECK(without_patience.run().error() == nobody);
}

TEST_CASE("how long a read waits for servers counts from its first try") {
  Trial trial({unserved(1s), unserved(10s)});
  trial.on_attempt = [&] {
    if (trial.versions_seen.size() == 1) trial.fixture.adopt(snapshot(2));
  };
  const auto began = Clock::now();
  CHECK(trial.run().error() == nobody);
  CHECK(Clock::now() - began < 5s);
  CHECK(trial.versions_seen.size() == 2);
}

TEST_CASE("where a new connection may do a read is asked again soon, but not for ever: it may break them") {
  Trial trial({unserved(10s, true, true)});
  CHECK(trial.run().error() == nobody);
  CHECK(trial.versions_seen.size() == 6);
  const auto lost = unserved(10s, true, true);
  Trial mended({lost, lost, lost, lost, lost, 5});
  CHECK(mended.run().value() == 5);
}

TEST_CASE("a read that no server has had yet breaks nothing: it is asked again as long as it may wait") {
  const auto refused = unserved(10s, true), cut = unserved(10s, true, true);
  Trial trial({refused, refused, cut, refused, cut, refused, refused, 5});
  CHECK(trial.run().value() == 5);
  Trial in_vain({unserved(100ms, true)});
  CHECK(in_vain.run().error() == nobody);
  CHECK(in_vain.versions_seen.size() < 100);
}

TEST_CASE("where the answer may lack shards, those that no server comes for are given up, each once") {
  const ShardId first_down{0}, second_down{1};
  Trial trial({unserved(0ms), unserved(0ms), 5});
  auto& partial = trial.context.partial;
  partial.allowed = true;
  partial.missing = {"of the try before"};
  trial.on_attempt = [&] {
    CHECK(partial.unserved.empty());
    CHECK(partial.missing.empty());
    partial.unserved = {trial.versions_seen.size() == 1 ? first_down : second_down};
  };
  CHECK(trial.run().value() == 5);
  CHECK(trial.versions_seen.size() == 3);
  CHECK(partial.given_up == std::set{first_down, second_down});

  Trial in_vain({unserved(0ms)});
  in_vain.context.partial.allowed = true;
  in_vain.on_attempt = [&] { in_vain.context.partial.unserved = {first_down}; };
  CHECK(in_vain.run().error() == nobody);
  CHECK(in_vain.versions_seen.size() == 2);

  Trial not_allowed({unserved(0ms), 5});
  not_allowed.on_attempt = [&] { not_allowed.context.partial.unserved = {first_down}; };
  CHECK(not_allowed.run().error() == nobody);
  CHECK(not_allowed.context.partial.given_up.empty());
}

TEST_CASE("once a shard is given up, another without a server has a time of its own to get one") {
  const ShardId gone{0}, coming{1};
  Trial trial({unserved(0ms), unserved(10s), 5});
  auto& partial = trial.context.partial;
  partial.allowed = true;
  trial.on_attempt = [&] {
    if (trial.versions_seen.size() == 1) partial.unserved = {gone};
    if (trial.versions_seen.size() == 2) partial.unserved = {coming};
  };
  asio::steady_timer view_comes(trial.fixture.worker.io(), 50ms);
  view_comes.async_wait([&](auto) { trial.fixture.adopt(snapshot(2)); });
  CHECK(trial.run().value() == 5);
  CHECK(trial.versions_seen == std::vector<std::uint64_t>{1, 1, 2});
  CHECK(partial.given_up == std::set{gone});
}

TEST_CASE("so many reads wait for a server, and others are refused at once") {
  Trial trial({unserved(10s), 5});
  auto& worker = trial.fixture.worker;
  for (int i = 0; i < 1'000; ++i)
    asio::co_spawn(worker.executor(), worker.next_chance(worker.chances(), Clock::now() + 100ms),
                   [](std::exception_ptr, bool comes) { CHECK_FALSE(comes); });
  CHECK(trial.run().error() == nobody);
  CHECK(trial.versions_seen.size() == 1);
  CHECK(worker.waiting_for_chance() == 0);
}
