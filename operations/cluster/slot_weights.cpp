#include "operations/cluster/slot_weights.hpp"

#include <optional>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/ownership.hpp"

namespace shardplex::operations {
namespace {

using Problems = std::vector<std::string>;

constexpr std::string_view what_to_do =
    "; a move is unfinished (shardplex rebalance status tells which: resume or abort it first)";

SlotWeights no_weights(const ShardMap& map) {
  SlotWeights weights;
  for (const Group& group : map.groups()) weights.emplace_back(group.slot_count);
  return weights;
}

/// One shard's answers, or why there are none.
struct ShardAnswer {
  Problems problems;
  std::optional<ShardOwnership> report;
  SlotWeights rows, bytes;
};

void add_table(pqxx::transaction_base& transaction, const TablePlacement& table, ShardAnswer& answer) {
  auto& rows = answer.rows[table.group->value];
  auto& bytes = answer.bytes[table.group->value];
  const auto counts =
      transaction.exec("SELECT shardplex_slot, count(*), coalesce(sum(pg_column_size(t.*)), 0) FROM " +
                       quote_map_name(table.name) + " AS t GROUP BY shardplex_slot");
  for (const auto& row : counts) {
    const auto slot = row[0].as<std::int64_t>();
    if (slot < 0 || slot >= static_cast<std::int64_t>(rows.size())) continue;  // `verify` tells of these
    rows[static_cast<std::size_t>(slot)] += row[1].as<std::uint64_t>();
    bytes[static_cast<std::size_t>(slot)] += row[2].as<std::uint64_t>();
  }
}

ShardAnswer ask(const ShardMap& map, const Shard& shard) try {
  ShardAnswer answer{{}, {}, no_weights(map), no_weights(map)};
  const PrimaryFound primary = find_primary(map, shard);
  pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(*primary.connection);
  Problems problems = definition_problems(transaction, map);
  answer.report = read_ownership(transaction, map, problems);
  for (const auto& problem : problems) answer.problems.push_back(shard.name + ": " + problem);
  if (!problems.empty()) return answer;
  for (const TablePlacement& table : map.tables())
    if (table.group) add_table(transaction, table, answer);
  return answer;
} catch (const CommandFailed& failure) {
  return {failure.problems, {}, {}, {}};
} catch (const std::exception& error) {
  return {{shard.name + ": " + reason_of(error)}, {}, {}, {}};
}

/// Slots of which a move has not come to its end: a plan made now would be about owners of a moment.
void find_unfinished(const Group& group, const Shard& shard, const ShardOwnership& report,
                     Problems& problems) {
  for (const auto& [state, verb] :
       {std::pair{SlotState::incoming, "on the way to "}, std::pair{SlotState::fenced, "fenced on "}}) {
    SlotSet slots = SlotSet::none(group.slot_count);
    const auto& states = report.groups.at(group.name);
    for (std::uint32_t slot = 0; slot < group.slot_count; ++slot)
      if (states[slot] == state) slots.insert(Slot{slot});
    if (slots.empty()) continue;
    problems.push_back(group.name + ": " + name_slots(slots) + (slots.size() == 1 ? " is " : " are ") + verb +
                       shard.name + std::string(what_to_do));
  }
}

/// Throws where a slot is not simply owned by one shard.
void check_ownership(const ShardMap& map, const Ownership& ownership,
                     const std::vector<std::optional<ShardOwnership>>& reports) {
  Problems problems;
  for (const Group& group : map.groups())
    for (std::size_t i = 0; i < reports.size(); ++i)
      find_unfinished(group, map.shards()[i], *reports[i], problems);
  const bool unfinished = !problems.empty();
  for (const auto& fault : ownership.faults(map))
    problems.push_back(unfinished ? fault
                                  : fault + "; see shardplex rebalance status and shardplex cluster status");
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

}  // namespace

SlotSurvey survey_slots(const ShardMap& map) {
  auto answers = in_parallel(map.shards().size(), [&](std::size_t i) { return ask(map, map.shards()[i]); });
  Problems problems;
  std::vector<std::optional<ShardOwnership>> reports;
  for (auto& answer : answers) {
    problems.insert(problems.end(), answer.problems.begin(), answer.problems.end());
    reports.push_back(std::move(answer.report));
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  const Ownership ownership(map, reports);
  check_ownership(map, ownership, reports);

  SlotSurvey survey;
  for (std::uint16_t g = 0; g < map.groups().size(); ++g) {
    auto& owners = survey.owners.emplace_back();
    auto& rows = survey.rows.emplace_back();
    auto& bytes = survey.bytes.emplace_back();
    for (std::uint32_t slot = 0; slot < map.groups()[g].slot_count; ++slot) {
      const ShardId owner = ownership.owner(GroupId{g}, Slot{slot}).shard;
      owners.push_back(owner);
      rows.push_back(answers[owner.value].rows[g][slot]);
      bytes.push_back(answers[owner.value].bytes[g][slot]);
    }
  }
  return survey;
}

}  // namespace shardplex::operations
