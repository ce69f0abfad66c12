#include "router/execution/servers.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "router/execution/ask_shards.hpp"
#include "tests/router/execution/worker_fixture.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace shardplex::router::fixtures;
using namespace std::chrono_literals;
using postgres::Failure;
using postgres::Outcome;

namespace {

const ShardId alpha{0}, beta{1};

using Servers = std::vector<std::size_t>;
using Failures = std::map<std::string, Failure>;

View view_of(Snapshot snapshot) {
  View view;
  view.shards.resize(snapshot.shards.size());
  view.snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  return view;
}

/// `count` slots of the group, from the first on.
CandidateSlots first_slots(std::uint32_t count) {
  CandidateSlots where{GroupId{0}, SlotSet::none(1024)};
  for (std::uint32_t slot = 0; slot < count; ++slot) where.slots.insert(Slot{slot});
  return where;
}

Failure refused(std::string sqlstate) {
  return {Failure::Kind::statement, true, std::move(sqlstate), "", "", ""};
}

const Failure unreachable{Failure::Kind::connect, false, "", "", "", ""};

/// A read of one number, each shard's own, that fails on the servers named.
struct Read {
  explicit Read(Failures f) : failures(std::move(f)) {}

  Failures failures;
  WorkerFixture fixture;
  RequestContext context{fixture.worker, Clock::now() + 10s};
  std::vector<std::string> queried;

  Awaitable<Outcome<int>> query(ShardId shard, std::size_t server) {
    const auto& name = context.planned_with->state(shard).servers[server].name;
    queried.push_back(name);
    if (const auto failure = failures.find(name); failure != failures.end()) co_return failure->second;
    co_return shard.value + 1;
  }
  Attempt<int> on_alpha() {
    return fixture.result_of(on_best_reader<int>(context, *context.planned_with, alpha,
                                                 [&](std::size_t server) { return query(alpha, server); }));
  }
  Attempt<std::vector<int>> on_all() {
    const auto targets = read_targets(*context.planned_with, first_slots(1024)).value();
    std::vector<ReadPlan::ForShard> shares;
    for (const auto& target : targets) shares.push_back(for_target(target, false));
    return fixture.result_of(on_targets<int>(
        context, *context.planned_with, targets, shares,
        [&](ShardId shard, std::size_t server, const ReadPlan::ForShard&) { return query(shard, server); }));
  }
  Attempt<int> on_any() {
    return fixture.result_of(
        on_any_shard<int>(context, *context.planned_with,
                          [&](ShardId shard, std::size_t server) { return query(shard, server); }));
  }
};

}  // namespace

TEST_CASE("a read goes to a replica first, then to the primary; a strong one to the primary alone") {
  const View view = view_of(snapshot(1));
  std::minstd_rand random;
  CHECK(read_candidates(view, alpha, Consistency::any, random) == Servers{1, 0});
  CHECK(read_candidates(view, alpha, Consistency::strong, random) == Servers{0});
  CHECK(best_reader(view, alpha, Consistency::any, random) == 1);
  CHECK(best_reader(view, alpha, Consistency::strong, random) == 0);
}

TEST_CASE("a replica that is behind is passed over, and a shard without servers has no candidates") {
  auto state = snapshot(1);
  state.shards[0].servers[1].readable = false;
  state.shards[1] = {};
  const View view = view_of(std::move(state));
  std::minstd_rand random;
  CHECK(read_candidates(view, alpha, Consistency::any, random) == Servers{0});
  CHECK(best_reader(view, alpha, Consistency::any, random) == 0);
  CHECK(read_candidates(view, beta, Consistency::any, random).empty());
  CHECK_FALSE(best_reader(view, beta, Consistency::any, random));
}

TEST_CASE("the targets of a read are the owners of its slots") {
  const View view = view_of(snapshot(1));
  const auto one = read_targets(view, first_slots(5)).value();
  REQUIRE(one.size() == 1);
  CHECK(one[0].shard == alpha);
  CHECK(one[0].epoch == Epoch{7});
  CHECK(one[0].slots.size() == 5);
  CHECK(read_targets(view, first_slots(1024)).value().size() == 3);
}

TEST_CASE("a read that no shard can hold rows of still asks one") {
  const auto targets = read_targets(view_of(snapshot(1)), first_slots(0)).value();
  REQUIRE(targets.size() == 1);
  CHECK(targets[0].slots.empty());
}

TEST_CASE("a slot without an owner is to be looked at again, one of a silent shard is unavailable") {
  auto state = snapshot(1);
  const auto failed = [&](const std::vector<std::optional<ShardOwnership>>& shards) {
    state.ownership = std::make_shared<const Ownership>(*state.map, shards);
    return read_targets(view_of(state), first_slots(1)).error();
  };
  const ShardOwnership nothing{Epoch{7}, {}};
  CHECK(std::get<Replan>(failed({nothing, nothing, nothing})).reason ==
        "slot 0 of group catalog has no owner");
  CHECK(std::get<Error>(failed({std::nullopt, nothing, nothing})).code == "SHARD503");
}

