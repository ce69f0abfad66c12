#include "tests/chaos/judge.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tests/consistency/checker.hpp"

namespace shardplex::chaos {
namespace {

/// That the fault happened to those who worked: where nobody asked for anything, nothing can have failed.
void add_load(std::vector<Evidence>& proof, const Figures& figures, bool hits_shard) {
  constexpr std::int64_t some = 30;
  const auto add = [&](const char* what, std::size_t count, std::int64_t least) {
    proof.push_back({what, static_cast<std::int64_t>(count), least});
  };
  add("requests meanwhile", figures.meanwhile, some);
  if (!hits_shard) return;
  add("of them for the shard, writes", figures.meanwhile_of_shard.writes, 1);
  add("strong reads", figures.meanwhile_of_shard.strong_reads, 1);
  add("reads", figures.meanwhile_of_shard.reads, 1);
}

void add_to(std::vector<std::string>& all, std::vector<std::string> more) {
  std::ranges::move(more, std::back_inserter(all));
}

}  // namespace

Judgement judge(Record record, const Bounds& bounds) {
  Judgement judgement;
  auto& figures = judgement.figures;
  figures = figures_of(record.asked, record.hit, record.shard_of);
  figures.peak_megabytes = record.peak_megabytes;
  judgement.violations = violations(figures, bounds);

  auto doubted = doubts(record.proof);
  judgement.proof = std::move(record.proof);
  std::vector<Evidence> load;
  add_load(load, figures, !record.hit.shard.empty());
  add_to(doubted, doubts(load));
  std::ranges::move(load, std::back_inserter(judgement.proof));
  add_to(judgement.violations, std::move(doubted));

  consistency::Rules rules;
  rules.staleness = integration::weak_read_staleness;
  rules.may_fail = [](const auto&) { return true; };  // the bounds say which may
  const auto verdict = check(record.history, rules);
  judgement.operations = verdict.operations;
  judgement.rows = verdict.rows;
  if (!verdict.is_clean()) judgement.violations.push_back(to_string(verdict, record.history));

  auto differences = lost_or_doubled(record.before, record.after, record.load);
  judgement.lost_or_doubled = verdict.faults.size() + differences.size();
  constexpr std::size_t told = 10;
  if (differences.size() > told) {
    const auto more = "and " + std::to_string(differences.size() - told) + " more rows";
    differences.resize(told);
    differences.push_back(more);
  }
  add_to(judgement.violations, std::move(differences));
  return judgement;
}

}  // namespace shardplex::chaos
