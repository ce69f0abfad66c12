#include "tests/chaos/figures.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace shardplex::chaos {
namespace {

using consistency::Outcome;
using integration::Deed;

constexpr std::size_t examples_kept = 5;

std::size_t& count_of(Counts& failed, Deed deed) {
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
  Times unavailable(Time from, const std::function<bool(const std::string&)>& is_meant) const {
    Times worst;
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

/// Which failures the fault may have to answer for: by the shards that the requests need.
class Blame {
 public:
  Blame(const Hit& hit, const std::vector<Asked>& all,
        const std::function<std::string(std::int64_t)>& shard_of)
      : hit_(hit.shard), says_(hit.says), shard_of_(shard_of) {
    for (const auto& asked : all)
      if (asked.film) shards_.insert(shard_of_(*asked.film));
  }

  bool is_of_hit(const Asked& asked) const {
    if (hit_.empty()) return false;
    if (asked.film) return shard_of_(*asked.film) == hit_;
    if (!asked.needs_every_shard && asked.films.empty())
      return names(asked, hit_) || (!says_.empty() && asked.answer.find(says_) != std::string::npos);
    const bool needs_it = asked.needs_every_shard || std::ranges::any_of(asked.films, [&](std::int64_t film) {
                            return shard_of_(film) == hit_;
                          });
    return needs_it && (names(asked, hit_) || !names_any(asked));
  }

 private:
  static bool names(const Asked& asked, const std::string& shard) {
    return asked.answer.find(shard) != std::string::npos || asked.shards.find(shard) != std::string::npos;
  }
  bool names_any(const Asked& asked) const {
    return std::ranges::any_of(shards_, [&](const auto& shard) { return names(asked, shard); });
  }

  const std::string &hit_, &says_;
  const std::function<std::string(std::int64_t)>& shard_of_;
  std::set<std::string> shards_;
};

class Counting {
 public:
  Counting(const Hit& hit, const std::vector<Asked>& all,
           const std::function<std::string(std::int64_t)>& shard_of)
      : hit_(hit), shard_of_(shard_of), blame_(hit, all, shard_of) {}

  void take(const Asked& asked) {
    ++figures_.requests;
    const auto shard = asked.film ? shard_of_(*asked.film) : std::string();
    const bool is_for_shard = asked.film && shard == hit_.shard;
    if (under_fault(asked)) take_meanwhile(asked, is_for_shard);
    successes_.is_part_of_load(asked);
    if (asked.film) successes_.add(shard, asked);
    if (asked.outcome != Outcome::ok) return take_failed(asked, blame_.is_of_hit(asked));
    if (is_for_shard && asked.deed == Deed::change) take_write(asked);
  }

  Figures figures() {
    figures_.promoted = hit_.promoted.has_value();
    const auto p99_of = [this](Deed deed) {
      return percentile_99(times_of_shard_[static_cast<std::size_t>(deed)]);
    };
    figures_.p99_of_shard = {p99_of(Deed::change), p99_of(Deed::strong_read), p99_of(Deed::read)};
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

  void take_meanwhile(const Asked& asked, bool is_for_shard) {
    ++figures_.meanwhile;
    if (is_for_shard) ++count_of(figures_.meanwhile_of_shard, asked.deed);
    (is_for_shard ? times_of_shard_[static_cast<std::size_t>(asked.deed)] : times_of_others_)
        .push_back(asked.completed - asked.invoked);
  }

  void take_failed(const Asked& asked, bool is_of_shard) {
    ++count_of(is_of_shard ? figures_.of_shard : figures_.of_others, asked.deed);
    if (asked.deed == Deed::change && asked.outcome == Outcome::unknown) ++figures_.unknown;
    if (is_of_shard && asked.deed != Deed::read && hit_.promoted && asked.invoked > *hit_.promoted)
      figures_.last_failed_after_promotion =
          std::max(figures_.last_failed_after_promotion.value_or(Time{0}), asked.invoked - *hit_.promoted);
    if (hit_.ended && asked.invoked > *hit_.ended)
      figures_.last_failed_after_end =
          std::max(figures_.last_failed_after_end.value_or(Time{0}), asked.invoked - *hit_.ended);
    if (asked.wrong) ++figures_.wrong;
    if (asked.cut) ++figures_.cut;
    if (asked.answer.find("--memory-budget-bytes") != std::string::npos) ++figures_.shed;
    keep_example(asked, is_of_shard);
  }

  /// One of each kind: the numbers in it differ.
  void keep_example(const Asked& asked, bool is_of_shard) {
    std::string kind;
    for (const char c : asked.answer)
      if (c < '0' || c > '9') kind += c;
    auto& examples = figures_.examples;
    if (!kinds_[asked.wrong || !is_of_shard].insert(kind).second) return;
    if (asked.wrong || !is_of_shard)
      examples.insert(examples.begin(), asked.answer);
    else
      examples.push_back(asked.answer);
    examples.resize(std::min(examples.size(), examples_kept));
  }

  void take_write(const Asked& asked) {
    if (!hit_.promoted || asked.completed < *hit_.promoted) return;
    const auto after = asked.completed - *hit_.promoted;
    auto& first = figures_.writes_after_promotion;
    first = first ? std::min(*first, after) : after;
  }

  const Hit& hit_;
  const std::function<std::string(std::int64_t)>& shard_of_;
  const Blame blame_;
  Figures figures_;
  Successes successes_;
  std::array<std::vector<Time>, 3> times_of_shard_;  // by deed
  std::vector<Time> times_of_others_;
  std::array<std::set<std::string>, 2> kinds_;  // of those that a fault may cost, and of others
};

}  // namespace

Figures figures_of(const std::vector<Asked>& asked, const Hit& hit,
                   const std::function<std::string(std::int64_t)>& shard_of) {
  Counting counting(hit, asked, shard_of);
  for (const auto& request : asked) counting.take(request);
  return counting.figures();
}

}  // namespace shardplex::chaos