TEST_CASE("a read tries the next server where the first is unreachable, behind, or in the way of replay") {
  for (const auto& failure : {unreachable, refused("SX001"), refused("40001"), refused("57P01")}) {
    CAPTURE(failure.sqlstate);
    Read read({{"alpha-1", failure}});
    CHECK(read.on_alpha().value() == 1);
    CHECK(read.queried == std::vector<std::string>{"alpha-1", "alpha"});
    CHECK(read.context.asked == std::vector<std::string>{"alpha"});
  }
}

TEST_CASE(
    "a replica that lacks a column, or a function of the catalogue, is passed over, and the primary says") {
  const auto without = [](std::string message) {
    auto failure = refused("42883");
    failure.message = std::move(message);
    return failure;
  };
  for (const auto& failure : {refused("42703"), without("function public.label(movies) does not exist"),
                              without("Funktion a b.label(a b.\"(\") existiert nicht")}) {
    CAPTURE(failure.message);
    Read read({{"alpha-1", failure}});
    CHECK(read.on_alpha().value() == 1);
    Read neither({{"alpha-1", failure}, {"alpha", failure}});
    const auto replan = std::get<Replan>(neither.on_alpha().error());
    CHECK(replan.unless_tables_change.value().code == failure.sqlstate);
  }
  auto inside = without("function public.helper(integer) does not exist");
  inside.in_function = true;
  for (const auto& failure : {inside, without("function sum(public.mood) does not exist"),
                              without("operator does not exist: a.b @> text"),
                              without("function shardplex.check_epoch(bigint) does not exist")}) {
    CAPTURE(failure.message);
    Read read({{"alpha-1", failure}});
    CHECK(std::holds_alternative<Error>(read.on_alpha().error()));
    CHECK(read.queried.size() == 1);
  }
}

TEST_CASE("what one server refuses all would refuse") {
  Read read({{"alpha-1", refused("22P02")}});
  CHECK(std::get<Error>(read.on_alpha().error()).code == "22P02");
  CHECK(read.queried == std::vector<std::string>{"alpha-1"});
}

TEST_CASE("a primary that knows another epoch has the request planned again") {
  Read read({{"alpha-1", unreachable}, {"alpha", refused("SX001")}});
  CHECK(std::get<Replan>(read.on_alpha().error()).shard == "alpha");
  CHECK(read.queried.size() == 2);
}

TEST_CASE("all targets are asked, and their values come in their order") {
  Read read({});
  CHECK(read.on_all().value() == std::vector{1, 2, 3});
  CHECK(read.context.asked.size() == 3);
}

TEST_CASE("over all targets an error wins, then a call to plan again") {
  Failures failures{{"alpha-1", unreachable}, {"alpha", refused("SX001")}};
  Read stale(failures);
  CHECK(std::get<Replan>(stale.on_all().error()).shard == "alpha");
  failures.emplace("gamma-1", refused("22P02"));
  Read refusing(failures);
  CHECK(std::get<Error>(refusing.on_all().error()).code == "22P02");
}

TEST_CASE("where any shard will do, one that is down is passed over") {
  Read read(
      {{"alpha", unreachable}, {"alpha-1", unreachable}, {"beta", unreachable}, {"beta-1", unreachable}});
  CHECK(read.on_any().value() == 3);
  const auto no = refused("22P02");
  Read refusing({{"alpha-1", no}, {"beta-1", no}, {"gamma-1", no}});
  CHECK(std::get<Error>(refusing.on_any().error()).code == "22P02");
  CHECK(refusing.queried.size() == 1);
}

namespace {

const Failures alpha_is_away{{"alpha", unreachable}, {"alpha-1", unreachable}};
const Failure lost{Failure::Kind::lost, true, "", "", ""};

Unserved unserved(const Attempt<int>& attempt) {
  return std::get<Unserved>(attempt.error());
}

}  // namespace

TEST_CASE(
    "a read that no server of its shard answers may wait for one, as long as the first that found none") {
  Read read(alpha_is_away);
  const auto began = Clock::now();
  const auto first = unserved(read.on_alpha());
  CHECK(first.error.code == "SHARD503");
  CHECK(first.until > began);
  CHECK(first.until <= Clock::now() + router::Settings().read_patience);
  CHECK(read.queried == std::vector<std::string>{"alpha-1", "alpha"});
  CHECK(unserved(read.on_alpha()).until == first.until);
  read.failures.clear();
  CHECK(read.on_alpha().value() == 1);
  read.failures = alpha_is_away;
  CHECK(unserved(read.on_alpha()).until > first.until);
  CHECK_FALSE(first.sent);
  CHECK(unserved(Read({{"alpha", lost}, {"alpha-1", lost}}).on_alpha()).at_once);
  CHECK(unserved(Read({{"alpha", unreachable}, {"alpha-1", lost}}).on_alpha()).sent);
}

