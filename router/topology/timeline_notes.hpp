// What is known of the shards' timelines, and that each shard has it noted: it outlives this router.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "query/plan/sql.hpp"
#include "shard_schema/server_status.hpp"

namespace shardplex::router {

/// A value: neither waits nor logs. An old primary is known by its timeline. What a router has seen, all
/// shards are told, so that a router that starts while the new primary is away learns it from any of them.
class TimelineNotes {
 public:
  /// The newest that is known of the shard; it may be raised.
  KnownTimeline& of(const std::string& shard) { return known_[shard]; }

  /// Takes over what was noted on a server.
  void hear(const std::vector<NotedTimeline>& noted);

  /// Statements for a shard on which `noted` was found, one for each other shard of which more is known;
  /// empty where it is up to date. A shard that never failed over needs no note.
  std::vector<Statement> missing(const std::string& shard, const std::vector<NotedTimeline>& noted) const;

 private:
  std::map<std::string, KnownTimeline> known_;  // by shard
};

}  // namespace shardplex::router
