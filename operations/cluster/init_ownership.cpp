#include "operations/cluster/init_ownership.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "operations/process/failure.hpp"
#include "operations/shard/directory.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/setup.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/primary_choice.hpp"
#include "shard_schema/row_ids.hpp"

namespace shardplex::operations {
namespace {

/// Slots of the group that this member should start with: those the map places on it and no shard has or had,
/// where it has none of the group yet.
std::vector<std::uint32_t> slots_to_start_with(const std::vector<Member>& members, std::size_t self,
                                               const Group& group) {
  const auto is_absent = [&](const Member& member, std::uint32_t slot) {
    return !member.ownership || member.ownership->groups.at(group.name)[slot] == SlotState::absent;
  };
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = 0; slot < group.slot_count; ++slot) {
    if (!is_absent(members[self], slot)) return {};
    const bool is_free =
        std::ranges::all_of(members, [&](const Member& member) { return is_absent(member, slot); });
    if (is_free && group.placement[slot].value == self) slots.push_back(slot);
  }
  return slots;
}

/// No shard has slots of the group: it is new, so nobody can own any.
bool is_new(const std::vector<Member>& members, const Group& group) {
  return std::ranges::all_of(members, [&](const Member& member) {
    return !member.ownership ||
           std::ranges::all_of(member.ownership->groups.at(group.name),
                               [](SlotState state) { return state == SlotState::absent; });
  });
}

/// Why slots that no shard of the map has may have an owner nevertheless; nullopt where they cannot.
std::optional<std::string> doubt_about_owners(const std::vector<Member>& members, const ShardMap& map) {
  for (const auto& member : members) {
    if (const auto beyond = shards_beyond(*member.transaction, map); !beyond.empty())
      return "the cluster has shard " + beyond.front() + " too, which the map does not name and may own them";
    for (const auto& row : member.transaction->exec("SELECT id, phase FROM shardplex.moves ORDER BY id")) {
      const auto phase = parse_phase(row[1].as<std::string>());
      if (!phase || !is_over(*phase))
        return "move " + row[0].as<std::string>() + " is unfinished (shardplex rebalance status)";
    }
  }
  return std::nullopt;
}

void give_slots(std::vector<Member>& members, std::size_t self, const Group& group,
                const std::optional<std::string>& doubt) {
  const auto slots = slots_to_start_with(members, self, group);
  if (slots.empty()) return;
  Member& member = members[self];
  const std::string what = std::to_string(slots.size()) + " slots of " + group.name;
  if (doubt && !is_new(members, group))
    throw CommandFailed(member.shard->name + ": it was to own " + what + ", but " + *doubt);
  std::string literal = "{";
  for (const auto slot : slots) literal.append(literal.size() > 1 ? "," : "").append(std::to_string(slot));
  literal += '}';
  member.transaction->exec_params(
      "SELECT shardplex.change_slots($1, $2::integer[], ARRAY[NULL::text], 'owned')", group.name, literal);
  member.done.push_back("owns " + what);
}

}  // namespace

void accept_new_timelines(std::vector<Member>& members, const ShardMap& map) {
  for (const auto& made : members) {
    if (made.state.initialised && made.state.ruling) continue;
    const auto& name = made.shard->name;
    KnownTimeline known;
    for (const auto& member : members) known = newest_noted(map.cluster(), name, member.state, known);
    if (made.state.initialised) {  // its own notes may not have what was ruled while it was away
      set_ruling(*made.transaction, known.ruling);
      continue;
    }
    const bool is_earlier = made.state.timeline < known.timeline;
    if (is_earlier) ++known.ruling;
    set_ruling(*made.transaction, known.ruling);  // or it would be one that was given up
    for (auto& member : members)
      if (is_earlier)
        member.transaction->exec_params(note_timeline_sql, name, known.ruling, made.state.timeline);
  }
}

void give_slots(std::vector<Member>& members, const ShardMap& map) {
  const auto doubt = doubt_about_owners(members, map);
  for (std::size_t i = 0; i < members.size(); ++i)
    for (const auto& group : map.groups()) give_slots(members, i, group, doubt);
}

void share_out_node_numbers(std::vector<Member>& members, const ShardMap& map) {
  constexpr std::int64_t margin_ms = 600'000;
  std::set<std::int32_t> taken;
  std::int64_t promised_until = row_id_ms(std::chrono::system_clock::now());
  bool new_cluster = true, knows_all = true;
  for (const auto& member : members) {
    auto& transaction = *member.transaction;
    new_cluster = new_cluster && !member.state.initialised;
    knows_all = knows_all && shards_beyond(transaction, map).empty();
    transaction.exec("LOCK TABLE shardplex.nodes IN EXCLUSIVE MODE");
    const auto row = transaction.exec1(
        "SELECT s.first_node, (SELECT max(reserved_until) FROM shardplex.nodes) FROM shardplex.shard s");
    // Two shards with the same: one of them was restored from the other's backup, or from one of its own.
    if (!row[0].is_null() && !taken.insert(row[0].as<std::int32_t>()).second)
      transaction.exec("UPDATE shardplex.shard SET first_node = NULL, last_node = NULL");
    if (!row[1].is_null()) promised_until = std::max(promised_until, row[1].as<std::int64_t>());
  }
  const auto after_ms = new_cluster ? std::nullopt : std::optional(promised_until + margin_ms);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!knows_all && (i > 0 || !taken.empty())) return;  // others may have what seems to be free
    std::int32_t nth = 0;
    while (node_numbers(nth) && taken.contains(node_numbers(nth)->first)) ++nth;
    const bool promised_them_before = i == 0 && taken.empty();
    if (!give_node_numbers(*members[i].transaction, nth, promised_them_before ? std::nullopt : after_ms))
      continue;
    taken.insert(node_numbers(nth)->first);
    if (members[i].state.initialised) members[i].done.push_back("has node numbers of its own for ids");
  }
}

}  // namespace shardplex::operations
