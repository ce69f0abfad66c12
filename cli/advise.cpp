// advise: what could be made better in a cluster, with the evidence for it. It changes nothing.
#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/advise_output.hpp"
#include "cli/command_line.hpp"
#include "operations/advice/advise.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

double days_given(const GivenOptions& given) {
  const auto days = given.get<double>("min-days");
  if (!(days >= 0)) throw UsageError("--min-days takes a number of days, 0 or more");
  return days;
}

}  // namespace

int advise(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "advise --map FILE [--router URL]... [--schema NAME] [--min-days N] [--min-calls N] [--json]",
      "Advises on indexes that are missing, unused, broken or on some shards only, on requests that another "
      "shard key\nwould let ask one shard, and on slots that are asked for more than others: by the "
      "statistics of all servers of the\nmap together, and by what routers have counted. It changes nothing. "
      "Each piece of advice has its evidence, what it\ncosts, and the command that does it.");
  options.add_map();
  options.add()("router", po::value<std::vector<std::string>>()->composing()->value_name("URL"),
                "a router's admin port, http://host:port; give those of all")(
      "schema", po::value<std::string>()->value_name("NAME")->default_value("public"),
      "the first of the routers' --schemas")("min-days",
                                             po::value<double>()->value_name("N")->default_value(7),
                                             "call nothing unused by statistics of fewer days")(
      "min-calls", po::value<long>()->value_name("N"),
      "advise by patterns with so many calls, and tables with so many scans (1000)");
  options.add_json();
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  constexpr long default_calls = 1000;
  operations::AdviceAsked asked;
  asked.bounds.least_days = days_given(*given);
  asked.bounds.least_calls = static_cast<std::uint64_t>(given->positive<long>("min-calls", default_calls));
  asked.routers = given->texts("router");
  asked.first_schema = given->get<std::string>("schema");
  const auto map_file = given->map_file();
  const auto map = given->map();

  AdviceShown shown{operations::advise(map, asked), map.cluster(), map_file, asked.routers};
  if (given->json())
    terminal.out << to_json(shown) << '\n';
  else
    print_advice(shown, terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
