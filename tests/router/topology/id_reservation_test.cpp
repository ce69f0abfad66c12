#include "router/topology/id_reservation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/router/result_sets.hpp"
#include "tests/router/topology/closed_port.hpp"

using namespace shardplex;
using namespace shardplex::router;

TEST_CASE("a new range of ids is fetched when half of the last one is used up") {
  CHECK(reservation_due(0));
  CHECK(reservation_due(-1'000'000));  // the first one
  CHECK(reservation_due(30'000));
  CHECK_FALSE(reservation_due(30'001));
  CHECK_FALSE(reservation_due(60'000));
}

TEST_CASE("the first reservation leaves the node number to the shard, later ones keep it") {
  using Values = std::vector<std::optional<std::string>>;
  CHECK(reservation_statement(std::nullopt, 1'000).params == Values{std::nullopt, "1000", "60000"});
  CHECK(reservation_statement(12, 1'000).params == Values{"12", "1000", "60000"});
}

TEST_CASE("while the shard cannot be reached, no ids are promised") {
  asio::io_context io(1);
  postgres::PoolSettings settings;
  settings.connection.conninfo = closed_port_conninfo(1);
  postgres::Pool pool(io, settings);
  IdSource ids;
  IdReservation reservation(ids);
  bool done = false;
  asio::co_spawn(io, reservation.renew("alpha", pool), [&](std::exception_ptr failure) {
    CHECK_FALSE(failure);
    done = true;
  });
  io.run_for(std::chrono::seconds(5));
  CHECK(done);
  CHECK(reservation.left_ms() <= 0);
  CHECK_FALSE(ids.next(IdSource::now_ms()));
}

TEST_CASE("the first shard promises ids, and while it cannot, another one, by the router") {
  CHECK(promising_shard({true, true, true}, 1) == 0);
  CHECK(promising_shard({false, true, true}, 0) == 1);
  CHECK(promising_shard({false, true, true}, 1) == 2);
  CHECK(promising_shard({false, true, false}, 1) == 1);
  CHECK_FALSE(promising_shard({false, false}, 5));
  CHECK_FALSE(promising_shard({false}, 5));
  CHECK_FALSE(promising_shard({}, 5));
}

TEST_CASE("before the promise of a shard that is gone ends, another one is asked for the next") {
  IdSource ids;
  const IdReservation reservation(ids);
  const std::vector<std::pair<std::string, bool>> without_alpha{{"alpha", false}, {"beta", true}};
  const auto now = IdSource::now_ms();
  ids.renew(1, now, now + 60'000);  // as alpha has just promised
  CHECK_FALSE(reservation.is_due("beta", without_alpha));
  ids.renew(1, now, now + 30'000);  // what is left half a minute later
  CHECK(reservation.is_due("beta", without_alpha));
  CHECK_FALSE(reservation.is_due("alpha", without_alpha));
  CHECK(ids.next(now));  // those of alpha's promise are drawn meanwhile
}

TEST_CASE("no two shards have a node number in common") {
  std::set<std::int32_t> taken;
  for (std::int32_t nth = 0; const auto numbers = node_numbers(nth); ++nth)
    for (auto node = numbers->first; node <= numbers->last; ++node) CHECK(taken.insert(node).second);
  CHECK(taken.size() == 128);
  CHECK(*taken.rbegin() == 127);
}

TEST_CASE("after a failure another shard is asked") {
  IdSource ids;
  IdReservation reservation(ids);
  const std::vector<std::pair<std::string, bool>> both{{"alpha", true}, {"beta", true}};
  CHECK(reservation.is_due("alpha", both));
  CHECK_FALSE(reservation.is_due("beta", both));
  CHECK(reservation.is_due("beta", {{"alpha", false}, {"beta", true}}));
  asio::io_context io(1);
  postgres::PoolSettings settings;
  settings.connection.conninfo = closed_port_conninfo(1);
  postgres::Pool pool(io, settings);
  asio::co_spawn(io, reservation.renew("alpha", pool),
                 [](std::exception_ptr failure) { CHECK_FALSE(failure); });
  io.run_for(std::chrono::seconds(2));
  CHECK_FALSE(reservation.is_due("alpha", both));
  CHECK(reservation.is_due("beta", both));
}

TEST_CASE("what a shard promises is taken, and what makes no sense is no promise") {
  using tests::int8, tests::result_of;
  const auto answer = [](std::int64_t node, std::int64_t from_ms, std::int64_t until_ms) {
    return reserved_ids(result_of(3, {{int8(node), int8(from_ms), int8(until_ms)}}));
  };
  CHECK(answer(127, 1'000, 61'000) == ReservedIds{127, 1'000, 61'000});
  CHECK_FALSE(answer(-1, 1'000, 61'000));
  CHECK_FALSE(answer(128, 1'000, 61'000));
  CHECK_FALSE(answer(5, -1, 61'000));
  CHECK_FALSE(answer(5, 1'000, 1'000));
  CHECK_FALSE(answer(5, 1'000, (std::int64_t{1} << 41) + 1));
  CHECK_FALSE(reserved_ids(result_of(3, {})));
  CHECK_FALSE(reserved_ids(result_of(2, {{int8(5), int8(1)}})));
  CHECK_FALSE(reserved_ids(result_of(3, {{int8(5), int8(1), std::nullopt}})));
  CHECK_FALSE(reserved_ids(result_of(3, {{int8(5), int8(1), "abc"}})));
}
