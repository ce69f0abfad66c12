#include "shard_schema/primary_choice.hpp"

#include <algorithm>

namespace shardplex {
namespace {

bool says_it_is(const ServerStatus& status, const PrimaryCriteria& criteria) {
  return status.initialised && status.cluster == criteria.cluster && status.shard == criteria.shard;
}

/// Two connections to one database are no two primaries.
bool same_database(const ServerStatus& a, const ServerStatus& b) {
  return !a.database_identity.empty() && a.database_identity == b.database_identity;
}

/// The servers that may be the shard: those that say they are, or else, where it is allowed, those that say
/// they are none.
class Members {
 public:
  Members(const PrimaryCriteria& criteria, const std::vector<ServerWord>& servers)
      : criteria_(criteria),
        of_nobody_(criteria.uninitialised == Uninitialised::allowed &&
                   std::ranges::none_of(servers,
                                        [&](const ServerWord& server) {
                                          return server.status == nullptr ||
                                                 says_it_is(*server.status, criteria);
                                        })),
        ruling_(criteria.known_ruling) {
    for (const auto& [status, overruled] : servers)
      if (status != nullptr && says_it_is(*status, criteria))
        ruling_ = std::max(ruling_, status->ruling.value_or(0));
  }

  bool include(const ServerStatus& status) const {
    return of_nobody_ ? !status.initialised : says_it_is(status, criteria_);
  }

  /// What was said before a ruling is judged by timeline alone.
  bool given_up(const ServerWord& server) const {
    return !of_nobody_ && !server.overruled && was_given_up(*server.status, ruling_);
  }

  /// The newest timeline of the shard. A database that is none yet has replaced nothing, and its name may
  /// have been another's: what is known of that does not count.
  std::int64_t newest_timeline(const std::vector<ServerWord>& servers) const {
    std::int64_t newest = of_nobody_ ? 0 : criteria_.known_timeline;
    for (const auto& server : servers)
      if (server.status != nullptr && !server.overruled && include(*server.status) && !given_up(server))
        newest = std::max(newest, server.status->timeline);
    return newest;
  }

 private:
  const PrimaryCriteria& criteria_;
  bool of_nobody_;
  std::int64_t ruling_;  // the last that is known of
};

std::string replaced_reason(std::int64_t timeline, std::int64_t newest) {
  return "an old primary on an earlier timeline (" + std::to_string(timeline) + "; " +
         std::to_string(newest) + " is known); where it is the right one, shardplex cluster accept-timeline";
}

constexpr const char* given_up_reason = "on a timeline that was given up (shardplex cluster accept-timeline)";

/// What can be said of a server without looking at the others; standing `primary`: it is a candidate.
JudgedServer judge(const PrimaryCriteria& criteria, const Members& members, const ServerWord& server,
                   std::int64_t newest) {
  if (server.status == nullptr) return {};
  const auto& status = *server.status;
  if (!members.include(status)) {
    if (auto problem = identity_problem(status, criteria.cluster, criteria.shard))
      return {Standing::stranger, *std::move(problem)};
    return {Standing::uninitialised, criteria.uninitialised == Uninitialised::allowed
                                         ? "not initialised, and another server of the shard may be the shard"
                                         : "not initialised (shardplex cluster init)"};
  }
  if (members.given_up(server)) return {Standing::overruled, given_up_reason};
  if (status.in_recovery) return {Standing::replica, "a replica"};
  if (status.timeline < newest) return {Standing::replaced, replaced_reason(status.timeline, newest)};
  if (status.timeline > newest) return {Standing::overruled, given_up_reason};
  return {Standing::primary, {}};
}

/// At most one of the candidates remains one.
void settle_rivalry(const std::vector<ServerWord>& servers, std::vector<JudgedServer>& judged,
                    std::int64_t timeline) {
  const auto is_candidate = [&](std::size_t i) { return judged[i].standing == Standing::primary; };
  std::optional<std::size_t> first;
  bool rivals = false;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (!is_candidate(i)) continue;
    if (!first)
      first = i;
    else if (same_database(*servers[*first].status, *servers[i].status))
      judged[i] = {Standing::same_database, "the same database as the primary, by another address"};
    else
      rivals = true;
  }
  if (!rivals) return;
  for (std::size_t i = 0; i < servers.size(); ++i)
    if (is_candidate(i))
      judged[i] = {Standing::rival, "two servers are primaries on the same timeline (" +
                                        std::to_string(timeline) +
                                        "): stop the one that is not to be the primary"};
}

}  // namespace

PrimaryChoice choose_primary(const PrimaryCriteria& criteria, const std::vector<ServerWord>& servers) {
  const Members members(criteria, servers);
  PrimaryChoice choice;
  const auto newest = members.newest_timeline(servers);
  choice.newest_timeline = std::max(newest, criteria.known_timeline);
  for (const auto& server : servers) choice.servers.push_back(judge(criteria, members, server, newest));
  settle_rivalry(servers, choice.servers, newest);
  const auto found = std::ranges::find(choice.servers, Standing::primary, &JudgedServer::standing);
  if (found == choice.servers.end()) return choice;
  if (!criteria.others_heard && servers.size() > 1)
    *found = {Standing::unconfirmed, "its timeline is being looked up in the other shards"};
  else
    choice.primary = static_cast<std::size_t>(found - choice.servers.begin());
  return choice;
}

PrimaryChoice choose_primary(const std::string& cluster, const std::string& shard,
                             const std::vector<ServerWord>& servers, const std::vector<ServerWord>& all,
                             Uninitialised uninitialised) {
  KnownTimeline known;
  for (const auto& server : all)
    if (server.status != nullptr) known = newest_noted(cluster, shard, *server.status, known);
  return choose_primary({.cluster = cluster,
                         .shard = shard,
                         .known_timeline = known.timeline,
                         .known_ruling = known.ruling,
                         .others_heard = true,
                         .uninitialised = uninitialised},
                        servers);
}

bool was_given_up(const ServerStatus& status, std::int64_t ruling) {
  return status.ruling && *status.ruling < ruling;
}

std::optional<std::string> identity_problem(const ServerStatus& status, const std::string& cluster,
                                            const std::string& shard) {
  if (!status.initialised || (status.cluster == cluster && status.shard == shard)) return std::nullopt;
  return "it says it is shard " + status.shard + " of cluster " + status.cluster;
}

KnownTimeline newest_noted(const std::string& cluster, const std::string& shard, const ServerStatus& status,
                           KnownTimeline before) {
  if (!status.initialised || status.cluster != cluster) return before;
  for (const auto& [name, known] : status.noted)
    if (name == shard) before = std::max(before, known);
  return before;
}

}  // namespace shardplex
