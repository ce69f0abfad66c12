#include "tests/chaos/round.hpp"

#include <exception>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace shardplex::chaos {
namespace {

using integration::Deed;
using integration::RecordedLoad;
using integration::RecordedLoadOptions;
using integration::wait_until;

constexpr auto before_the_fault = std::chrono::milliseconds(300);
constexpr auto after_it = std::chrono::milliseconds(500);
constexpr std::int64_t first_id = 1'000'000'000'000;

RecordedLoadOptions load_options(const Site& site, std::uint64_t seed, int number) {
  RecordedLoadOptions options;
  for (const auto& [port, admin_port] : site.router_ports()) {
    options.routers.push_back(port);
    options.admin_ports.push_back(admin_port);
  }
  options.clients = 6;
  options.seed = seed;
  options.steady_films = 90;
  options.first_id = first_id + number * integration::ids_of_a_load;
  options.pause = std::chrono::milliseconds(8);
  options.steady_films_are_replicated = true;
  return options;
}

/// A client for each shard and each deed.
void add_watchers(RecordedLoadOptions& options, const Site& site,
                  const std::function<std::string(std::int64_t)>& shard_of) {
  for (const auto& shard : site.shards()) {
    integration::Watcher watcher;
    for (int i = 0; i < options.steady_films; ++i)
      if (shard_of(options.first_id + i) == shard.name) watcher.films.push_back(options.first_id + i);
    if (watcher.films.empty()) continue;
    for (const auto deed : {Deed::change, Deed::strong_read, Deed::read}) {
      watcher.deed = deed;
      options.watchers.push_back(watcher);
    }
  }
}

/// Through a router, which knows who is primary, whatever the map file says.
void insert_steady_films(const RecordedLoadOptions& options) {
  integration::HttpClient client(options.routers.front());
  std::istringstream films(integration::steady_films(options));
  for (std::string film; std::getline(films, film);) {
    const auto answer = client.request("POST", "/movies", {{"Content-Type", "application/json"}}, film);
    if (answer.status != 201) throw std::runtime_error("a film cannot be inserted: " + answer.body);
  }
}

void let_run(const RecordedLoad& load, std::chrono::milliseconds time) {
  const auto before = load.requests();
  std::this_thread::sleep_for(time);
  wait_until("the load goes on", [&] { return load.requests() > before + 100; });
}

/// What the routers log from now on, but for those that are started anew: of them all.
class Logs {
 public:
  explicit Logs(Site& site) : site_(site) {
    for (std::size_t i = 0; i < site.routers(); ++i) {
      auto& process = site.router(i).process();
      begins_.emplace_back(process.pid(), process.errors().size());
    }
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < site_.routers(); ++i) {
      auto& process = site_.router(i).process();
      const auto errors = process.errors();
      const auto [pid, begin] = begins_[i];
      for (auto line = pid == process.pid() ? begin : 0; line < errors.size(); ++line)
        lines.push_back("router " + std::to_string(i + 1) + ": " + errors[line]);
    }
    return lines;
  }

 private:
  Site& site_;
  std::vector<std::pair<pid_t, std::size_t>> begins_;
};

std::string tag_of(const RecordedLoadOptions& options) {
  return "recorded-" + std::to_string(options.first_id) + '-';
}

}  // namespace

Rounds::Rounds(Site& site, std::uint64_t seed, std::chrono::milliseconds hold)
    : site_(site), seed_(seed), hold_(hold), stock_(read_stock(site.primaries())) {}

RoundResult Rounds::run(const Fault& fault) {
  const auto start = integration::now();
  Random random(seed_ * 1'000'003 + static_cast<std::uint64_t>(++number_));
  RoundResult result;
  result.fault = fault.name;
  Round round{site_, random, {}, hold_};
  std::vector<std::string> candidates;
  for (const auto& shard : site_.shards())
    if (shard.replica) candidates.push_back(shard.name);
  const auto drawn = candidates[random() % candidates.size()];
  if (fault.needs_shard) round.hit.shard = drawn;

  auto options = load_options(site_, random(), number_);
  insert_steady_films(options);
  const auto shard_of = site_.owners();
  add_watchers(options, site_, shard_of);
  site_.wait_until_well();
  const Logs logs(site_);
  RecordedLoad load(options);
  let_run(load, before_the_fault);
  std::string broken;
  try {
    fault.happen(round);
    round.hit.ended = integration::now();
    site_.wait_until_well();
    let_run(load, after_it);
  } catch (const std::exception& failure) {
    broken = failure.what();
    result.healed = false;
  }
  result.shard = round.hit.shard;
  Record record;
  record.history = load.stop();
  record.asked = load.asked();
  const auto primaries = site_.primaries();
  add_stock(record.history, options, site_.cluster().map(), primaries);
  record.before = std::move(stock_);
  record.after = stock_ = read_stock(primaries);
  record.load = tag_of(options);
  record.hit = round.hit;
  record.peak_megabytes = round.peak_megabytes;
  record.proof = std::move(round.proof);
  record.shard_of = shard_of;
  result.judgement = judge(std::move(record), fault.bounds);
  auto& violated = result.judgement.violations;
  if (!broken.empty()) violated.insert(violated.begin(), broken);
  if (!violated.empty()) result.log = logs.lines();
  result.seconds = std::chrono::duration<double>(integration::now() - start).count();
  return result;
}

}  // namespace shardplex::chaos
