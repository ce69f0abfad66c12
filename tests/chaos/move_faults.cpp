// Shards that come and go, and movers that die.
#include <signal.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {
namespace {

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

}  // namespace

void add_shard(Round& round) {
  round.begin();
  const auto [name, conninfo] = round.site.cluster().add_shard();
  round.site.add({name, name, std::nullopt});
  rebalance(round, "run", {plan(round, {"--add-shard", name + '=' + conninfo})});
  rebalance(round, "finish");
}

std::string why_no_shard_is_added(const Site& site) {
  return site.shards().size() > 3 ? "there is a fourth shard already" : "";
}

void remove_shard(Round& round) {
  const auto name = round.site.shards().back().name;
  round.begin();
  rebalance(round, "run", {plan(round, {"--drain", name})});
  rebalance(round, "finish");
  run_or_throw(command_of(round.site, {"cluster", "remove-shard"}, {name}));
  round.site.remove(name);
  let_routers_leave(round.site);
  round.site.cluster().remove_shard(name);
}

std::string why_no_shard_is_removed(const Site& site) {
  return site.shards().size() > 3 ? "" : "there is no fourth shard";
}

/// As under a supervisor: another one goes on at once.
void kill_mover(Round& round) {
  const auto file = plan_some(round);
  round.begin();
  {
    integration::Process mover(command_of(round.site, {"rebalance", "run"}, {file}));
    integration::Database source(round.site.cluster().conninfo(round.shard().primary));
    integration::wait_until("the move is written down", [&] {
      return !mover.running() || source.number(
                                     "SELECT count(*) FROM shardplex.moves WHERE phase NOT IN "
                                     "('finished', 'aborted', 'reversed')") > 0;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(round.random() % 1'000));
    if (mover.running()) mover.signal(SIGKILL);
    mover.wait();
  }
  rebalance(round, "resume");
  rebalance(round, round.random() % 2 == 0 ? "finish" : "reverse");
}

}  // namespace shardplex::chaos
