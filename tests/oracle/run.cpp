#include "tests/oracle/run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

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
    const auto began = Clock::now();
    while (tally_.requests < options_.requests && tally_.wrong < options_.findings) run_schema();
    tally_.whole = Clock::now() - began;
    return std::move(tally_);
  }

 private:
  void run_schema() {
    number_ = tally_.schemas++;
    Random random(seed_of(options_.seed, number_, 0));
    Found found;
    found.schema = make_schema(random);
    found.rows = make_rows(found.schema, random);
    set_up(found);
    const auto count = std::min(options_.per_schema, options_.requests - tally_.requests);
    for (std::uint64_t at = 0; at < count; ++at) {
      move_or_rest(are_to_move(at));
      // Rows are put back after a write, on the shards that they were on.
      found.with_writes = options_.writes && !are_to_move(at);
      Random draws(seed_of(options_.seed, number_, at + 1));
      const auto request = any_request(found.schema, found.with_writes, draws);
      found.draws = draws.drawn();
      const auto judgement = ask(found, request, at);
      progress_.at(line_of(tally_, options_.requests));
      if (judgement.verdict != Verdict::wrong) continue;
      found_wrong(found, case_of(found, request, judgement.why, at));
      if (tally_.wrong >= options_.findings) return;
      set_up(found);
    }
    end_moves();
  }

  std::string name_of_schema() const {
    return "schema " + std::to_string(number_) + " of seed " + std::to_string(options_.seed);
  }

  // ---- Moves.

  /// Half of a schema's requests are made while slots move, a few at a time, and the others between them.
  bool are_to_move(std::uint64_t at) const {
    constexpr std::uint64_t most = 25;
    const auto few = std::clamp<std::uint64_t>(options_.per_schema / 2, 1, most);
    return options_.moving && at / few % 2 == 0;
  }

  void move_or_rest(bool moves) {
    if (moves == are_moving_) return;
    if (!moves) return rest();
    if (!mover_) mover_.emplace(site_.primaries(), groups_, seed_of(options_.seed, number_, 0));
    mover_->move();
    are_moving_ = true;
  }

  void rest() {
    are_moving_ = false;
    if (!mover_) return;
    try {
      mover_->rest();
    } catch (const std::exception& failure) {
      throw std::runtime_error("slots of " + name_of_schema() +
                               " are not where they were moved to: " + failure.what());
    }
    site_.forget_copies();
  }

  void end_moves() {
    rest();
    if (mover_) tally_.moves += mover_->moves();
    mover_.reset();
  }

  /// Calls `asks`; counts the request where a slot was under way meanwhile.
  template <class Asks>
  Judgement while_slots_may_move(const Asks& asks) {
    if (!are_moving_) return asks();
    const auto before = mover_->moves();
    auto judgement = asks();
    if (mover_->is_moving() || mover_->moves() > before) ++tally_.under_moves;
    return judgement;
  }

  void set_up(const Found& found) {
    const auto text = text_of(found.schema, found.rows);
    try {
      site_.set_up(text);
    } catch (const std::exception& failure) {
      throw std::runtime_error(name_of_schema() + " cannot be made: " + failure.what() + "\n" + text.map +
                               text.tables_sql + text.views_sql);
    }
    groups_ = text.groups;
  }

  Judgement ask(const Found& found, const AnyRequest& request, std::uint64_t at) {
    const auto began = Clock::now();
    try {
      integration::HttpResponse over_shards;
      auto judgement = while_slots_may_move([&] { return judge_request(site_, request, over_shards); });
      tally_.asking += Clock::now() - began;
      tally_.writes += request.write ? 1 : 0;
      tally_.add(judgement, over_shards);
      return judgement;
    } catch (const integration::ConnectionFailure& failure) {
      keep(case_of(found, request, std::string("a router does not answer: ") + failure.what(), at));
      throw;
    } catch (const std::exception& failure) {
      throw std::runtime_error("request " + std::to_string(at) + " of " + name_of_schema() +
                               " cannot be judged: " + failure.what() + '\n' + request.describe());
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
    wrong.moving = are_moving_;
    wrong.why = why;
    wrong.request = request;
    wrong.database = text_of(found.schema, found.rows);
    return wrong;
  }

  void keep(const Case& wrong) {
    const auto folder = options_.cases + "/seed-" + std::to_string(wrong.seed) + "-schema-" +
                        std::to_string(wrong.schema) + "-request-" + std::to_string(wrong.number);
    std::printf("%s\n", text_of(wrong).c_str());
    std::fflush(stdout);
    write_case(wrong, folder);
    tally_.cases.push_back(folder);
    progress_.say("again by: oracle --replay " + folder);
  }

  void found_wrong(const Found& found, const Case& wrong) {
    progress_.say("request " + std::to_string(wrong.number) + " of " + name_of_schema() +
                  " is answered wrongly: " + wrong.request.method() + ' ' + wrong.request.target());
    try {
      end_moves();
    } catch (const std::exception&) {
      keep(wrong);
      throw;
    }
    if (options_.shrink.count() == 0) return keep(wrong);
    keep_smaller(found, wrong);
  }

  void keep_smaller(const Found& found, Case wrong) {
    const auto tell = [&](const std::string& line) { progress_.say(line); };
    try {
      const auto shrunk = shrink(site_, found, options_.shrink, tell);
      if (shrunk.is_steady) {
        wrong = case_of(shrunk.found, shrunk.request, shrunk.why, wrong.number);
      } else {
        progress_.say("it was right when it was asked again");
        wrong.why += "\n(It was right when it was asked again.)";
      }
    } catch (const std::exception&) {  // a router that ended, or PostgreSQL
      keep(wrong);
      throw;
    }
    keep(wrong);
  }

  const Options& options_;
  Progress& progress_;
  Site site_;
  std::optional<Mover> mover_;  // ends before the site, whose databases it moves rows of
  std::vector<integration::MovedGroup> groups_;
  bool are_moving_ = false;
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
