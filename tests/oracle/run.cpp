#include "tests/oracle/run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/oracle/case.hpp"
#include "tests/oracle/judge_write.hpp"
#include "tests/oracle/mover.hpp"
#include "tests/oracle/shrink_case.hpp"
#include "tests/oracle/site.hpp"

namespace shardplex::oracle {
namespace {

using Clock = std::chrono::steady_clock;

/// Of a schema (0) and of each of its requests (from 1 on).
std::uint64_t seed_of(std::uint64_t seed, std::uint64_t schema, std::uint64_t number) {
  constexpr std::uint64_t of_seed = 1'000'000'000'000'003, of_schema = 1'000'000'007;
  return seed * of_seed + schema * of_schema + number;
}

class Run {
 public:
  Run(const Options& options, Progress& progress)
      : options_(options), progress_(progress), site_(options.shards) {}

  Tally run() {
    while (tally_.requests < options_.requests && tally_.wrong < options_.findings) run_schema();
    return std::move(tally_);
  }

 private:
  static constexpr std::uint64_t requests_at_rest = 25;  // and then as many while slots move

  void run_schema() {
    number_ = tally_.schemas++;
    Random random(seed_of(options_.seed, number_, 0));
    Found found;
    found.with_writes = options_.writes;
    found.schema = make_schema(random);
    found.rows = make_rows(found.schema, random);
    set_up(found);
    const auto reads = std::min(options_.per_schema, options_.requests - tally_.requests);
    for (std::uint64_t at = 0; at < reads; ++at) {
      if (mover_ && at % requests_at_rest == 0) {
        if (at / requests_at_rest % 2 == 0)
          mover_->rest();
        else
          mover_->move();
      }
      Random draws(seed_of(options_.seed, number_, at + 1));
      const auto request = any_request(found.schema, options_.writes, draws);
      found.draws = draws.drawn();
      const auto judgement = ask(found, request, at);
      progress_.at(line_of(tally_, options_.requests));
      if (judgement.verdict != Verdict::wrong) continue;
      end_moves();
      keep_smaller(found, request, judgement.why, at);
      if (tally_.wrong >= options_.findings) return;
      set_up(found);
    }
    end_moves();
  }

  void set_up(const Found& found) {
    const auto text = text_of(found.schema, found.rows);
    try {
      site_.set_up(text);
    } catch (const std::exception& failure) {
      throw std::runtime_error("schema " + std::to_string(number_) + " of seed " +
                               std::to_string(options_.seed) + " cannot be made: " + failure.what() + "\n" +
                               text.map + text.tables_sql + text.views_sql);
    }
    if (options_.moving) mover_.emplace(site_.primaries(), text.groups, seed_of(options_.seed, number_, 0));
  }

  void end_moves() {
    if (!mover_) return;
    mover_->rest();
    tally_.moves += mover_->moves();
    mover_.reset();
  }

  Judgement ask(const Found& found, const AnyRequest& request, std::uint64_t at) {
    const auto began = Clock::now();
    try {
      integration::HttpResponse over_shards;
      auto judgement = judge_request(site_, request, over_shards);
      tally_.asking += Clock::now() - began;
      tally_.add(judgement, over_shards);
      return judgement;
    } catch (const integration::ConnectionFailure& failure) {
      keep(case_of(found, request, std::string("a router does not answer: ") + failure.what(), at));
      throw;
    }
  }

  // ---- Wrong answers.

  Case case_of(const Found& found, const AnyRequest& request, const std::string& why,
               std::uint64_t at) const {
    Case wrong;
    wrong.seed = options_.seed;
    wrong.schema = number_;
    wrong.number = at;
    wrong.shards = options_.shards;
    wrong.moving = options_.moving;
    wrong.why = why;
    wrong.request = request;
    wrong.database = text_of(found.schema, found.rows);
    return wrong;
  }

  void keep(const Case& wrong) {
    const auto folder = options_.cases + "/seed-" + std::to_string(wrong.seed) + "-schema-" +
                        std::to_string(wrong.schema) + "-request-" + std::to_string(wrong.number);
    write_case(wrong, folder);
    tally_.cases.push_back(folder);
    std::printf("%s\n", text_of(wrong).c_str());
    std::fflush(stdout);
    progress_.say("again by: oracle --replay " + folder);
  }

  void keep_smaller(const Found& found, const AnyRequest& request, const std::string& why, std::uint64_t at) {
    auto wrong = case_of(found, request, why, at);
    progress_.say("request " + std::to_string(at) + " of schema " + std::to_string(number_) +
                  " is answered wrongly: " + request.method() + ' ' + request.target());
    if (options_.shrink.count() == 0) return keep(wrong);
    const auto tell = [&](const std::string& line) { progress_.say(line); };
    try {
      const auto shrunk = shrink(site_, found, options_.shrink, tell);
      if (shrunk.is_steady) {
        wrong = case_of(shrunk.found, shrunk.request, shrunk.why, at);
        wrong.moving = false;
      } else {
        progress_.say("it was right when it was asked again");
      }
    } catch (const integration::ConnectionFailure&) {
      keep(wrong);
      throw;
    }
    keep(wrong);
  }

  const Options& options_;
  Progress& progress_;
  Site site_;
  std::optional<Mover> mover_;  // ends before the site, whose databases it moves rows of
  Tally tally_;
  std::uint64_t number_ = 0;  // of the schema
};

}  // namespace

Tally run(const Options& options, Progress& progress) {
  return Run(options, progress).run();
}

bool replay(const std::string& folder, Progress& progress) {
  constexpr int while_moving = 500;
  const auto found = read_case(folder);
  Site site(found.shards);
  site.set_up(found.database);
  std::optional<Mover> mover;
  if (found.moving) {
    mover.emplace(site.primaries(), found.database.groups, found.seed);
    mover->move();
  }
  for (int left = found.moving ? while_moving : 1; left > 0; --left) {
    integration::HttpResponse over_shards;
    const auto judgement = judge_request(site, found.request, over_shards);
    if (judgement.verdict == Verdict::wrong) {
      auto now = found;
      now.why = judgement.why;
      std::printf("%s\n", text_of(now).c_str());
      return false;
    }
    if (judgement.verdict == Verdict::refused) progress.say("it is refused: " + judgement.refusal);
  }
  if (mover) mover->rest();
  progress.say("it is not answered wrongly");
  return true;
}

}  // namespace shardplex::oracle
