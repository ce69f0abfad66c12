#include "tests/chaos/figures.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "tests/chaos/texts.hpp"

namespace shardplex::chaos {
namespace {

using consistency::Outcome;
using integration::Deed;

constexpr std::size_t examples_kept = 5;

std::size_t& count_of(Failed& failed, Deed deed) {
  switch (deed) {
    case Deed::change:
      return failed.writes;
    case Deed::strong_read:
      return failed.strong_reads;
    case Deed::read:
      break;
  }
  return failed.reads;
}

Time percentile_99(std::vector<Time>& times) {
  if (times.empty()) return Time{0};
  std::ranges::sort(times);
  return times[times.size() * 99 / 100];
}

/// A load, or a part of one.
struct Span {
  Time begin = Time::max(), end{0};
};

/// The longest gap between two of these moments, or one of them and an end of the load, that ends after
/// `from`.
Time longest_gap(std::vector<Time> successes, Time from, Span load) {
  successes.push_back(load.begin);
  successes.push_back(load.end);
  std::ranges::sort(successes);
  Time longest{0};
  for (std::size_t i = 1; i < successes.size(); ++i)
    if (successes[i] > from) longest = std::max(longest, successes[i] - successes[i - 1]);
  return longest;
}

/// When requests for one film succeeded, by the film's shard.
class Successes {
 public:
  void add(const std::string& shard, const Asked& asked) {
    auto& successes = of_shards_[shard][static_cast<std::size_t>(asked.deed)];
    if (!successes) successes.emplace();  // what has failed only was never available
    if (asked.outcome == Outcome::ok) successes->push_back(asked.completed);
  }
  void is_part_of_load(const Asked& asked) {
    load_.begin = std::min(load_.begin, asked.invoked);
    load_.end = std::max(load_.end, asked.completed);
  }

  /// The worst of the shards for which `is_meant`.
  Unavailable unavailable(Time from, const std::function<bool(const std::string&)>& is_meant) const {
    Unavailable worst;
    for (const auto& [shard, of_shard] : of_shards_) {
      if (!is_meant(shard)) continue;
      const auto gap = [&](Deed deed) {
        const auto& successes = of_shard[static_cast<std::size_t>(deed)];
        return successes ? longest_gap(*successes, from, load_) : Time{0};
      };
      worst.writes = std::max(worst.writes, gap(Deed::change));
      worst.strong_reads = std::max(worst.strong_reads, gap(Deed::strong_read));
      worst.reads = std::max(worst.reads, gap(Deed::read));
    }
    return worst;
  }

 private:
  std::map<std::string, std::array<std::optional<std::vector<Time>>, 3>> of_shards_;
  Span load_;
};

class Counting {
 public:
  Counting(const Hit& hit, const std::function<std::string(std::int64_t)>& shard_of)
      : hit_(hit), shard_of_(shard_of) {}

  void take(const Asked& asked) {
    ++figures_.requests;
    const auto shard = asked.film ? shard_of_(*asked.film) : std::string();
    const bool is_of_shard = asked.film ? shard == hit_.shard : names_shard(asked);
    if (under_fault(asked))
      (asked.film && is_of_shard ? times_of_shard_[static_cast<std::size_t>(asked.deed)] : times_of_others_)
          .push_back(asked.completed - asked.invoked);
    successes_.is_part_of_load(asked);
    if (asked.film) successes_.add(shard, asked);
    if (asked.outcome != Outcome::ok) return take_failed(asked, is_of_shard);
    if (!asked.film) return;
    if (is_of_shard && asked.deed == Deed::change) take_write(asked);
  }

  Figures figures() {
    figures_.promoted = hit_.promoted.has_value();
    for (auto& times : times_of_shard_)
      figures_.p99_of_shard = std::max(figures_.p99_of_shard, percentile_99(times));
    figures_.p99_of_others = percentile_99(times_of_others_);
    figures_.shard =
        successes_.unavailable(hit_.began, [this](const auto& shard) { return shard == hit_.shard; });
    figures_.others =
        successes_.unavailable(hit_.began, [this](const auto& shard) { return shard != hit_.shard; });
    return std::move(figures_);
  }

 private:
  bool under_fault(const Asked& asked) const {
    return asked.completed >= hit_.began && (!hit_.ended || asked.invoked <= *hit_.ended);
  }

  bool names_shard(const Asked& asked) const {
    return !hit_.shard.empty() && (asked.answer.find(hit_.shard) != std::string::npos ||
                                   asked.shards.find(hit_.shard) != std::string::npos);
  }

