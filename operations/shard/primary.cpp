#include "operations/shard/primary.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <ranges>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/inquiry.hpp"
#include "operations/shard/server.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::operations {
namespace {

constexpr std::chrono::seconds wait_for_first{5};
constexpr std::chrono::seconds wait_for_others{1};
constexpr std::chrono::seconds wait_for_notes{2};

using Answers = std::vector<ServerAnswer>;

/// Which server it is.
struct Located {
  std::size_t server;
  std::string conninfo;
  ServerStatus status;
  std::size_t followers = 0;
};

AskedShard for_its_primary(const Shard& shard) {
  return {servers_of(shard), wait_for_first, wait_for_others};
}

/// `all`: what servers of all shards say, those of this one included.
PrimaryChoice choose(const ShardMap& map, const Shard& shard, const Answers& answers,
                     const std::vector<Answers>& all, Uninitialised uninitialised) {
  std::vector<ServerWord> words;
  for (const auto& of_shard : all)
    for (const auto& word : words_of(of_shard)) words.push_back(word);
  return choose_primary(map.cluster(), shard.name, words_of(answers), words, uninitialised);
}

Located locate(const Shard& shard, const Answers& answers, const PrimaryChoice& choice) {
  const auto servers = servers_of(shard);
  if (choice.primary) {
    const auto followers = [&](std::size_t i) {
      return choice.servers[i].standing == Standing::replica && answers[i].status->receives_wal;
    };
    return {*choice.primary, servers[*choice.primary], *answers[*choice.primary].status,
            static_cast<std::size_t>(
                std::ranges::count_if(std::views::iota(std::size_t{0}, servers.size()), followers))};
  }
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < servers.size(); ++i)
    reasons.push_back(address_of(servers[i]) + ": " +
                      (answers[i].status ? choice.servers[i].reason : answers[i].failure));
  throw CommandFailed(shard.name + ": no primary was found: " + joined(reasons, "; "));
}

/// A connection string may lead to one of several servers, and roles change: what was asked has to be what is
/// connected to.
PrimaryFound connect_to(const Shard& shard, const Located& located) try {
  PrimaryFound found{connect(located.conninfo), located.conninfo, located.status.timeline, located.followers};
  pqxx::read_transaction transaction(*found.connection);
  const auto state = read_server_state(transaction);
  if (state.in_recovery || state.timeline != located.status.timeline ||
      state.database_identity != located.status.database_identity)
    throw std::runtime_error("it is another server, or in another role, than it was a moment ago");
  return found;
} catch (const std::exception& error) {
  throw CommandFailed(shard.name + ": no primary was found: " + address_of(located.conninfo) + ": " +
                      reason_of(error));
}

/// What the servers of a shard say of its primary.
struct Sighting {
  std::optional<Located> primary;
  std::string problem;  ///< where there is none
  PrimaryChoice choice;
};

/// By shard.
std::vector<Sighting> locate_all(const ShardMap& map) {
  std::vector<AskedShard> asked;
  for (const auto& shard : map.shards()) asked.push_back(for_its_primary(shard));
  const auto answers = ask_servers(asked);
  std::vector<Sighting> sightings(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) try {
      auto& choice = sightings[i].choice;
      choice = choose(map, map.shards()[i], answers[i], answers, Uninitialised::refused);
      sightings[i].primary = locate(map.shards()[i], answers[i], choice);
    } catch (const CommandFailed& failure) {
      sightings[i].problem = failure.what();
    }
  return sightings;
}

/// Whether no server says that this primary has a successor, and it says nothing itself.
bool is_mere_silence(const Shard& shard, const Sighting& sighting, const PrimaryFound& found) {
  if (sighting.choice.newest_timeline > found.timeline) return false;
  const auto servers = servers_of(shard);
  for (std::size_t i = 0; i < servers.size(); ++i)
    if (servers[i] == found.conninfo) return sighting.choice.servers[i].standing == Standing::silent;
  return false;
}

}  // namespace

PrimaryFound find_primary(const ShardMap& map, const Shard& shard, Uninitialised uninitialised) {
  std::vector<AskedShard> asked{for_its_primary(shard)};
  for (const auto& other : map.shards())
    if (other.name != shard.name) asked.push_back({servers_of(other), wait_for_notes, wait_for_notes});
  const auto answers = ask_servers(asked);
  const auto choice = choose(map, shard, answers.front(), answers, uninitialised);
  return connect_to(shard, locate(shard, answers.front(), choice));
}

std::vector<PrimaryOrProblem> find_primaries_there(const ShardMap& map) {
  const auto located = locate_all(map);
  return in_parallel(located.size(), [&](std::size_t i) -> PrimaryOrProblem {
    if (!located[i].primary) return {std::nullopt, located[i].problem};
    try {
      return {connect_to(map.shards()[i], *located[i].primary), {}};
    } catch (const CommandFailed& failure) {
      return {std::nullopt, failure.what()};
    }
  });
}

std::vector<PrimaryFound> find_primaries(const ShardMap& map) {
  std::vector<PrimaryFound> primaries;
  std::vector<std::string> problems;
  for (auto& one : find_primaries_there(map)) {
    if (one.found)
      primaries.push_back(std::move(*one.found));
    else
      problems.push_back(std::move(one.problem));
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  return primaries;
}

ShardMap with_primaries(const ShardMap& map, const std::vector<PrimaryFound>& found) {
  std::vector<Shard> shards = map.shards();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const auto servers = servers_of(shards[i]);
    shards[i].primary = found[i].conninfo;
    shards[i].replicas.clear();
    for (const auto& server : servers)
      if (server != shards[i].primary) shards[i].replicas.push_back(server);
  }
  return ShardMap(map.cluster(), std::move(shards), map.groups(), map.tables(), map.relations(), map.views(),
                  map.functions());
}

PrimariesSince primaries_since(const ShardMap& map, const std::vector<PrimaryFound>& found) {
  PrimariesSince since;
  const auto located = locate_all(map);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto& shard = map.shards()[i];
    const auto& now = located[i].primary;
    if (!now && is_mere_silence(shard, located[i], found[i]))
      since.silent.emplace(shard.name, located[i].problem);
    else if (!now)
      since.replaced.push_back(located[i].problem);
    else if (now->conninfo != found[i].conninfo || now->status.timeline != found[i].timeline)
      since.replaced.push_back(shard.name + ": " + address_of(found[i].conninfo) +
                               " is not the primary any more, " + address_of(now->conninfo) + " is");
  }
  return since;
}

}  // namespace shardplex::operations