TEST_CASE("a strong read, and what a server has refused, waits for no server") {
  Read strong(alpha_is_away);
  strong.context.consistency = Consistency::strong;
  CHECK(std::get<Error>(strong.on_alpha().error()).code == "SHARD503");
  strong.failures = {{"alpha", lost}};
  CHECK(std::holds_alternative<Replan>(strong.on_alpha().error()));  // once more, over another connection
  CHECK(std::get<Error>(strong.on_alpha().error()).code == "SHARD503");
  CHECK(std::holds_alternative<Error>(
      Read({{"alpha-1", unreachable}, {"alpha", refused("22P02")}}).on_alpha().error()));
}

TEST_CASE(
    "where any shard will do, all are asked before one is waited for, the longest time that one may be") {
  Failures failures = alpha_is_away;
  for (const auto* server : {"beta", "beta-1", "gamma", "gamma-1"}) failures.emplace(server, unreachable);
  Read read(failures);
  auto& outages = read.fixture.worker.outages();
  outages.found_none("alpha", Clock::now() - 1h);
  outages.found_none("gamma", Clock::now() - 2h);
  CHECK(unserved(read.on_any()).until > Clock::now() - 1min);
  CHECK(read.queried.size() == 6);
}

TEST_CASE("over all targets the shard that may be waited for the shortest decides") {
  Failures failures = alpha_is_away;
  failures.emplace("beta", unreachable);
  failures.emplace("beta-1", unreachable);
  failures.emplace("gamma-1", refused("SX001"));
  failures.emplace("gamma", refused("SX001"));
  Read read(failures);
  read.fixture.worker.outages().found_none("beta", Clock::now() - 20s);
  CHECK(std::get<Unserved>(read.on_all().error()).until < Clock::now());
}

TEST_CASE("a read that no shard can hold rows of asks a replica where no shard has a primary") {
  auto state = snapshot(1);
  for (auto& shard : state.shards) {
    shard.primary.reset();
    shard.servers[0].readable = shard.servers[0].writable = false;
  }
  state.shards[0].servers[1].readable = false;
  const auto targets = read_targets(view_of(std::move(state)), first_slots(0)).value();
  REQUIRE(targets.size() == 1);
  CHECK(targets[0].shard == beta);
}

TEST_CASE("a shard that gets a server to read is waited for anew") {
  Read read({});
  auto& outages = read.fixture.worker.outages();
  const auto long_ago = Clock::now() - 20s;
  outages.found_none("alpha", long_ago);
  auto next = snapshot(2);
  next.shards[0].servers[1].readable = false;
  read.fixture.adopt(next);
  read.fixture.run();
  CHECK(outages.found_none("alpha", Clock::now()) == long_ago + outages.patience());
  next = snapshot(3);
  read.fixture.adopt(next);
  read.fixture.run();
  CHECK(outages.found_none("alpha", Clock::now()) > Clock::now());
}

namespace {

/// A read of all slots whose answer may lack shards.
struct PartialRead {
  WorkerFixture fixture;
  RequestContext context{fixture.worker, Clock::now() + 10s};

  PartialRead() { context.partial.allowed = true; }
  Attempt<std::vector<Target>> targets(const View& view) {
    context.partial.begin_try();
    return read_targets(context, view, first_slots(1024));
  }
  std::vector<ShardId> asked(const View& view) {
    std::vector<ShardId> shards;
    for (const auto& target : targets(view).value()) shards.push_back(target.shard);
    return shards;
  }
};

using Names = std::set<std::string>;

/// With a shard that nobody can read.
View view_without(ShardId shard) {
  auto state = snapshot(1);
  state.shards[shard.value] = {};
  return view_of(std::move(state));
}

const ShardId third_shard{2};

}  // namespace

TEST_CASE("shards that a request has given up are not asked again, and are named as missing") {
  const View view = view_of(snapshot(1));
  PartialRead read;
  CHECK(read.asked(view) == std::vector{alpha, beta, third_shard});
  CHECK(read.context.partial.missing.empty());
  read.context.partial.given_up = {beta};
  CHECK(read.asked(view) == std::vector{alpha, third_shard});
  CHECK(read.context.partial.missing == Names{"beta"});
  read.context.partial.given_up = {alpha, beta, third_shard};
  CHECK(std::get<Error>(read.targets(view).error()).code == "SHARD503");
  read.context.partial.allowed = false;
  CHECK(read.asked(view).size() == 3);
}

