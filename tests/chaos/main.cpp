// Faults by name under a recorded load: `chaos --help`.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>

#include "tests/chaos/options.hpp"
#include "tests/chaos/report.hpp"

namespace shardplex::chaos {
namespace {

void say(const std::string& text) {
  std::fprintf(stderr, "chaos: %s\n", text.c_str());
}

void print_list() {
  for (const auto& fault : all_faults())
    std::printf("%-18s %s\n", std::string(fault.name).c_str(), std::string(fault.what).c_str());
}

std::string why_not(const Fault& fault, const Site& site) {
  return fault.why_not == nullptr ? "" : fault.why_not(site);
}

/// Which fault comes next; nullptr: it is over.
class Draw {
 public:
  explicit Draw(const Options& options) : options_(options), random_(options.seed) {}

  const Fault* next(const Site& site) {
    const auto done = done_++;
    if (options_.time) return integration::now() - start_ < *options_.time ? any(site) : nullptr;
    if (options_.rounds) return done < static_cast<std::size_t>(*options_.rounds) ? any(site) : nullptr;
    if (done == options_.faults.size()) return nullptr;
    const auto* fault = options_.faults[done];
    const auto reason = why_not(*fault, site);
    if (reason.empty()) return fault;
    say(std::string(fault->name) + " is left out: " + reason);
    return next(site);
  }

 private:
  /// Of those that can happen now.
  const Fault* any(const Site& site) {
    std::vector<const Fault*> possible;
    for (const auto* fault : options_.faults)
      if (why_not(*fault, site).empty()) possible.push_back(fault);
    return possible.empty() ? nullptr : possible[random_() % possible.size()];
  }

  const Options& options_;
  Random random_;
  const Time start_ = integration::now();
  std::size_t done_ = 0;
};

/// What is mounted from now on is seen by this program and its children alone, and goes with the last of
/// them.
void leave_mounts_of_others() {
  if (::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0)
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
}

int run(const Options& options) {
  say("seed " + std::to_string(options.seed));
  leave_mounts_of_others();
  Site site;
  Rounds rounds(site, options.seed, options.hold);
  Draw draw(options);
  std::vector<RoundResult> results;
  while (const auto* fault = draw.next(site)) {
    results.push_back(rounds.run(*fault));
    say(line_of(results.back()));
    if (!results.back().healed) {
      say("the cluster is not well again, so this is the end");
      break;
    }
  }
  std::printf("%s", table_of(results).c_str());
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    file << boost::json::serialize(json_of(results, options.seed)) << '\n';
    if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
  }
  const auto bad =
      std::ranges::count_if(results, [](const auto& round) { return !round.judgement.violations.empty(); });
  say(std::to_string(results.size()) + " rounds with seed " + std::to_string(options.seed) + ", " +
      std::to_string(bad) + " of them with a must that was violated");
  return bad == 0 && !results.empty() ? 0 : 1;
}

int run(const std::vector<std::string>& arguments) {
  Options options;
  try {
    options = options_of(arguments);
  } catch (const std::invalid_argument& wrong) {
    say(std::string(wrong.what()) + " (see --help)");
    return 2;
  }
  if (options.help) {
    std::printf("%s", usage);
    return 0;
  }
  if (options.list) {
    print_list();
    return 0;
  }
  return run(options);
}

}  // namespace
}  // namespace shardplex::chaos

int main(int argc, char** argv) {
  try {
    return shardplex::chaos::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "chaos: %s\n", failure.what());
    return 1;
  }
}
