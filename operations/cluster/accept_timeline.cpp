#include "operations/cluster/accept_timeline.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/process/text.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"
#include "operations/shard/timelines.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/row_ids.hpp"

namespace shardplex::operations {
namespace {

const std::string replica = "a replica";

/// The accepted server may know nothing of what the other promised meanwhile, or it was restored from a
/// backup. Ids are promised so far ahead of the clock at most.
constexpr std::int64_t promised_ahead_ms = 600'000;

/// A server of the shard, as far as it could be asked.
struct Asked {
  std::string conninfo;
  std::string problem;  ///< why it is no primary of the shard
  std::unique_ptr<pqxx::connection> connection;
  std::int64_t timeline = 0;
};

Asked ask(const ShardMap& map, const Shard& shard, const std::string& conninfo) {
  Asked asked;
  asked.conninfo = conninfo;
  try {
    asked.connection = connect(conninfo);
    pqxx::read_transaction transaction(*asked.connection);
    const auto state = read_server_state(transaction);
    asked.timeline = state.timeline;
    if (state.in_recovery)
      asked.problem = replica;
    else if (!state.initialised)
      asked.problem = "not initialised (shardplex cluster init)";
    else if (auto wrong = identity_problem(state, map, shard))
      asked.problem = *std::move(wrong);
  } catch (const std::exception& error) {
    asked.problem = reason_of(error);
  }
  return asked;
}

Asked only_primary(const ShardMap& map, const Shard& shard) {
  std::vector<std::string> servers{shard.primary};
  servers.insert(servers.end(), shard.replicas.begin(), shard.replicas.end());
  auto asked = in_parallel(servers.size(), [&](std::size_t i) { return ask(map, shard, servers[i]); });
  std::vector<Asked*> primaries;
  std::vector<std::string> reasons;
  for (auto& server : asked) {
    if (server.problem.empty())
      primaries.push_back(&server);
    else
      reasons.push_back(address_of(server.conninfo) + ": " + server.problem);
  }
  if (primaries.empty())
    throw CommandFailed(shard.name + ": no server is a primary: " + joined(reasons, {}, "; "));
  if (primaries.size() > 1)
    throw CommandFailed(
        shard.name + ": " + address_of(primaries[0]->conninfo) + " and " +
        address_of(primaries[1]->conninfo) +
        " are both primaries; stop the one that is not to be the primary, and run this again");
  for (const auto& server : asked)
    if (server.timeline > primaries.front()->timeline && server.problem == replica)
      throw CommandFailed(shard.name + ": " + address_of(server.conninfo) + " is a replica on timeline " +
                          std::to_string(server.timeline) +
                          ", of which routers would learn again; stop it, and run this again");
  return std::move(*primaries.front());
}

/// The primaries that can be told: of the shard itself, and of all others that have one.
std::map<std::string, std::unique_ptr<pqxx::connection>> tellable(const ShardMap& map, const Shard& shard,
                                                                  Asked& accepted,
                                                                  std::vector<std::string>& untold) {
  std::map<std::string, std::unique_ptr<pqxx::connection>> primaries;
  primaries.emplace(shard.name, std::move(accepted.connection));
  for (const auto& other : map.shards()) {
    if (other.name == shard.name) continue;
    try {
      primaries.emplace(other.name, find_primary(map, other).connection);
    } catch (const CommandFailed& failure) {
      untold.push_back(one_line(failure.what()));
    }
  }
  return primaries;
}

KnownTimeline newest_noted(pqxx::connection& connection, const std::string& shard) {
  pqxx::read_transaction transaction(connection);
  KnownTimeline newest;
  for (const auto& [name, known] : read_noted_timelines(transaction))
    if (name == shard) newest = known;
  return newest;
}

}  // namespace

AcceptedTimeline accept_timeline(const ShardMap& map, const Shard& shard) {
  auto accepted = only_primary(map, shard);
  AcceptedTimeline done;
  done.conninfo = accepted.conninfo;
  done.timeline = accepted.timeline;
  const auto primaries = tellable(map, shard, accepted, done.untold);
  KnownTimeline newest;
  for (const auto& [name, connection] : primaries)
    newest = std::max(newest, newest_noted(*connection, shard.name));
  done.outweighed = newest.timeline;
  for (const auto& [name, connection] : primaries) try {
      pqxx::work transaction(*connection);
      transaction.exec_params(note_timeline_sql, shard.name, newest.ruling + 1, accepted.timeline);
      if (name == shard.name)
        promise_no_ids_before(transaction, row_id_ms(std::chrono::system_clock::now()) + promised_ahead_ms);
      transaction.commit();
    } catch (const std::exception& failure) {
      done.untold.push_back(name + ": " + one_line(failure.what()));
    }
  if (done.untold.size() == map.shards().size()) throw CommandFailed(std::move(done.untold));
  return done;
}

}  // namespace shardplex::operations
