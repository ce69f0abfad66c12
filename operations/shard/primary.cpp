#include "operations/shard/primary.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/process/text.hpp"
#include "operations/shard/inquiry.hpp"
#include "operations/shard/server.hpp"

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
};

AskedShard for_its_primary(const Shard& shard) {
  return {servers_of(shard), wait_for_first, wait_for_others};
}

/// `all`: what servers of all shards say, those of this one included.
Located locate(const ShardMap& map, const Shard& shard, const Answers& answers,
               const std::vector<Answers>& all, Uninitialised uninitialised) {
  std::vector<ServerWord> words;
  for (const auto& of_shard : all)
    for (const auto& word : words_of(of_shard)) words.push_back(word);
  const auto choice = choose_primary(map.cluster(), shard.name, words_of(answers), words, uninitialised);
  const auto servers = servers_of(shard);
  if (choice.primary) return {*choice.primary, servers[*choice.primary], *answers[*choice.primary].status};
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < servers.size(); ++i)
    reasons.push_back(address_of(servers[i]) + ": " +
                      (answers[i].status ? choice.servers[i].reason : answers[i].failure));
  throw CommandFailed(shard.name + ": no primary was found: " + joined(reasons, {}, "; "));
}

/// A connection string may lead to one of several servers, and roles change: what was asked has to be what is
/// connected to.
PrimaryFound connect_to(const Shard& shard, const Located& located) try {
  PrimaryFound found{connect(located.conninfo), located.conninfo, located.status.timeline};
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

/// The primaries of all shards, and the problems of those that have none.
std::vector<std::optional<Located>> locate_all(const ShardMap& map, std::vector<std::string>& problems) {
  std::vector<AskedShard> asked;
  for (const auto& shard : map.shards()) asked.push_back(for_its_primary(shard));
  const auto answers = ask_servers(asked);
  std::vector<std::optional<Located>> located(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) try {
      located[i] = locate(map, map.shards()[i], answers[i], answers, Uninitialised::refused);
    } catch (const CommandFailed& failure) {
      problems.emplace_back(failure.what());
    }
  return located;
}

}  // namespace

PrimaryFound find_primary(const ShardMap& map, const Shard& shard, Uninitialised uninitialised) {
  std::vector<AskedShard> asked{for_its_primary(shard)};
  for (const auto& other : map.shards())
    if (other.name != shard.name) asked.push_back({servers_of(other), wait_for_notes, wait_for_notes});
  const auto answers = ask_servers(asked);
  return connect_to(shard, locate(map, shard, answers.front(), answers, uninitialised));
}

std::vector<PrimaryFound> find_primaries(const ShardMap& map) {
  std::vector<std::string> problems;
  const auto located = locate_all(map, problems);
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  return in_parallel(located.size(), [&](std::size_t i) { return connect_to(map.shards()[i], *located[i]); });
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
  return ShardMap(map.cluster(), std::move(shards), map.groups(), map.tables());
}

std::vector<std::string> replaced_since(const ShardMap& map, const std::vector<PrimaryFound>& found) {
  std::vector<std::string> problems;
  const auto located = locate_all(map, problems);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (located[i] &&
        (located[i]->conninfo != found[i].conninfo || located[i]->status.timeline != found[i].timeline))
      problems.push_back(map.shards()[i].name + ": " + address_of(found[i].conninfo) +
                         " is not the primary any more, " + address_of(located[i]->conninfo) + " is");
  return problems;
}

}  // namespace shardplex::operations
