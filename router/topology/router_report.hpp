// The router's word of itself, told to every shard it routes to, and what it does about fences that nobody
// ends. A mover reads these reports before it hands slots over.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/pool.hpp"
#include "query/catalogue/catalogue.hpp"
#include "router/topology/membership.hpp"
#include "router/topology/warn_once.hpp"
#include "shard_schema/router_report.hpp"

namespace shardplex::router {

/// What this router would say now. `not_joined` has the shards that it knows of and does not route to, with
/// the reason; `served` is null where no catalogue has been read.
RouterReport report_of(const Membership& membership, const Catalogue* served,
                       const std::map<std::string, std::string>& not_joined);

/// As shardplex.routers stores it.
std::string to_json(const RouterReport& report);

/// Slots of a shard to which writes wait, as its ownership report has it.
struct WaitingWrites {
  std::string shard;
  std::size_t slots = 0;
  std::chrono::milliseconds since_first_seen{};
};
std::string to_string(const WaitingWrites& waiting);

/// How many slots are fenced in a shard's ownership report.
std::size_t fenced_slots(const WatchedShard& shard);

/// Whether the fences of a shard are ones that a mover has left, as far as can be seen: every other shard
/// answers and none owns a slot that is fenced here. Where one does, the hand-over had been made, and this
/// shard failed over and has forgotten it: writes must not go on here.
bool may_end_fences(const Membership& membership, const WatchedShard& shard);

/// Thread: the control thread.
class RouterReporter {
 public:
  /// `poll_interval`: what is known of the other shards is at most so old.
  explicit RouterReporter(std::chrono::milliseconds poll_interval = {});

  /// To be called after each probe of a shard's primary, whose connections `primary` are: reports where that
  /// is due and, where it `may_end` them, ends fences that have stood for so long that their lease may be
  /// over. What fails is tried again later.
  Awaitable<void> tell(WatchedShardPtr shard, postgres::Pool& primary, RouterReport report, bool may_end);

  /// Fences as they were last seen on these shards.
  std::vector<WaitingWrites> waiting_writes(const Membership& membership) const;

 private:
  struct Told {
    std::string report;
    Clock::time_point due{};
    bool failing = false;                           // the last attempt did
    std::pair<std::string, std::int64_t> primary;   // its connection string and timeline
    std::optional<Clock::time_point> fenced_since;  // on this primary
    Clock::time_point fences_due{};
  };
  Awaitable<void> send_report(const std::string& shard, postgres::Pool& primary, std::string report);
  Awaitable<void> end_overdue_fences(const std::string& shard, postgres::Pool& primary);
  /// Whether the call is to be left for longer, since it cannot succeed soon.
  bool note_failure(const std::string& shard, const postgres::Failure& failure);

  const std::string id_, name_;
  const std::chrono::milliseconds fence_patience_;
  std::map<std::string, Told> told_;  // by shard
  WarnOnce warn_once_;
};

}  // namespace shardplex::router
