// Faults by name under a recorded load: `chaos --help`.
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

/// Which fault comes next; nullptr: it is over.
class Draw {
 public:
  explicit Draw(const Options& options) : options_(options), random_(options.seed) {}

  const Fault* next() {
    const auto done = done_++;
    if (options_.time) return integration::now() - start_ < *options_.time ? any() : nullptr;
    if (options_.rounds) return done < static_cast<std::size_t>(*options_.rounds) ? any() : nullptr;
    return done < options_.faults.size() ? options_.faults[done] : nullptr;
  }

 private:
  const Fault* any() { return options_.faults[random_() % options_.faults.size()]; }

  const Options& options_;
  Random random_;
  const Time start_ = integration::now();
  std::size_t done_ = 0;
};

int run(const Options& options) {
  say("seed " + std::to_string(options.seed));
  Site site;
  Rounds rounds(site, options.seed, options.hold);
  Draw draw(options);
  std::vector<RoundResult> results;
  while (const auto* fault = draw.next()) {
    if (const auto why_not = fault->why_not == nullptr ? "" : fault->why_not(site); !why_not.empty()) {
      say(std::string(fault->name) + " is left out: " + why_not);
      continue;
    }
    results.push_back(rounds.run(*fault));
    say(line_of(results.back()));
  }
  std::printf("%s", table_of(results).c_str());
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    file << boost::json::serialize(json_of(results, options.seed)) << '\n';
    if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
  }
  const auto bad =
      std::ranges::count_if(results, [](const auto& round) { return !round.violations.empty(); });
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
