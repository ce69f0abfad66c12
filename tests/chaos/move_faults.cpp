// Shards that come and go, and movers that die.
#include <signal.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {
namespace {

namespace json = boost::json;
using integration::run_or_throw;
using integration::shardplex_program;

std::vector<std::string> command_of(const Site& site, std::vector<std::string> words,
                                    const std::vector<std::string>& more = {}) {
  words.insert(words.begin(), shardplex_program());
  words.insert(words.end(), {"--map", site.map_file()});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void rebalance(Round& round, const std::string& verb, const std::vector<std::string>& more = {}) {
  run_or_throw(command_of(round.site, {"rebalance", verb}, more));
}

std::string plan(Round& round, const std::vector<std::string>& more) {
  auto file = round.site.file("plan.yaml");
  auto options = more;
  options.insert(options.end(), {"--out", file});
  rebalance(round, "plan", options);
  return file;
}

/// Routers leave a shard that was removed when they read their maps again.
void let_routers_leave(Site& site) {
  for (std::size_t i = 0; i < site.routers(); ++i) site.router(i).process().signal(SIGHUP);
  integration::wait_until("routers have left the shard",
                          [&] { return site.shards_of_routers() == site.shards().size(); });
}

/// Some slots of the shard that was drawn, to the next one.
std::string plan_some(Round& round) {
  const auto& shards = round.site.shards();
  std::size_t from = 0;
  while (shards[from].name != round.hit.shard) ++from;
  const auto& to = shards[(from + 1) % shards.size()];
  std::string slots;
  for (const auto slot : round.site.slots_of(shards[from].name, 40))
    slots += (slots.empty() ? "" : ",") + std::to_string(slot);
  return plan(round, {"--slots", slots, "--to", to.name});
}

constexpr std::size_t all_slots = 1'000'000;

/// The step at which a move that is under way stopped, by its journal; "" none is before its hand-over.
std::string step_of_move(const Site& site) {
  const auto told =
      json::parse(integration::run(command_of(site, {"rebalance", "status"}, {"--json"})).output);
  for (const auto& move : told.at("moves").as_array())
    if (move.at("phase") == "moving") return move.at("step").as_string().c_str();
  return "";
}

/// Starts a mover and kills it after so long from when its move is written down: the step at which it died.
/// "": it was done before.
std::string kill_in_the_middle(Round& round, std::chrono::milliseconds delay) {
  integration::Process mover(command_of(round.site, {"rebalance", "run"}, {plan_some(round)}));
  integration::Database source(round.site.cluster().conninfo(round.shard().primary));
  integration::wait_until("the move is written down", [&] {
    return !mover.running() || source.number(
                                   "SELECT count(*) FROM shardplex.moves WHERE phase NOT IN "
                                   "('finished', 'aborted', 'reversed')") > 0;
  });
  std::this_thread::sleep_for(delay);
  if (mover.running()) mover.signal(SIGKILL);
  const auto status = mover.wait();
  if (status == 128 + SIGKILL) return step_of_move(round.site);
  if (status != 0) throw std::runtime_error("a mover ended by itself with status " + std::to_string(status));
  return "";
}

}  // namespace

void add_shard(Round& round) {
  round.begin();
  const auto [name, conninfo] = round.site.cluster().add_shard();
  round.site.add({name, name, std::nullopt});
  rebalance(round, "run", {plan(round, {"--add-shard", name + '=' + conninfo})});
  rebalance(round, "finish");
  round.shows("slots of " + name, std::ssize(round.site.slots_of(name, all_slots)));
  round.shows("shards of routers", static_cast<std::int64_t>(round.site.shards_of_routers()),
              std::ssize(round.site.shards()));
}

std::string why_no_shard_is_added(const Site& site) {
  return site.shards().size() > 3 ? "there is a fourth shard already" : "";
}

void remove_shard(Round& round) {
  const auto name = round.site.shards().back().name;
  const auto slots = std::ssize(round.site.slots_of(name, all_slots));
  round.begin();
  rebalance(round, "run", {plan(round, {"--drain", name})});
  rebalance(round, "finish");
  round.shows("slots that " + name + " gave away", slots - std::ssize(round.site.slots_of(name, all_slots)),
              std::max<std::int64_t>(1, slots));
  run_or_throw(command_of(round.site, {"cluster", "remove-shard"}, {name}));
  round.site.remove(name);
  let_routers_leave(round.site);
  round.site.cluster().remove_shard(name);
}

std::string why_no_shard_is_removed(const Site& site) {
  return site.shards().size() > 3 ? "" : "there is no fourth shard";
}

/// As under a supervisor: another one goes on at once. A mover that was done before is no fault, so that
/// another one is given half the time.
void kill_mover(Round& round) {
  constexpr int most_tries = 5;
  round.begin();
  std::string step;
  std::chrono::milliseconds delay(round.random() % 1'000);
  for (int i = 0; i < most_tries && step.empty(); ++i, delay /= 2) {
    if (i > 0) rebalance(round, "finish");
    step = kill_in_the_middle(round, delay);
    if (step.empty()) rebalance(round, "resume");  // it may have died after the hand-over
  }
  round.shows("movers killed at the step " + (step.empty() ? "none" : step), step.empty() ? 0 : 1);
  rebalance(round, "resume");
  rebalance(round, round.random() % 2 == 0 ? "finish" : "reverse");
}

}  // namespace shardplex::chaos
