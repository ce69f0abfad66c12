#include "tests/chaos/options.hpp"

#include <algorithm>
#include <charconv>
#include <random>
#include <stdexcept>

namespace shardplex::chaos {
namespace {

std::uint64_t number_of(const std::string& option, const std::string& text, std::uint64_t least,
                        std::uint64_t most) {
  std::uint64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [read, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{} || read != end || number < least || number > most)
    throw std::invalid_argument(option + " takes a number from " + std::to_string(least) + " to " +
                                std::to_string(most) + ", not '" + text + "'");
  return number;
}

const Fault* fault_named(const std::string& name) {
  const auto faults = all_faults();
  const auto found = std::ranges::find(faults, name, &Fault::name);
  if (found != faults.end()) return &*found;
  std::string names;
  for (const auto& fault : faults) names += (names.empty() ? "" : " ") + std::string(fault.name);
  throw std::invalid_argument("there is no fault '" + name + "'; there are " + names);
}

std::vector<const Fault*> faults_named(const std::string& list) {
  std::vector<const Fault*> named;
  for (std::size_t from = 0; from <= list.size();) {
    const auto end = std::min(list.find(',', from), list.size());
    named.push_back(fault_named(list.substr(from, end - from)));
    from = end + 1;
  }
  return named;
}

}  // namespace

const char* const usage =
    R"(usage: chaos [--seed N] [--minutes M | --rounds N] [--only NAME,...] [--hold MS] [--json FILE] [--list]

Makes a cluster of three shards with a replica each and two routers, in a temporary folder, and has faults happen to it under a
recorded load. Every answer is judged, and after each fault all rows are read. Prints a table of the faults and what they cost.

  --seed N      draw by this number, and so the same again (default: any; it is printed)
  --minutes M   draw faults for so long, 1 to 10000
  --rounds N    draw so many faults, 1 to 1000000
                (default: each fault once, in the order of --list)
  --only NAMES  only these faults, separated by commas
  --hold MS     how long a fault lasts, 100 to 60000 (default 1500)
  --json FILE   write all rounds to FILE
  --list        print the faults

Exits with 0 where all was well, 1 where a must was violated, 2 for wrong arguments.
)";

Options options_of(const std::vector<std::string>& arguments) {
  Options options;
  options.seed = std::random_device{}();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& option = arguments[i];
    if (option == "-h" || option == "--help") options.help = true;
    if (option == "--list") options.list = true;
    if (option == "-h" || option == "--help" || option == "--list") continue;
    constexpr const char* with_value[] = {"--seed", "--minutes", "--rounds", "--only", "--hold", "--json"};
    if (std::ranges::find(with_value, option) == std::end(with_value))
      throw std::invalid_argument("unknown argument '" + option + "'");
    if (++i == arguments.size() || arguments[i].empty())
      throw std::invalid_argument(option + " needs a value");
    const auto& value = arguments[i];
    if (option == "--seed") options.seed = number_of(option, value, 0, 999'999'999'999);
    if (option == "--minutes") options.time = std::chrono::minutes(number_of(option, value, 1, 10'000));
    if (option == "--rounds") options.rounds = static_cast<int>(number_of(option, value, 1, 1'000'000));
    if (option == "--only") options.faults = faults_named(value);
    if (option == "--hold") options.hold = std::chrono::milliseconds(number_of(option, value, 100, 60'000));
    if (option == "--json") options.json = value;
  }
  if (options.time && options.rounds)
    throw std::invalid_argument("--minutes and --rounds say the same; give one of them");
  if (options.faults.empty())
    for (const auto& fault : all_faults()) options.faults.push_back(&fault);
  return options;
}

}  // namespace shardplex::chaos