TEST_CASE(
    "a shard without a server is given up once reads wait for it no more, and by a strong one at once") {
  const View view = view_without(alpha);
  PartialRead read;
  auto& outages = read.fixture.worker.outages();
  CHECK(read.asked(view).size() == 3);  // it may get one
  outages.found_none("alpha", Clock::now() - 20s);
  CHECK(read.asked(view) == std::vector{beta, third_shard});
  CHECK(read.context.partial.missing == Names{"alpha"});
  CHECK(read.context.partial.given_up == std::set{alpha});

  PartialRead strong;
  strong.context.consistency = Consistency::strong;
  CHECK(strong.asked(view) == std::vector{beta, third_shard});
  CHECK(strong.context.partial.missing == Names{"alpha"});
}

TEST_CASE(
    "slots of a shard that was never reached are left out of what may lack shards, and other faults not") {
  auto state = snapshot(1);
  const auto view_with = [&](std::vector<std::optional<ShardOwnership>> shards) {
    state.ownership = std::make_shared<const Ownership>(*state.map, shards);
    return view_of(state);
  };
  ShardOwnership own{Epoch{7}, {}};
  const auto& group = state.map->groups().front();
  auto& states = own.groups[group.name];
  for (const auto owner : group.placement)
    states.push_back(owner == third_shard ? SlotState::owned : SlotState::absent);
  PartialRead read;
  const View silent = view_with({std::nullopt, std::nullopt, own});
  CHECK(read.asked(silent) == std::vector{third_shard});
  CHECK(read.context.partial.missing == Names{"alpha", "beta"});
  CHECK(std::get<Error>(PartialRead().targets(view_with({std::nullopt, std::nullopt, std::nullopt})).error())
            .code == "SHARD503");
  // Slots that have left alpha may be on either of those that nobody has heard.
  ShardOwnership few{Epoch{7}, {}};
  few.groups[group.name] = {SlotState::owned};
  PartialRead of_alpha;
  const auto left =
      read_targets(of_alpha.context, view_with({few, std::nullopt, std::nullopt}), first_slots(5));
  CHECK(left.value().size() == 1);
  CHECK(of_alpha.context.partial.missing == Names{"beta", "gamma"});
  const ShardOwnership nothing{Epoch{7}, {}};
  CHECK(std::holds_alternative<Replan>(PartialRead().targets(view_with({nothing, nothing, own})).error()));
}

TEST_CASE("a strong read that may lack shards gives them up as any other") {
  Read read(alpha_is_away);
  read.context.consistency = Consistency::strong;
  read.context.partial.allowed = true;
  const auto attempt = read.on_alpha();
  CHECK(unserved(attempt).until <= Clock::now());
  CHECK(read.context.partial.unserved == std::vector{alpha});
}

TEST_CASE("a shard whose replica ends reads in favour of its replay is there, and is not given up") {
  Read read({{"alpha-1", refused("40001")}});
  auto without_primary = snapshot(2);
  without_primary.shards[0].primary.reset();
  without_primary.shards[0].servers[0].readable = without_primary.shards[0].servers[0].writable = false;
  read.fixture.adopt(without_primary);
  read.fixture.run();
  read.context.planned_with = read.fixture.worker.view();
  read.context.partial.allowed = true;
  CHECK(unserved(read.on_alpha()).error.code == "40001");
  CHECK(read.context.partial.unserved.empty());
}

TEST_CASE("an outage lasts once nobody waits any more, for as long as it is asked about") {
  Outages outages(300ms);
  const auto began = Clock::now();
  CHECK_FALSE(outages.lasts("alpha", began));
  outages.found_none("alpha", began);
  CHECK_FALSE(outages.lasts("alpha", began + 299ms));
  for (int seconds = 1; seconds < 200; seconds += 50) CHECK(outages.lasts("alpha", began + seconds * 1s));
  CHECK_FALSE(outages.lasts("alpha", began + 10min));
  outages.found_none("alpha", began + 10min);
  outages.end("alpha");
  CHECK_FALSE(outages.lasts("alpha", began + 10min + 1s));
}

TEST_CASE("what nobody has asked about for long is another outage") {
  Outages outages(300ms);
  const auto began = Clock::now();
  CHECK(outages.found_none("alpha", began) == began + outages.patience());
  CHECK(outages.found_none("alpha", began + 50s) == began + outages.patience());
  CHECK(outages.found_none("alpha", began + 100s) == began + outages.patience());
  CHECK(outages.found_none("alpha", began + 3min) == began + 3min + outages.patience());
  Outages patient(5min);
  CHECK(patient.found_none("alpha", began) == began + 5min);
  CHECK(patient.found_none("alpha", began + 4min) == began + 5min);
  CHECK(patient.found_none("alpha", began + 10min) == began + 15min);
}
