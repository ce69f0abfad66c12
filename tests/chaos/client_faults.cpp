// Clients that mean harm: those of tests/attacks.
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {
namespace {

namespace json = boost::json;

/// The most memory that the process has had is forgotten; from now on it is counted anew.
void reset_peak(pid_t process) {
  std::ofstream file("/proc/" + std::to_string(process) + "/clear_refs");
  file << 5;
}

/// Runs an attack on a router to its end, beside the load: what it tells.
json::object attack(Round& round, const std::string& name, std::vector<std::string> more) {
  auto& router = round.site.router(round.random() % round.site.routers());
  reset_peak(router.process().pid());
  std::vector<std::string> command{"python3", std::string(ATTACKS) + '/' + name + ".py",
                                   "--port",  std::to_string(router.port()),
                                   "--pid",   std::to_string(router.process().pid())};
  command.insert(command.end(), more.begin(), more.end());
  if (round.hit.began == Time{0}) round.begin();
  auto told = json::parse(integration::run_or_throw(command)).as_object();
  const auto peak = told.at("peak_megabytes").to_number<int>();
  round.peak_megabytes = std::max(round.peak_megabytes.value_or(0), peak);
  return told;
}

/// How many of its requests were answered with this status.
std::int64_t answered(const json::object& told, std::string_view status) {
  const auto& statuses = told.at("statuses").as_object();
  return statuses.contains(status) ? statuses.at(status).to_number<std::int64_t>() : 0;
}

std::string seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::duration<double>(time).count());
}

}  // namespace

void slow_clients(Round& round) {
  const auto told = attack(round, "slow_readers",
                           {"--clients", "30", "--path", "/movies", "--seconds", seconds(round.hold)});
  // Those that one worker lets stream; the others may have been told to come again.
  round.shows("clients in the midst of an answer", told.at("reading").to_number<int>(), 8);
}

void unfinished_requests(Round& round) {
  const auto told =
      attack(round, "unfinished_requests", {"--connections", "1000", "--seconds", seconds(round.hold)});
  round.shows("requests that wait for their last byte", told.at("held").to_number<int>(), 100);
}

void endless_chunks(Round& round) {
  const auto told = attack(round, "endless_chunks", {"--megabytes", "64"});
  for (const auto* what : {"extension", "trailer_fields", "trailer_line", "framing"})
    round.shows("bytes of the endless " + std::string(what),
                static_cast<std::int64_t>(1e6 * told.at(what).at("sent_megabytes").to_number<double>()),
                50'000);
}

void many_shapes(Round& round) {
  const auto told = attack(round, "many_shapes", {"--seconds", seconds(round.hold)});
  round.shows("statements that were answered", answered(told, "200"), 20);
}

void many_rows(Round& round) {
  const auto told = attack(round, "empty_objects", {"--times", "5"});
  round.shows("bodies of 340,000 rows that were refused", answered(told, "413"), 5);
}

void leaving_clients(Round& round) {
  const auto told = attack(round, "leavers", {"--clients", "100"});
  round.shows("clients that left before all was sent", told.at("unanswered").to_number<int>(), 50);
}

}  // namespace shardplex::chaos
