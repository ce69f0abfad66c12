// What judges the rounds, as a whole: each violation that is planted in a round without any is found.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/fault.hpp"
#include "tests/chaos/judge.hpp"

namespace shardplex::chaos {
namespace {

using consistency::Action;
using consistency::Operation;
using consistency::Outcome;
using integration::Deed;
using std::chrono::milliseconds;

const Fault& fault_named(std::string_view name) {
  const auto faults = all_faults();
  const auto found = std::ranges::find(faults, name, &Fault::name);
  REQUIRE(found != faults.end());
  return *found;
}

/// Films below 100 are alpha's, the others beta's.
std::string shard_of(std::int64_t film) {
  return film < 100 ? "alpha" : "beta";
}

Asked request(Deed deed, std::int64_t film, int from, int until) {
  Asked asked;
  asked.deed = deed;
  asked.film = film;
  asked.invoked = milliseconds(from);
  asked.completed = milliseconds(until);
  return asked;
}

Operation operation(Action action, consistency::Value value, int from, int until) {
  Operation done;
  done.process = 1;
  done.action = action;
  done.key = {1, 0};
  done.value = value;
  done.invoked = milliseconds(from);
  done.completed = milliseconds(until);
  return done;
}

Operation list(std::vector<consistency::ListedRow> rows, int from, int until) {
  auto listed = operation(Action::list, std::nullopt, from, until);
  listed.process = 0;
  listed.group = "films.";
  listed.rows = std::move(rows);
  return listed;
}

/// Of a round in which a fault hit alpha at 1000 and was healed at 3000, and all went well: film 1 was
/// inserted with 0 and set to 7, and films of both shards were asked for by each deed every 50 ms.
Record without_fault() {
  Record record;
  record.hit = {"alpha", milliseconds(1'000), std::nullopt, milliseconds(3'000), ""};
  record.shard_of = shard_of;
  record.proof = {{"connections that were refused", 1}};
  record.peak_megabytes = 100;
  for (int at = 0; at < 6'000; at += 50)
    for (const auto deed : {Deed::change, Deed::strong_read, Deed::read})
      for (const std::int64_t film : {1, 101}) record.asked.push_back(request(deed, film, at, at + 5));
  auto& history = record.history;
  history.tables = {"movies", "ratings"};
  history.places = {"alpha", "beta"};
  auto inserted = operation(Action::insert, 0, 0, 1);
  inserted.group = "films.steady.";
  history.operations = {inserted, operation(Action::write, 7, 1'000, 1'010),
                        operation(Action::read, 7, 1'100, 1'110),
                        operation(Action::read, 0, 1'200, 1'210),  // from a replica
                        list({{{1, 0}, 0, 7}}, 7'000, 7'010)};
  history.operations[3].strong = false;
  record.before = {{"movies 5", "a|5|1", "alpha", "recorded-1-"}, {"movies 6", "a|6|1", "beta", ""}};
  record.after = record.before;
  record.after.push_back({"movies 1", "a|1|7", "alpha", "recorded-2-"});
  record.load = "recorded-2-";
  return record;
}

/// The failure of a request for a film at a time, among those of the record.
void fail(Record& record, Deed deed, std::int64_t film, int at, const std::string& answer = "503") {
  auto asked = request(deed, film, at, at + 5);
  asked.outcome = Outcome::failed;
  asked.answer = answer;
  record.asked.push_back(asked);
}

void slow_down(Record& record, std::int64_t film, Deed deed) {
  for (int i = 0; i < 5; ++i) record.asked.push_back(request(deed, film, 1'500, 2'701));
}

void promote(Record& record) {
  record.hit.promoted = milliseconds(2'000);
}

using Plant = std::function<void(Record&)>;

/// The violations that there are in a round of this fault, with what is planted.
std::vector<std::string> found(std::string_view fault, const Plant& plant) {
  auto record = without_fault();
  if (!fault_named(fault).needs_shard) record.hit.shard.clear();
  plant(record);
  return judge(std::move(record), fault_named(fault).bounds).violations;
}

bool finds(std::string_view fault, const Plant& plant, std::string_view words) {
  const auto violations = found(fault, plant);
  const bool is_there = std::ranges::any_of(
      violations, [&](const auto& violation) { return violation.find(words) != std::string::npos; });
  if (!is_there)
    for (const auto& violation : violations) MESSAGE(violation);
  return is_there;
}

void nothing(Record&) {}

constexpr const char* of_replicas[] = {"kill-replica", "stop-replica", "stop-backends", "drop-replica"};
constexpr const char* of_primaries_replaced[] = {"kill-primary", "replace-primary", "return-primary"};
constexpr const char* of_attackers[] = {"slow-client",    "client-leaves", "half-requests",
                                        "endless-chunks", "many-shapes",   "many-rows"};

}  // namespace

TEST_CASE("a round in which all went well is one, whatever its fault") {
  for (const auto& fault : all_faults()) {
    CAPTURE(fault.name);
    CHECK(found(fault.name, nothing) == std::vector<std::string>{});
  }
}

TEST_CASE("a write that is lost or doubled, and an answer that is wrong, are found under every fault") {
  struct Planted {
    const char* words;
    Plant plant;
  };
  const std::vector<Planted> table{
      {"lost write",
       [](Record& r) {
         r.history.operations.erase(r.history.operations.begin() + 2);
         r.history.operations.back().rows[0].value = 0;
       }},
      {"lost write",
       [](Record& r) {
         auto inserted = operation(Action::insert, 3, 1'500, 1'510);
         inserted.key.id = 2;
         inserted.group = "films.1.";
         r.history.operations.push_back(inserted);
       }},
      {"vanished write", [](Record& r) { r.history.operations.back().rows[0].value = 0; }},
      {"row on two shards",
       [](Record& r) {
         r.history.operations.back().rows.push_back({{1, 0}, 1, 7});
       }},
      {"own write unseen",
       [](Record& r) { r.history.operations.push_back(operation(Action::read, 0, 1'050, 1'060)); }},
      {"stale read",
       [](Record& r) {
         r.history.operations.push_back(operation(Action::read, 0, 1'050, 1'060));
         r.history.operations.back().process = 2;
       }},
      {"phantom value", [](Record& r) { r.history.operations[2].value = 8; }},
      {"phantom value", [](Record& r) { r.history.operations[3].value = 8; }},  // of a weak read, too
      {"phantom value",
       [](Record& r) {  // what was refused is not there
         auto refused = operation(Action::write, 8, 1'300, 1'310);
         refused.outcome = Outcome::failed;
         r.history.operations.push_back(refused);
         r.history.operations[3].value = 8;
         r.history.operations[3].invoked = milliseconds(1'400);
         r.history.operations[3].completed = milliseconds(1'410);
       }},
      {"stale read",
       [](Record& r) {  // the replicas had it long before
         r.history.operations[0].invoked = r.history.operations[0].completed = milliseconds(-7'000);
         r.history.operations[3].value = std::nullopt;
       }},
      {"movies 5, which was on alpha, is gone", [](Record& r) { r.after.erase(r.after.begin()); }},
      {"movies 6 is on beta and on alpha",
       [](Record& r) {
         r.after.push_back({"movies 6", "a|6|1", "alpha", ""});
       }},
      {"movies 6 was a|6|1 and is a|6|2", [](Record& r) { r.after[1].value = "a|6|2"; }},
      {"answers were wrong",
       [](Record& r) {
         fail(r, Deed::change, 1, 1'500, "200 of another film");
         r.asked.back().wrong = true;
       }},
  };
  for (const auto& fault : all_faults())
    for (const auto& [words, plant] : table) {
      CAPTURE(fault.name);
      CAPTURE(words);
      CHECK(finds(fault.name, plant, words));
    }
}

TEST_CASE("a fault of which nothing shows that it has happened to anyone is found") {
  for (const auto& fault : all_faults()) {
    CAPTURE(fault.name);
    CHECK(finds(
        fault.name, [](Record& r) { r.proof.clear(); }, "nothing shows that it did"));
    CHECK(finds(
        fault.name,
        [](Record& r) {
          r.proof.push_back({"movers killed", 0});
        },
        "the fault did not happen: movers killed: 0, and not 1 or more"));
    CHECK(finds(
        fault.name,
        [](Record& r) {
          r.proof.push_back({"processes that stand still", 8, 9});
        },
        "the fault did not happen: processes that stand still: 8, and not 9 or more"));
    CHECK(finds(
        fault.name, [](Record& r) { r.hit.began = r.hit.ended.emplace(milliseconds(7'000)); },
        "the fault did not happen: requests meanwhile: 0"));
  }
  for (const auto deed : {Deed::change, Deed::strong_read, Deed::read})
    CHECK(finds(
        "stop-replica",
        [&](Record& r) {
          std::erase_if(r.asked, [&](const Asked& asked) { return asked.deed == deed && *asked.film == 1; });
        },
        "the fault did not happen: "));
}

TEST_CASE("while a replica is dead or hangs nothing fails, and 99 of 100 requests take 1.2 s at most") {
  for (const auto* fault : of_replicas)
    for (const auto deed : {Deed::change, Deed::strong_read, Deed::read}) {
      CAPTURE(fault);
      CHECK(finds(
          fault, [&](Record& r) { fail(r, deed, 1, 1'500); }, "of the shard failed"));
      CHECK(finds(
          fault, [&](Record& r) { fail(r, deed, 101, 1'500); }, "do not need what was hit failed"));
      CHECK(finds(
          fault, [&](Record& r) { slow_down(r, 1, deed); }, "of the shard took 1.20 s"));
      CHECK(finds(
          fault, [&](Record& r) { slow_down(r, 101, deed); }, "99 of 100 other requests took"));
    }
}

TEST_CASE("a primary that is replaced costs writes and strong reads of its shard, for a second after it") {
  for (const auto* fault : of_primaries_replaced) {
    CAPTURE(fault);
    const auto fails = [](Deed deed, std::int64_t film, int at) {
      return [=](Record& r) {
        promote(r);
        fail(r, deed, film, at);
      };
    };
    CHECK(found(fault, fails(Deed::change, 1, 2'900)).empty());
    CHECK(found(fault, fails(Deed::strong_read, 1, 2'900)).empty());
    CHECK(finds(fault, fails(Deed::change, 1, 3'001), "asked after the promotion by 1.00 s"));
    CHECK(finds(fault, fails(Deed::strong_read, 1, 3'001), "asked after the promotion by 1.00 s"));
    CHECK(finds(fault, fails(Deed::read, 1, 1'500), "1 reads of the shard failed"));
    CHECK(finds(fault, fails(Deed::change, 101, 1'500), "do not need what was hit failed"));
    CHECK(finds(
        fault,
        [](Record& r) {
          promote(r);
          std::erase_if(r.asked, [](const Asked& asked) {
            return asked.deed == Deed::change && asked.completed > milliseconds(2'000) &&
                   asked.completed < milliseconds(3'010);
          });
        },
        "the first write after the promotion came after"));
    CHECK(finds(
        fault, [](Record& r) { slow_down(r, 1, Deed::read); }, "reads of the shard took 1.20 s"));
  }
}

TEST_CASE("what has been healed fails no more") {
  for (const auto& fault : all_faults()) {
    CAPTURE(fault.name);
    CHECK(finds(
        fault.name, [](Record& r) { fail(r, Deed::change, 1, 5'501); },
        "asked after all was healed by 2.50 s"));
  }
}

TEST_CASE("a router that is told to end cuts no request") {
  const auto cut = [](Record& r) {
    fail(r, Deed::read, 1, 1'500, "the answer was cut");
    r.asked.back().cut = true;
  };
  for (const auto& fault : all_faults()) {
    if (fault.name == "router-kill") continue;
    CAPTURE(fault.name);
    CHECK(finds(fault.name, cut, "requests were cut"));
  }
  CHECK(found("router-kill", cut).empty());
}

TEST_CASE("the memory of a router under every attack is measured, and 300 MB at most") {
  for (const auto* fault : of_attackers) {
    CAPTURE(fault);
    CHECK(finds(
        fault, [](Record& r) { r.peak_megabytes = 301; }, "a router had 301 MB, over 300"));
    CHECK(finds(
        fault, [](Record& r) { r.peak_megabytes.reset(); }, "is not known"));
  }
}

}  // namespace shardplex::chaos
