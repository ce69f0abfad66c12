// What judges the rounds: it finds what is planted.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/chaos/bounds.hpp"
#include "tests/chaos/evidence.hpp"
#include "tests/chaos/figures.hpp"
#include "tests/chaos/options.hpp"
#include "tests/chaos/report.hpp"
#include "tests/chaos/stock.hpp"

namespace shardplex::chaos {
namespace {

using consistency::Outcome;
using integration::Deed;
using std::chrono::milliseconds;

/// Films below 100 are alpha's, the others beta's.
std::string shard_of(std::int64_t film) {
  return film < 100 ? "alpha" : "beta";
}

Asked request(Deed deed, std::int64_t film, int from, int until) {
  Asked asked;
  asked.deed = deed;
  if (film > 0) asked.film = film;
  asked.invoked = milliseconds(from);
  asked.completed = milliseconds(until);
  return asked;
}

Asked failed(Asked asked, std::string answer, Outcome outcome = Outcome::failed) {
  asked.outcome = outcome;
  asked.answer = std::move(answer);
  return asked;
}

const Hit alpha_at_1000{"alpha", milliseconds(1'000), std::nullopt, std::nullopt, ""};

Hit promoted_at_2000() {
  Hit hit = alpha_at_1000;
  hit.promoted = milliseconds(2'000);
  return hit;
}

Figures figures(const std::vector<Asked>& asked) {
  return figures_of(asked, alpha_at_1000, shard_of);
}

StoredRow row(const std::string& name, const std::string& value, const std::string& shard = "alpha",
              const std::string& load = "recorded-1-") {
  return {name, value, shard, load};
}

}  // namespace

TEST_CASE("a failed request is the shard's by its film, or where the router chooses one, by its answer") {
  auto in_its_head = failed(request(Deed::read, 0, 1'100, 1'110), "No space left on device");
  in_its_head.shards = "beta-1,alpha";
  const auto found = figures({
      in_its_head,
      failed(request(Deed::change, 1, 1'100, 1'110), "503"),
      failed(request(Deed::change, 0, 1'100, 1'110), "shard alpha is away"),
      failed(request(Deed::strong_read, 2, 1'100, 1'110), "503"),
      failed(request(Deed::read, 0, 1'100, 1'110), "shard alpha is away"),
      failed(request(Deed::change, 101, 1'100, 1'110), "shard alpha is away"),
      failed(request(Deed::read, 0, 1'100, 1'110), "shard beta is away", Outcome::unknown),
  });
  CHECK(found.requests == 7);
  CHECK(found.of_shard.writes == 2);
  CHECK(found.of_shard.strong_reads == 1);
  CHECK(found.of_shard.reads == 2);
  CHECK(found.of_others.writes == 1);
  CHECK(found.of_others.reads == 1);
  CHECK(found.unknown == 0);  // a read is not

  Hit full = alpha_at_1000;
  full.says = "No space left";
  const auto insert = failed(request(Deed::change, 0, 1'100, 1'110), "No space left on device");
  CHECK(figures_of({insert}, full, shard_of).of_shard.writes == 1);
  CHECK(figures_of({insert}, alpha_at_1000, shard_of).of_others.writes == 1);
  CHECK(figures_of({failed(request(Deed::change, 0, 1'100, 1'110), "no ids")}, full, shard_of)
            .of_others.writes == 1);
}

TEST_CASE("a request that needs several shards is the hit one's, unless its answer blames others alone") {
  const auto list = [](std::vector<std::int64_t> films, const std::string& answer) {
    auto asked = failed(request(Deed::read, 0, 1'100, 1'110), answer);
    asked.needs_every_shard = films.empty();
    asked.films = std::move(films);
    return asked;
  };
  const auto is_of_alpha = [](const Asked& asked) {
    const auto found = figures({request(Deed::read, 1, 0, 1), request(Deed::read, 101, 0, 1), asked});
    CHECK(found.of_shard.reads + found.of_others.reads == 1);
    return found.of_shard.reads == 1;
  };
  CHECK(is_of_alpha(list({}, "503")));
  CHECK(is_of_alpha(list({}, "shard alpha is away")));
  CHECK_FALSE(is_of_alpha(list({}, "shard beta is away")));
  CHECK(is_of_alpha(list({}, "neither alpha nor beta")));
  CHECK(is_of_alpha(list({99, 100}, "503")));
  CHECK_FALSE(is_of_alpha(list({100, 101}, "503")));
  CHECK_FALSE(is_of_alpha(list({100, 101}, "shard alpha is away")));
}

TEST_CASE("the longest time without a success is told by shard and deed, from the fault on") {
  const auto found = figures({
      request(Deed::change, 1, 0, 10),
      request(Deed::change, 2, 890, 900),  // the gap before it is none of the fault's
      request(Deed::change, 3, 1'590, 1'600),
      failed(request(Deed::change, 3, 1'000, 1'010), "503"),
      request(Deed::read, 3, 990, 1'000),
      request(Deed::read, 3, 1'190, 1'200),
      request(Deed::read, 3, 1'590, 1'600),
      request(Deed::change, 101, 890, 900),
      request(Deed::change, 101, 1'190, 1'300),
      request(Deed::change, 101, 1'590, 1'600),
  });
  CHECK(found.shard.writes == milliseconds(700));
  CHECK(found.shard.reads == milliseconds(400));
  CHECK(found.others.writes == milliseconds(400));
  CHECK_FALSE(found.writes_after_promotion);
}

TEST_CASE("what does not come back is unavailable to the end") {
  const auto found = figures({request(Deed::change, 1, 900, 950), request(Deed::read, 1, 3'000, 3'010)});
  CHECK(found.shard.writes == milliseconds(2'060));
}

TEST_CASE("the first write after a promotion is measured, of the shard alone") {
  const auto found = figures_of(
      {
          request(Deed::change, 1, 1'900, 1'950),
          request(Deed::change, 101, 2'000, 2'010),
          request(Deed::read, 1, 2'000, 2'020),
          request(Deed::change, 1, 2'100, 2'250),
          request(Deed::change, 1, 2'300, 2'350),
      },
      promoted_at_2000(), shard_of);
  CHECK(found.writes_after_promotion == milliseconds(250));
}

TEST_CASE("each bound that is not kept is told, and what may fail is not") {
  const Bounds nothing, primary{.writes_of_shard_may_fail = true, .strong_reads_of_shard_may_fail = true},
      router{.requests_may_be_cut = true}, memory{.requests_may_be_shed = true};
  const auto write = failed(request(Deed::change, 1, 1'100, 1'110), "503");
  const auto strong_read = failed(request(Deed::strong_read, 1, 1'100, 1'110), "503");
  const auto read = failed(request(Deed::read, 1, 1'100, 1'110), "503");
  const auto of_beta = failed(request(Deed::change, 101, 1'100, 1'110), "503");
  auto cut = failed(request(Deed::change, 101, 1'100, 1'110), "cut", Outcome::unknown);
  cut.cut = true;
  const auto shed = failed(request(Deed::read, 0, 1'100, 1'110), "as much as --memory-budget-bytes allows");
  const auto slow = request(Deed::read, 1, 1'000, 2'300);
  const std::vector<std::pair<Bounds, std::vector<std::pair<Asked, std::size_t>>>> table{
      {nothing, {{write, 1}, {strong_read, 1}, {read, 1}, {of_beta, 1}, {cut, 2}, {slow, 1}, {shed, 1}}},
      {memory, {{write, 1}, {read, 1}, {of_beta, 1}, {shed, 0}}},
      {primary, {{write, 0}, {strong_read, 0}, {read, 1}, {of_beta, 1}, {cut, 2}, {slow, 1}}},
      {router, {{write, 1}, {strong_read, 1}, {read, 1}, {of_beta, 1}, {cut, 0}, {slow, 1}}}};
  for (const auto& [bounds, requests] : table)
    for (const auto& [asked, count] : requests) {
      const auto found = violations(figures({asked}), bounds);
      CAPTURE(asked.answer);
      CHECK(found.size() == count);
    }
  Figures big;
  big.peak_megabytes = 301;
  CHECK(violations(big, nothing).size() == 1);
  big.peak_megabytes = 300;
  CHECK(violations(big, nothing).empty());
  const auto promoted = promoted_at_2000();
  CHECK(
      violations(figures_of({request(Deed::change, 1, 2'990, 3'001)}, promoted, shard_of), nothing).size() ==
      1);
  CHECK(
      violations(figures_of({request(Deed::change, 1, 2'990, 2'999)}, promoted, shard_of), nothing).empty());
}

TEST_CASE("after a promotion writes and strong reads succeed for good, and at all") {
  const auto promoted = promoted_at_2000();
  const Bounds primary{.writes_of_shard_may_fail = true, .strong_reads_of_shard_may_fail = true};
  const auto found = [&](const std::vector<Asked>& asked) {
    return violations(figures_of(asked, promoted, shard_of), primary).size();
  };
  const auto success = request(Deed::change, 1, 2'300, 2'310);
  CHECK(found({success}) == 0);
  CHECK(found({success, failed(request(Deed::change, 1, 2'900, 2'910), "503")}) == 0);
  CHECK(found({success, failed(request(Deed::change, 1, 3'001, 3'010), "503")}) == 1);
  CHECK(found({success, failed(request(Deed::strong_read, 1, 3'001, 3'010), "503")}) == 1);
  CHECK(found({request(Deed::change, 1, 1'800, 1'810)}) == 1);
}

TEST_CASE("what was never available is told, and what was not to either end of the load") {
  const Bounds bounds{.writes_of_shard_may_fail = true};
  const auto found = [&](const std::vector<Asked>& asked) {
    return violations(figures(asked), bounds).size();
  };
  const auto begin = request(Deed::read, 1, 0, 10), end = request(Deed::read, 1, 3'990, 4'000);
  const auto between = request(Deed::read, 1, 1'990, 2'000);
  CHECK(found({begin, between, end}) == 0);
  CHECK(found({begin, end}) == 1);
  CHECK(found({begin, between, end, request(Deed::strong_read, 2, 3'990, 4'000)}) == 1);
  CHECK(found({begin, between, end, failed(request(Deed::change, 1, 1'100, 1'110), "503")}) == 0);
  CHECK(found({begin, between, end, failed(request(Deed::change, 101, 1'100, 1'110), "503")}) == 2);
}

TEST_CASE("requests that a fault has slowed down are not lost in those before and after it") {
  Hit hit = alpha_at_1000;
  hit.ended = milliseconds(3'000);
  std::vector<Asked> asked;
  for (int at = 0; at < 1'000; ++at) asked.push_back(request(Deed::read, 1, at / 2, at / 2 + 1));
  for (int at = 0; at < 1'000; ++at) asked.push_back(request(Deed::read, 1, 3'100 + at, 3'101 + at));
  for (int at = 0; at < 1'000; ++at) asked.push_back(request(Deed::change, 1, 1'000 + at, 1'001 + at));
  asked.push_back(request(Deed::read, 1, 990, 2'300));
  asked.push_back(request(Deed::read, 1, 2'300, 2'310));
  CHECK(figures_of(asked, hit, shard_of).p99_of_shard.reads == milliseconds(1'310));
}

TEST_CASE("a row that is lost, doubled, changed or made up is found, but for what the running load does") {
  const std::vector<StoredRow> before{row("movies 1", "5"), row("movies 2", "6", "beta"),
                                      row("movies 3", "7", "alpha", "")};
  CHECK(lost_or_doubled(before, before, "recorded-2-").empty());
  auto now = before;
  now.push_back(row("movies 9", "1", "beta", "recorded-2-"));
  CHECK(lost_or_doubled(before, now, "recorded-2-").empty());

  CHECK(lost_or_doubled(before, {before[0], before[2]}, "recorded-2-") ==
        std::vector<std::string>{"movies 2, which was on beta, is gone"});
  now = before;
  now.push_back(row("movies 1", "5", "beta"));
  CHECK(lost_or_doubled(before, now, "recorded-2-") ==
        std::vector<std::string>{"movies 1 is on alpha and on beta"});
  CHECK(lost_or_doubled(before, now, "recorded-1-").size() == 1);
  now = before;
  now[2].value = "8";
  CHECK(lost_or_doubled(before, now, "") == std::vector<std::string>{"movies 3 was 7 and is 8"});
  now = before;
  now.push_back(row("movies 4", "5"));
  CHECK(lost_or_doubled(before, now, "recorded-2-").size() == 1);
  now = before;
  now[0].shard = "beta";  // it was moved
  CHECK(lost_or_doubled(before, now, "recorded-2-").empty());
}

TEST_CASE("rounds of a fault are summed up, and times are the longest") {
  RoundResult first, second, other;
  first.fault = second.fault = "kill-replica";
  first.shard = second.shard = "alpha";
  other.fault = "router-kill";
  first.judgement.figures.requests = 100;
  second.judgement.figures.requests = 20;
  first.judgement.figures.shard.writes = milliseconds(1'500);
  second.judgement.figures.of_shard.writes = 3;
  other.judgement.figures.others.reads = milliseconds(250);
  const auto table = table_of({first, other, second});
  CHECK(std::count(table.begin(), table.end(), '\n') == 3);
  CHECK(table.find("kill-replica     2       120       3") != std::string::npos);
  CHECK(table.find("1.50 s") != std::string::npos);
  CHECK(table.find("0.25 s") != std::string::npos);
}

TEST_CASE("a line on a round tells what shows that its fault has happened") {
  RoundResult round;
  round.fault = "kill-replica";
  round.judgement.proof = {{"connections that alpha-1 refused", 1}, {"requests meanwhile", 840, 30}};
  CHECK(line_of(round).find("shown by connections that alpha-1 refused: 1; requests meanwhile: 840") !=
        std::string::npos);
}

TEST_CASE("arguments are read strictly") {
  const auto refused = [](const std::vector<std::string>& arguments) {
    try {
      options_of(arguments);
    } catch (const std::invalid_argument& wrong) {
      return std::string(wrong.what());
    }
    return std::string();
  };
  CHECK(options_of({"--seed", "7"}).seed == 7);
  CHECK(options_of({}).faults.size() == all_faults().size());
  CHECK(options_of({"--only", "kill-replica,router-kill"}).faults.size() == 2);
  CHECK(refused({"--only", "kill-replica,"}).starts_with("there is no fault ''; there are disk-full "));
  CHECK(refused({"--seed", "x"}) == "--seed takes a number from 0 to 999999999999, not 'x'");
  CHECK(refused({"--seed"}) == "--seed needs a value");
  CHECK(refused({"--minutes", "0"}).starts_with("--minutes takes a number from 1"));
  CHECK(refused({"--minutes", "1", "--rounds", "2"}).starts_with("--minutes and --rounds"));
  CHECK(refused({"--hurry"}) == "unknown argument '--hurry'");
}

}  // namespace shardplex::chaos
