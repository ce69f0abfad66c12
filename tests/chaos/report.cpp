#include "tests/chaos/report.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value_from.hpp>
#include <chrono>

#include "tests/chaos/texts.hpp"

namespace shardplex::chaos {
namespace {

namespace json = boost::json;
using Row = std::vector<std::string>;

void add(Counts& sum, const Counts& more) {
  sum.writes += more.writes;
  sum.strong_reads += more.strong_reads;
  sum.reads += more.reads;
}

template <typename T>
void raise(T& most, const T& other) {
  most = std::max(most, other);
}

void raise(Times& most, const Times& other) {
  raise(most.writes, other.writes);
  raise(most.strong_reads, other.strong_reads);
  raise(most.reads, other.reads);
}

/// All rounds of one fault.
struct Sum {
  std::string fault;
  std::size_t rounds = 0, lost_or_doubled = 0;
  Figures figures;
  bool needs_shard = false;

  void take(const RoundResult& round) {
    ++rounds;
    lost_or_doubled += round.judgement.lost_or_doubled;
    needs_shard = !round.shard.empty();
    const auto& more = round.judgement.figures;
    figures.requests += more.requests;
    add(figures.of_shard, more.of_shard);
    add(figures.of_others, more.of_others);
    figures.unknown += more.unknown;
    figures.cut += more.cut;
    raise(figures.p99_of_shard, more.p99_of_shard);
    raise(figures.p99_of_others, more.p99_of_others);
    raise(figures.shard, more.shard);
    raise(figures.others, more.others);
    raise(figures.writes_after_promotion, more.writes_after_promotion);
    raise(figures.peak_megabytes, more.peak_megabytes);
  }
};

std::vector<Sum> sums_of(const std::vector<RoundResult>& rounds) {
  std::vector<Sum> sums;
  for (const auto& round : rounds) {
    auto sum = std::ranges::find(sums, round.fault, &Sum::fault);
    if (sum == sums.end()) {
      sums.emplace_back().fault = round.fault;
      sum = std::prev(sums.end());
    }
    sum->take(round);
  }
  return sums;
}

Row cells_of(const Sum& sum) {
  const auto& figures = sum.figures;
  const auto of_shard = [&](std::string text) {
    return sum.needs_shard ? std::move(text) : std::string("-");
  };
  const auto& worst = sum.needs_shard ? figures.shard : figures.others;
  return {sum.fault,
          std::to_string(sum.rounds),
          std::to_string(figures.requests),
          of_shard(std::to_string(figures.of_shard.writes)),
          of_shard(std::to_string(figures.of_shard.strong_reads)),
          of_shard(std::to_string(figures.of_shard.reads)),
          std::to_string(figures.of_others.all()),
          std::to_string(figures.cut),
          std::to_string(sum.lost_or_doubled),
          seconds_text(worst.writes),
          seconds_text(worst.strong_reads),
          seconds_text(worst.reads),
          of_shard(seconds_text(figures.others.longest())),
          seconds_text(std::max(figures.p99_of_shard.longest(), figures.p99_of_others)),
          figures.writes_after_promotion ? seconds_text(*figures.writes_after_promotion) : "-",
          figures.peak_megabytes ? std::to_string(*figures.peak_megabytes) + " MB" : "-"};
}

const Row heads = {"fault",   "runs",  "requests", "writes", "strong", "reads", "others",    "cut",
                   "doubled", "write", "strong",   "read",   "others", "p99",   "promotion", "memory"};

json::object json_of(const Times& times) {
  const auto seconds = [](Time time) { return std::chrono::duration<double>(time).count(); };
  return {{"writes", seconds(times.writes)},
          {"strong_reads", seconds(times.strong_reads)},
          {"reads", seconds(times.reads)}};
}

json::object json_of(const Counts& counts) {
  return {{"writes", counts.writes}, {"strong_reads", counts.strong_reads}, {"reads", counts.reads}};
}

json::object json_of(const std::vector<Evidence>& proof) {
  json::object object;
  for (const auto& evidence : proof) object[evidence.what] = evidence.count;
  return object;
}

json::object json_of(const RoundResult& round) {
  const auto seconds = [](Time time) { return std::chrono::duration<double>(time).count(); };
  const auto& judgement = round.judgement;
  const auto& figures = judgement.figures;
  json::object object{{"fault", round.fault},
                      {"shard", round.shard},
                      {"seconds", round.seconds},
                      {"requests", figures.requests},
                      {"failed_of_shard", json_of(figures.of_shard)},
                      {"failed_of_others", json_of(figures.of_others)},
                      {"unknown_writes", figures.unknown},
                      {"wrong", figures.wrong},
                      {"cut", figures.cut},
                      {"shed", figures.shed},
                      {"lost_or_doubled", judgement.lost_or_doubled},
                      {"longest_without_of_shard", json_of(figures.shard)},
                      {"longest_without_of_others", json_of(figures.others)},
                      {"p99_of_shard", json_of(figures.p99_of_shard)},
                      {"p99_of_others", seconds(figures.p99_of_others)},
                      {"examples", json::value_from(figures.examples)},
                      {"proof", json_of(judgement.proof)},
                      {"violations", json::value_from(judgement.violations)}};
  if (figures.writes_after_promotion)
    object["writes_after_promotion"] = seconds(*figures.writes_after_promotion);
  if (figures.peak_megabytes) object["peak_megabytes"] = *figures.peak_megabytes;
  return object;
}

}  // namespace

std::string table_of(const std::vector<RoundResult>& rounds) {
  std::vector<Row> rows{heads};
  for (const auto& sum : sums_of(rounds)) rows.push_back(cells_of(sum));
  std::vector<std::size_t> widths(heads.size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) raise(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += '\n';
  }
  return text;
}

std::string line_of(const RoundResult& round) {
  const auto& judgement = round.judgement;
  const auto& figures = judgement.figures;
  auto text = round.fault + (round.shard.empty() ? "" : " of " + round.shard) + ": " +
              std::to_string(figures.requests) + " requests, " +
              std::to_string(figures.of_shard.all() + figures.of_others.all()) + " failed, " +
              std::to_string(judgement.lost_or_doubled) + " lost or doubled, " +
              std::to_string(judgement.operations) + " operations on " + std::to_string(judgement.rows) +
              " rows judged, in " + std::to_string(static_cast<int>(round.seconds + 0.5)) + " s";
  for (std::size_t i = 0; i < judgement.proof.size(); ++i)
    text += (i == 0 ? "\n  shown by " : "; ") + to_string(judgement.proof[i]);
  for (const auto& what : judgement.violations) text += "\n  VIOLATED: " + what;
  if (!judgement.violations.empty())
    for (const auto& example : figures.examples) text += "\n  told: " + example;
  constexpr std::size_t lines_told = 60;
  for (std::size_t i = 0; i < std::min(round.log.size(), lines_told); ++i) text += "\n  " + round.log[i];
  return text;
}

boost::json::value json_of(const std::vector<RoundResult>& rounds, std::uint64_t seed) {
  json::array all;
  for (const auto& round : rounds) all.push_back(json_of(round));
  return json::object{{"seed", seed}, {"rounds", std::move(all)}};
}

}  // namespace shardplex::chaos
