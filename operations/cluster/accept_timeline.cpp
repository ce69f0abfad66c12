#include "operations/cluster/accept_timeline.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/primary_choice.hpp"
#include "shard_schema/row_ids.hpp"

namespace shardplex::operations {
namespace {

constexpr std::chrono::seconds patience{5};

/// The accepted server may know nothing of what the other promised meanwhile, or it was restored from a
/// backup. Ids are promised so far ahead of the clock at most.
constexpr std::int64_t promised_ahead_ms = 600'000;

struct Accepted {
  std::unique_ptr<pqxx::connection> connection;
  std::string conninfo;
  std::int64_t timeline = 0;
  std::int64_t ruling = 0;  ///< the last that any server of the shard has
};

/// Whatever was ruled or noted before: it may be what is to be undone.
bool takes_writes(const JudgedServer& server, const ServerStatus& status) {
  const bool of_the_shard = server.standing == Standing::primary || server.standing == Standing::rival ||
                            server.standing == Standing::replaced || server.standing == Standing::overruled;
  return of_the_shard && !status.in_recovery;
}

/// By two addresses.
bool is_one_database(const ServerStatus& one, const ServerStatus& other) {
  return !one.database_identity.empty() && one.database_identity == other.database_identity;
}

Accepted only_primary(const ShardMap& map, const Shard& shard) {
  const auto servers = servers_of(shard);
  const auto answers = ask_servers({{servers, patience, patience}}).front();
  const auto chosen = choose_accepted(map.cluster(), shard, answers);
  const auto& conninfo = servers[chosen.server];
  return {connect(conninfo), conninfo, chosen.timeline, chosen.ruling};
}

/// The primaries that can be told: of the shard itself, and of all others that have one.
std::map<std::string, std::unique_ptr<pqxx::connection>> tellable(const ShardMap& map, const Shard& shard,
                                                                  Accepted& accepted,
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

KnownTimeline noted_on(pqxx::connection& connection, const ShardMap& map, const Shard& shard) {
  pqxx::read_transaction transaction(connection);
  auto state = read_server_state(transaction);
  read_noted_timelines(transaction, state);
  return newest_noted(map.cluster(), shard.name, state, {});
}

void note(pqxx::work& transaction, const Shard& shard, const KnownTimeline& known) {
  transaction.exec_params(note_timeline_sql, shard.name, known.ruling, known.timeline);
}

/// The accepted server itself, before anybody else: it is known by this wherever the others learn of the
/// ruling, and so are the replicas that come after it.
void tell_accepted(pqxx::connection& connection, const Shard& shard, const KnownTimeline& known) {
  pqxx::work transaction(connection);
  note(transaction, shard, known);
  promise_no_ids_before(transaction, row_id_ms(std::chrono::system_clock::now()) + promised_ahead_ms);
  transaction.commit();
}

}  // namespace

AcceptedServer choose_accepted(const std::string& cluster, const Shard& shard,
                               const std::vector<ServerAnswer>& answers) {
  const auto servers = servers_of(shard);
  // What others have noted is what is to be outweighed, so it is left out.
  const auto choice =
      choose_primary({.cluster = cluster, .shard = shard.name, .known_timeline = 0}, words_of(answers));
  std::optional<std::size_t> primary;
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto& status = answers[i].status;
    if (!status || !takes_writes(choice.servers[i], *status)) {
      reasons.push_back(address_of(servers[i]) + ": " +
                        (status ? choice.servers[i].reason : answers[i].failure));
      continue;
    }
    if (primary && is_one_database(*answers[*primary].status, *status)) continue;
    if (primary)
      throw CommandFailed(
          shard.name + ": " + address_of(servers[*primary]) + " and " + address_of(servers[i]) +
          " are both primaries; stop the one that is not to be the primary, and run this again");
    primary = i;
  }
  if (!primary) throw CommandFailed(shard.name + ": no server is a primary: " + joined(reasons, "; "));
  const auto timeline = answers[*primary].status->timeline;
  for (std::size_t i = 0; i < servers.size(); ++i)
    if (choice.servers[i].standing == Standing::replica && answers[i].status->timeline > timeline)
      throw CommandFailed(shard.name + ": " + address_of(servers[i]) + " is a replica on timeline " +
                          std::to_string(answers[i].status->timeline) +
                          ", of which routers would learn again; stop it, and run this again");
  std::int64_t ruling = 0;
  for (std::size_t i = 0; i < servers.size(); ++i)
    if (answers[i].status && choice.servers[i].standing != Standing::stranger)
      ruling = std::max(ruling, answers[i].status->ruling.value_or(0));
  return {*primary, timeline, ruling};
}

AcceptedTimeline accept_timeline(const ShardMap& map, const Shard& shard) {
  auto accepted = only_primary(map, shard);
  AcceptedTimeline done;
  done.conninfo = accepted.conninfo;
  done.timeline = accepted.timeline;
  const auto primaries = tellable(map, shard, accepted, done.untold);
  KnownTimeline newest;
  for (const auto& [name, connection] : primaries)
    newest = std::max(newest, noted_on(*connection, map, shard));
  done.outweighed = newest.timeline;
  const KnownTimeline ruled{std::max(newest.ruling, accepted.ruling) + 1, accepted.timeline};
  tell_accepted(*primaries.at(shard.name), shard, ruled);
  for (const auto& [name, connection] : primaries) try {
      if (name == shard.name) continue;
      pqxx::work transaction(*connection);
      note(transaction, shard, ruled);
      transaction.commit();
    } catch (const std::exception& failure) {
      done.untold.push_back(name + ": " + one_line(failure.what()));
    }
  return done;
}

}  // namespace shardplex::operations
