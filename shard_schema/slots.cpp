#include "shard_schema/slots.hpp"

#include <map>
#include <optional>
#include <utility>

#include "query/plan/owned_slots.hpp"

namespace shardplex {
namespace {

std::string on_slots(std::string_view before, std::string_view after) {
  return std::string(before).append(slots_table).append(after);
}

std::string is_slot(std::string_view group, std::string_view slot) {
  return "s.grp = " + std::string(group) + " AND s.slot = " + std::string(slot);
}

std::string exists(const std::string& condition) {
  return on_slots("EXISTS (SELECT FROM ", " s WHERE ") + condition + ')';
}

/// Calls a function of the schema for the slots of each group that are in some states.
std::string by_group(std::string_view function, std::string_view more_arguments, std::string_view condition) {
  std::string call = "SELECT shardplex.";
  call.append(function)
      .append("(grp, array_agg(slot ORDER BY slot)")
      .append(more_arguments)
      .append(") FROM ");
  return on_slots(call, " WHERE ").append(condition).append(" GROUP BY grp");
}

}  // namespace

const std::string ownership_sql = on_slots(
    "SELECT s.epoch::text, o.grp, o.slot::text, o.state FROM shardplex.shard s LEFT JOIN ", " o ON true");

OwnershipReport decode_ownership(const TextRows& rows, const ShardMap& map) {
  OwnershipReport report;
  if (rows.size() == 0) return report;
  report.has_identity = true;
  report.ownership.epoch = Epoch{rows.integer(0, 0)};
  auto& groups = report.ownership.groups;
  for (const Group& group : map.groups())
    groups.emplace(group.name, std::vector(group.slot_count, SlotState::absent));

  std::map<std::string, std::size_t> beyond, unknown;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (rows.is_null(row, 1)) continue;
    const std::string group = rows.text(row, 1);
    const auto states = groups.find(group);
    if (states == groups.end()) {
      ++unknown[group];
      continue;
    }
    const std::int64_t slot = rows.integer(row, 2);
    if (slot < 0 || static_cast<std::size_t>(slot) >= states->second.size()) {
      ++beyond[group];
    } else if (const auto state = parse_slot_state(rows.view(row, 3))) {
      states->second[static_cast<std::size_t>(slot)] = *state;
    } else {
      report.unknown_states.push_back("it has slot " + std::to_string(slot) + " of group " + group +
                                      " in the state \"" + rows.text(row, 3) +
                                      "\", which this version does not know");
    }
  }
  for (const auto& [group, count] : beyond)
    report.slots_beyond.push_back("it has " + std::to_string(count) + " slots of group " + group +
                                  " beyond the number of slots of the map");
  for (const auto& [group, count] : unknown)
    report.unknown_groups.push_back("it has " + std::to_string(count) + " slots of group " + group +
                                    ", which is not in the map");
  return report;
}

Definitions decode_definitions(const TextRows& rows) {
  Definitions stored;
  for (std::size_t row = 0; row < rows.size(); ++row) stored.emplace(rows.view(row, 0), rows.view(row, 1));
  return stored;
}

std::string join_slot_state(std::string_view group, std::string_view slot) {
  return on_slots(" LEFT JOIN ", " s ON ") + is_slot(group, slot);
}

std::string has_slot_state(std::string_view group, std::string_view slot) {
  return exists(is_slot(group, slot));
}

std::string slot_may_have_rows(std::string_view group, std::string_view slot) {
  return exists(is_slot(group, slot) + " AND s.state IN ('owned', 'fenced', 'incoming')");
}

const std::string own_incoming_slots_sql = by_group("own_slots", "", "state = 'incoming'");
const std::string fence_owned_slots_sql = by_group("fence_slots", "", "state = 'owned'");
const std::string hand_over_all_slots_sql = by_group("hand_over_slots", "", "state <> 'moved'");
const std::string take_back_slots_sql =
    by_group("change_slots", ", ARRAY['fenced', 'moved'], 'owned'", "state IN ('fenced', 'moved')");

const std::string owns_slots_sql = on_slots("SELECT EXISTS (SELECT FROM ", " WHERE state = 'owned')");
const std::string lacks_slots_sql =
    on_slots("SELECT EXISTS (SELECT FROM ", " WHERE state IN ('fenced', 'moved'))");
const std::string count_of_slots_sql = on_slots("SELECT count(*) FROM ", "");

}  // namespace shardplex