  void take_failed(const Asked& asked, bool is_of_shard) {
    ++count_of(is_of_shard ? figures_.of_shard : figures_.of_others, asked.deed);
    if (asked.deed == Deed::change && asked.outcome == Outcome::unknown) ++figures_.unknown;
    if (is_of_shard && asked.deed != Deed::read && hit_.promoted && asked.invoked > *hit_.promoted)
      figures_.last_failed_after_promotion =
          std::max(figures_.last_failed_after_promotion.value_or(Time{0}), asked.invoked - *hit_.promoted);
    if (asked.cut) ++figures_.cut;
    if (asked.answer.find("--memory-budget-bytes") != std::string::npos) ++figures_.shed;
    // One example of each kind: the numbers in it differ.
    std::string kind;
    for (const char c : asked.answer)
      if (c < '0' || c > '9') kind += c;
    if (figures_.examples.size() < examples_kept && kinds_.insert(kind).second)
      figures_.examples.push_back(asked.answer);
  }

  void take_write(const Asked& asked) {
    if (!hit_.promoted || asked.completed < *hit_.promoted) return;
    const auto after = asked.completed - *hit_.promoted;
    auto& first = figures_.writes_after_promotion;
    first = first ? std::min(*first, after) : after;
  }

  const Hit& hit_;
  const std::function<std::string(std::int64_t)>& shard_of_;
  Figures figures_;
  Successes successes_;
  std::array<std::vector<Time>, 3> times_of_shard_;  // by deed
  std::vector<Time> times_of_others_;
  std::set<std::string> kinds_;
};

}  // namespace

Figures figures_of(const std::vector<Asked>& asked, const Hit& hit,
                   const std::function<std::string(std::int64_t)>& shard_of) {
  Counting counting(hit, shard_of);
  for (const auto& request : asked) counting.take(request);
  return counting.figures();
}

std::vector<std::string> violations(const Figures& figures, const Bounds& bounds) {
  std::vector<std::string> found;
  const auto none_of = [&](std::size_t count, const std::string& what) {
    if (count > 0) found.push_back(std::to_string(count) + ' ' + what + " failed");
  };
  const auto at_most = [&](Time time, Time bound, const std::string& what) {
    if (time > bound) found.push_back(what + ' ' + seconds_text(time) + ", over " + seconds_text(bound));
  };
  // What a router that dies cuts may be anything; nothing else may fail then.
  auto of_others = figures.of_others.all();
  if (bounds.requests_may_be_cut) of_others += figures.of_shard.all() - figures.cut;
  if (bounds.requests_may_be_shed) of_others -= figures.shed;
  none_of(of_others, "requests that do not need what was hit");
  if (!bounds.requests_may_be_cut) {
    none_of(figures.cut, "requests were cut:");
    if (!bounds.writes_of_shard_may_fail) none_of(figures.of_shard.writes, "writes of the shard");
    if (!bounds.strong_reads_of_shard_may_fail)
      none_of(figures.of_shard.strong_reads, "strong reads of the shard");
    if (!bounds.reads_of_shard_may_fail) none_of(figures.of_shard.reads, "reads of the shard");
  }
  at_most(figures.p99_of_shard, bounds.p99_of_shard, "99 of 100 requests of the shard took");
  at_most(figures.p99_of_others, bounds.p99_of_others, "99 of 100 other requests took");
  if (figures.promoted && !figures.writes_after_promotion)
    found.emplace_back("no write of the shard succeeded after the promotion");
  at_most(figures.writes_after_promotion.value_or(Time{0}), bounds.writes_after_promotion,
          "the first write after the promotion came after");
  at_most(figures.last_failed_after_promotion.value_or(Time{0}), bounds.writes_after_promotion,
          "a request failed that was asked after the promotion by");
  const auto available = [&](Time gap, const std::string& what) {
    at_most(gap, bounds.unavailable, what + " were not available for");
  };
  if (!bounds.writes_of_shard_may_fail) available(figures.shard.writes, "writes of the shard");
  if (!bounds.strong_reads_of_shard_may_fail)
    available(figures.shard.strong_reads, "strong reads of the shard");
  if (!bounds.reads_of_shard_may_fail) available(figures.shard.reads, "reads of the shard");
  available(figures.others.writes, "writes of another shard");
  available(figures.others.strong_reads, "strong reads of another shard");
  available(figures.others.reads, "reads of another shard");
  if (figures.peak_megabytes.value_or(0) > bounds.peak_megabytes)
    found.push_back("a router had " + std::to_string(*figures.peak_megabytes) + " MB, over " +
                    std::to_string(bounds.peak_megabytes));
  return found;
}

}  // namespace shardplex::chaos
