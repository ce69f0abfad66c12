// Clients that mean harm: those of tests/attacks.
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fstream>
#include <stdexcept>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {
namespace {

namespace json = boost::json;

/// The most memory that the process has had is forgotten; from now on it is counted anew.
void reset_peak(pid_t process) {
  std::ofstream file("/proc/" + std::to_string(process) + "/clear_refs");
  file << 5;
}

/// Runs an attack on a router to its end, beside the load.
void attack(Round& round, const std::string& name, std::vector<std::string> more) {
  auto& router = round.site.router(round.random() % round.site.routers());
  reset_peak(router.process().pid());
  std::vector<std::string> command{"python3", std::string(ATTACKS) + '/' + name + ".py",
                                   "--port",  std::to_string(router.port()),
                                   "--pid",   std::to_string(router.process().pid())};
  command.insert(command.end(), more.begin(), more.end());
  if (round.hit.began == Time{0}) round.begin();
  const auto told = json::parse(integration::run_or_throw(command)).as_object();
  const auto peak = told.at("peak_megabytes").to_number<int>();
  round.peak_megabytes = std::max(round.peak_megabytes.value_or(0), peak);
}

std::string seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::duration<double>(time).count());
}

}  // namespace

void slow_clients(Round& round) {
  attack(round, "slow_readers", {"--clients", "30", "--path", "/movies", "--seconds", seconds(round.hold)});
}

void unfinished_requests(Round& round) {
  attack(round, "unfinished_requests", {"--connections", "1000", "--seconds", seconds(round.hold)});
}

void endless_chunks(Round& round) {
  attack(round, "endless_chunks", {"--megabytes", "64"});
}

void many_shapes(Round& round) {
  attack(round, "many_shapes", {"--seconds", seconds(round.hold)});
}

void many_rows(Round& round) {
  attack(round, "empty_objects", {"--times", "5"});
}

void leaving_clients(Round& round) {
  attack(round, "leavers", {"--clients", "100"});
}

}  // namespace shardplex::chaos
