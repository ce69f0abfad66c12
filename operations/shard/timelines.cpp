#include "operations/shard/timelines.hpp"

#include <algorithm>

#include "operations/shard/pqxx_rows.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {

std::vector<NotedTimeline> read_noted_timelines(pqxx::transaction_base& transaction) {
  const auto notes = transaction.exec1("SELECT to_regclass('shardplex.timelines') IS NOT NULL");
  if (!notes[0].as<bool>()) return {};
  return decode_timelines(PqxxRows(transaction.exec(std::string(timelines_sql))));
}

std::optional<std::string> replaced_problem(const std::vector<std::vector<NotedTimeline>>& notes,
                                            const std::string& shard, const std::string& conninfo,
                                            std::int64_t timeline) {
  KnownTimeline newest;
  for (const auto& noted : notes)
    for (const auto& [name, known] : noted)
      if (name == shard) newest = std::max(newest, known);
  if (timeline >= newest.timeline) return std::nullopt;
  return address_of(conninfo) + " is on timeline " + std::to_string(timeline) + ", and " +
         std::to_string(newest.timeline) +
         " is known: another server has replaced it (shardplex cluster accept-timeline, where it is the "
         "right "
         "one)";
}

}  // namespace shardplex::operations
