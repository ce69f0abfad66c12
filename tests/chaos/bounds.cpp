#include "tests/chaos/bounds.hpp"

#include <utility>

#include "tests/chaos/texts.hpp"

namespace shardplex::chaos {
namespace {

/// Adds a sentence for each bound that was not kept.
class Judge {
 public:
  Judge(const Figures& figures, const Bounds& bounds) : figures_(figures), bounds_(bounds) {}

  std::vector<std::string> found() {
    judge_failures();
    judge_promotion();
    judge_times();
    judge_availability();
    judge_memory();
    return std::move(found_);
  }

 private:
  void none_of(std::size_t count, const std::string& what) {
    if (count > 0) found_.push_back(std::to_string(count) + ' ' + what);
  }
  void at_most(Time time, Time bound, const std::string& what) {
    if (time > bound) found_.push_back(what + ' ' + seconds_text(time) + ", over " + seconds_text(bound));
  }

  void judge_failures() {
    none_of(figures_.wrong, "answers were wrong, and no refusals");
    // What a router that dies cuts may be anything; nothing else may fail then.
    auto of_others = figures_.of_others.all();
    if (bounds_.requests_may_be_cut) of_others += figures_.of_shard.all() - figures_.cut;
    if (bounds_.requests_may_be_shed) of_others -= figures_.shed;
    none_of(of_others, "requests that do not need what was hit failed");
    at_most(figures_.last_failed_after_end.value_or(Time{0}), bounds_.recovery,
            "a request failed that was asked after all was healed by");
    if (bounds_.requests_may_be_cut) return;
    none_of(figures_.cut, "requests were cut");
    if (!bounds_.writes_of_shard_may_fail) none_of(figures_.of_shard.writes, "writes of the shard failed");
    if (!bounds_.strong_reads_of_shard_may_fail)
      none_of(figures_.of_shard.strong_reads, "strong reads of the shard failed");
    if (!bounds_.reads_of_shard_may_fail) none_of(figures_.of_shard.reads, "reads of the shard failed");
  }

  void judge_promotion() {
    if (figures_.promoted && !figures_.writes_after_promotion)
      found_.emplace_back("no write of the shard succeeded after the promotion");
    at_most(figures_.writes_after_promotion.value_or(Time{0}), bounds_.writes_after_promotion,
            "the first write after the promotion came after");
    at_most(figures_.last_failed_after_promotion.value_or(Time{0}), bounds_.writes_after_promotion,
            "a request failed that was asked after the promotion by");
  }

  void judge_times() {
    const auto took = [&](Time p99, bool may_fail, const std::string& what) {
      at_most(p99, may_fail ? bounds_.p99_of_those_that_may_fail : bounds_.p99,
              "99 of 100 " + what + " took");
    };
    took(figures_.p99_of_shard.writes, bounds_.writes_of_shard_may_fail, "writes of the shard");
    took(figures_.p99_of_shard.strong_reads, bounds_.strong_reads_of_shard_may_fail,
         "strong reads of the shard");
    took(figures_.p99_of_shard.reads, bounds_.reads_of_shard_may_fail, "reads of the shard");
    took(figures_.p99_of_others, false, "other requests");
  }

  void judge_availability() {
    const auto available = [&](Time gap, const std::string& what) {
      at_most(gap, bounds_.unavailable, what + " were not available for");
    };
    if (!bounds_.writes_of_shard_may_fail) available(figures_.shard.writes, "writes of the shard");
    if (!bounds_.strong_reads_of_shard_may_fail)
      available(figures_.shard.strong_reads, "strong reads of the shard");
    if (!bounds_.reads_of_shard_may_fail) available(figures_.shard.reads, "reads of the shard");
    available(figures_.others.writes, "writes of another shard");
    available(figures_.others.strong_reads, "strong reads of another shard");
    available(figures_.others.reads, "reads of another shard");
  }

  void judge_memory() {
    if (bounds_.memory_is_measured && !figures_.peak_megabytes)
      found_.emplace_back("the memory of the router that was attacked is not known");
    if (figures_.peak_megabytes.value_or(0) > bounds_.peak_megabytes)
      found_.push_back("a router had " + std::to_string(*figures_.peak_megabytes) + " MB, over " +
                       std::to_string(bounds_.peak_megabytes));
  }

  const Figures& figures_;
  const Bounds& bounds_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> violations(const Figures& figures, const Bounds& bounds) {
  return Judge(figures, bounds).found();
}

}  // namespace shardplex::chaos
