#include "router/topology/timeline_notes.hpp"

#include <algorithm>

#include "shard_schema/functions.hpp"

namespace shardplex::router {
namespace {

/// What every shard starts with.
constexpr KnownTimeline first{0, 1};

}  // namespace

void TimelineNotes::hear(const std::vector<NotedTimeline>& noted) {
  for (const auto& [shard, known] : noted) known_[shard] = std::max(known_[shard], known);
}

std::vector<Statement> TimelineNotes::missing(const std::string& shard,
                                              const std::vector<NotedTimeline>& noted) const {
  std::vector<Statement> statements;
  for (const auto& [other, known] : known_) {
    if (other == shard || known <= first) continue;
    const auto there = std::ranges::find(noted, other, &NotedTimeline::shard);
    if (there != noted.end() && there->known >= known) continue;
    statements.push_back(
        {note_timeline_sql, {other, std::to_string(known.ruling), std::to_string(known.timeline)}});
  }
  return statements;
}

}  // namespace shardplex::router
