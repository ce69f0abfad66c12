#include "router/topology/router_report.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <utility>

#include "router/log.hpp"
#include "router/topology/id_source.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

using namespace std::chrono_literals;

constexpr auto timeout = 1s;
/// A fence of a mover that lives hardly stands for so long; whether its lease is over, the shard decides. It
/// may also be that of a hand-over which this server, that has just taken over, has forgotten. Then the slots
/// are owned elsewhere within 4 s (own_within in runner_hand_over.cpp), which the next probe shows; with the
/// time after which a server is known to hang.
constexpr auto fence_patience = 5s;
constexpr auto between_attempts = 1s, where_it_cannot_be = 60s;

std::string process_name() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + ", process " + std::to_string(getpid());
}

boost::json::object to_object(const std::map<std::string, std::string>& texts) {
  boost::json::object object;
  for (const auto& [name, text] : texts) object[name] = text;
  return object;
}

/// Why a shard of the map takes no requests now; "" where it does.
std::string obstacle_of(const WatchedShard& shard) {
  if (shard.state.primary && shard.ownership && shard.tables) return "";
  if (!shard.failure.empty()) return shard.failure;
  const auto& problem = shard.state.servers.front().problem;
  return problem.empty() ? "it has not been read yet" : problem;
}

/// The server that takes the shard's writes, and the timeline that it does so on.
std::pair<std::string, std::int64_t> primary_of(const WatchedShard& shard) {
  const auto server = shard.state.primary;
  if (!server) return {};
  return {shard.state.servers[*server].conninfo, shard.servers[*server].status.timeline};
}

}  // namespace

RouterReport report_of(const Membership& membership, const Catalogue* served,
                       const std::map<std::string, std::string>& not_joined) {
  RouterReport report{.shards = not_joined, .tables = {}};
  for (const auto& shard : membership.shards) report.shards[shard->name] = obstacle_of(*shard);
  if (served != nullptr) report.tables.insert(served->refused.begin(), served->refused.end());
  return report;
}

std::string to_json(const RouterReport& report) {
  return boost::json::serialize(
      boost::json::object{{"shards", to_object(report.shards)}, {"tables", to_object(report.tables)}});
}

std::string to_string(const WaitingWrites& waiting) {
  return "writes to " + std::to_string(waiting.slots) + " slots of shard " + waiting.shard +
         " have waited for " +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(waiting.since_first_seen).count()) +
         " s: a mover holds them up by a fence";
}

std::size_t fenced_slots(const WatchedShard& shard) {
  std::size_t fenced = 0;
  if (shard.ownership)
    for (const auto& [group, states] : shard.ownership->groups)
      fenced += static_cast<std::size_t>(std::ranges::count(states, SlotState::fenced));
  return fenced;
}

bool may_end_fences(const Membership& membership, const WatchedShard& shard) {
  if (!shard.ownership) return false;
  for (const auto& other : membership.shards) {
    if (other.get() == &shard) continue;
    if (!other->state.primary || !other->ownership) return false;
    for (const auto& [group, states] : shard.ownership->groups) {
      const auto theirs = other->ownership->groups.find(group);
      if (theirs == other->ownership->groups.end()) continue;
      const auto count = std::min(states.size(), theirs->second.size());
      for (std::size_t slot = 0; slot < count; ++slot)
        if (states[slot] == SlotState::fenced &&
            (theirs->second[slot] == SlotState::owned || theirs->second[slot] == SlotState::fenced))
          return false;
    }
  }
  return true;
}

RouterReporter::RouterReporter(std::chrono::milliseconds poll_interval)
    : id_(make_uuid_v7()), name_(process_name()), fence_patience_(fence_patience + poll_interval) {}

Awaitable<void> RouterReporter::tell(WatchedShardPtr shard, postgres::Pool& primary, RouterReport report,
                                     bool may_end) {
  auto& told = told_[shard->name];
  const auto now = Clock::now();
  // What has stood for long on one primary is new to the one that has just taken over with it.
  if (auto taker = primary_of(*shard); told.primary != taker) {
    told.primary = std::move(taker);
    told.fenced_since.reset();
  }
  auto text = to_json(report);
  if (now >= told.due || (!told.failing && text != told.report))
    co_await send_report(shard->name, primary, std::move(text));

  if (fenced_slots(*shard) == 0) {
    told.fenced_since.reset();
    co_return;
  }
  if (!told.fenced_since) told.fenced_since = now;
  if (!may_end || now - *told.fenced_since < fence_patience_ || now < told.fences_due) co_return;
  co_await end_overdue_fences(shard->name, primary);
}

Awaitable<void> RouterReporter::send_report(const std::string& shard, postgres::Pool& primary,
                                            std::string report) {
  auto& told = told_[shard];
  std::vector<Statement> statements;
  statements.push_back({std::string(report_router_sql), {id_, name_, report}});
  const auto outcome =
      co_await primary.execute(postgres::Lane::write, std::move(statements), Clock::now() + timeout);
  told.failing = !outcome;
  if (outcome) {
    told.report = std::move(report);
    told.due = Clock::now() + router_report_interval;
  } else {
    told.due = Clock::now() + (note_failure(shard, outcome.error()) ? where_it_cannot_be : between_attempts);
  }
}

Awaitable<void> RouterReporter::end_overdue_fences(const std::string& shard, postgres::Pool& primary) {
  auto& told = told_[shard];
  std::vector<Statement> statements;
  statements.push_back({std::string(end_overdue_fences_sql), {}});
  const auto outcome =
      co_await primary.execute(postgres::Lane::write, std::move(statements), Clock::now() + timeout);
  told.fences_due = Clock::now() + between_attempts;
  if (!outcome) {
    if (note_failure(shard, outcome.error())) told.fences_due = Clock::now() + where_it_cannot_be;
  } else if (outcome->front().rows() > 0) {
    log_warning("ended a fence whose mover is gone or hangs", {{"shard", shard}});
  }
}

bool RouterReporter::note_failure(const std::string& shard, const postgres::Failure& failure) {
  const bool is_older = failure.sqlstate == sqlstate_no_function || failure.sqlstate == sqlstate_no_schema;
  if (is_older)
    warn_once_("shard " + shard +
               " takes no reports of routers: run 'shardplex cluster init' of this version, it keeps all "
               "there is");
  else if (failure.sqlstate == sqlstate_denied)
    warn_once_("shard " + shard + " does not let this role report what it routes to: " + failure.message);
  return is_older || failure.sqlstate == sqlstate_denied;
}

std::vector<WaitingWrites> RouterReporter::waiting_writes(const Membership& membership) const {
  std::vector<WaitingWrites> waiting;
  for (const auto& shard : membership.shards) {
    const auto slots = fenced_slots(*shard);
    const auto told = told_.find(shard->name);
    if (slots == 0 || told == told_.end() || !told->second.fenced_since) continue;
    waiting.push_back(
        {shard->name, slots,
         std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - *told->second.fenced_since)});
  }
  return waiting;
}

}  // namespace shardplex::router
