#include "tests/oracle/options.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <random>
#include <stdexcept>
#include <system_error>

namespace shardplex::oracle {
namespace {

constexpr std::uint64_t greatest_seed = 999'999'999'999, most_requests = 1'000'000'000;

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

void take(Options& options, const std::string& option, const std::string& value) {
  const auto number = [&](std::uint64_t least, std::uint64_t most) {
    return number_of(option, value, least, most);
  };
  if (option == "--seed") options.seed = number(0, greatest_seed);
  if (option == "--requests") options.requests = number(1, most_requests);
  if (option == "--per-schema") options.per_schema = number(1, most_requests);
  if (option == "--shards") options.shards = static_cast<int>(number(2, 8));
  if (option == "--findings") options.findings = number(1, 1'000);
  if (option == "--shrink") options.shrink = std::chrono::seconds(number(0, 86'400));
  if (option == "--cases") options.cases = value;
  if (option == "--replay") options.replay = value;
  if (option == "--json") options.json = value;
}

}  // namespace

const char* const usage =
    R"(usage: oracle [--seed N] [--requests M] [--per-schema P] [--shards K] [--moving] [--writes] [--findings F]
              [--shrink S] [--cases FOLDER] [--json FILE]
       oracle --replay FOLDER

Makes tables, rows and requests at random, and compares what a router answers over K shards, what one answers over one shard, and what
PostgreSQL says: byte for byte. What differs is made smaller, first the request, then its rows, then its tables, printed as a curl
command with the SQL of the same, the map, the tables and the rows, and written to a folder.

  --seed N         draw by this number, and so the same again (default: the variable SHARDPLEX_ORACLE_SEED, or any; it is printed)
  --requests M     so many requests, 1 to 1000000000 (default 1000)
  --per-schema P   so many of them of the same tables (default 250)
  --shards K       2 to 8 (default 3)
  --moving         slots move from shard to shard under half of the requests
  --writes         half of the requests are writes: inserts, changes and deletions of rows of one key. With --moving half of
                   those that are made while no slot moves
  --findings F     end after so many wrong answers, 1 to 1000 (default 3)
  --shrink S       take about so many seconds to make each smaller, 0 to 86400 (default 600)
  --cases FOLDER   where wrong answers are written to, each in a folder of its own (default oracle-cases)
  --replay FOLDER  ask again what is written in such a folder, and nothing else
  --json FILE      write what came of it to FILE

Exits with 0 where all was right, 1 where an answer was wrong or where 500 requests and more proved too little (nearly all were
refused, or no slots moved), 2 for wrong arguments.
)";

Options options_of(const std::vector<std::string>& arguments, const char* environment_seed) {
  Options options;
  std::vector<std::string> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& option = arguments[i];
    if (option == "-h" || option == "--help") {
      options.help = true;
      continue;
    }
    given.push_back(option);
    if (option == "--moving" || option == "--writes") {
      (option == "--moving" ? options.moving : options.writes) = true;
      continue;
    }
    constexpr const char* with_value[] = {"--seed",   "--requests", "--per-schema", "--shards", "--findings",
                                          "--shrink", "--cases",    "--replay",     "--json"};
    if (std::ranges::find(with_value, option) == std::end(with_value))
      throw std::invalid_argument("unknown argument '" + option + "'");
    if (++i == arguments.size() || arguments[i].empty())
      throw std::invalid_argument(option + " needs a value");
    take(options, option, arguments[i]);
  }
  if (!options.replay.empty() && given.size() > 1)
    throw std::invalid_argument("--replay asks what is in its folder, and goes with no other option");
  if (options.help || std::ranges::count(given, std::string("--seed")) > 0) return options;
  options.seed = environment_seed == nullptr
                     ? std::random_device{}()
                     : number_of("SHARDPLEX_ORACLE_SEED", environment_seed, 0, greatest_seed);
  return options;
}

}  // namespace shardplex::oracle
