#include "operations/move/duplicates.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "operations/compare/doubled_values.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/progress.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/sequence_strides.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

using Findings = std::vector<CheckFinding>;

constexpr std::size_t most_shown = 5;  // values of a constraint

struct Side {
  std::string name;
  std::unique_ptr<pqxx::connection> connection;  ///< null: not read
  std::vector<LocalUnique> uniques;
};

Side look_at(const ShardMap& map, const Shard& shard) try {
  Side side{shard.name, find_primary(map, shard).connection, {}};
  pqxx::read_transaction transaction(*side.connection);
  side.uniques = read_local_uniques(transaction, map);
  return side;
} catch (const std::exception&) {
  return {shard.name, nullptr, {}};
}

bool has(const Side& side, const LocalUnique& unique) {
  return std::ranges::any_of(side.uniques, [&](const LocalUnique& own) {
    return own.table == unique.table && own.name == unique.name && own.shown == unique.shown;
  });
}

/// A side, and which of its rows; nullopt: all that it owns.
using Rows = std::pair<const Side*, std::optional<SlotSet>>;

struct Counted {
  std::uint64_t count = 0;
  std::string shown;

  void add(const DoubledValue& doubled) {
    if (count++ < most_shown) shown += (shown.empty() ? "" : ", ") + to_string(doubled);
  }
  std::string text() const { return shown + (count > most_shown ? ", …" : ""); }
};

/// What several shards have of one constraint, told for each two of them.
void compare(const LocalUnique& unique, const std::vector<Rows>& rows,
             const std::function<void(std::size_t)>& read, Findings& findings) {
  std::vector<SearchedRows> searched;
  for (const auto& [side, slots] : rows) searched.push_back({side->connection.get(), slots});
  std::map<std::pair<std::size_t, std::size_t>, Counted> found;
  const auto add = [&](const DoubledValue& doubled) {
    for (std::size_t i = 1; i < doubled.shards.size(); ++i)
      found[{doubled.shards[0], doubled.shards[i]}].add(doubled);
  };
  find_doubled_values(unique, searched, add, read);
  for (auto& [two, counted] : found) {
    findings.push_back({CheckFinding::Kind::problem, rows[two.second].first->name,
                        to_string(unique) + ": " + with_thousands(counted.count) +
                            (counted.count == 1 ? " value is" : " values are") + " also on " +
                            rows[two.first].first->name + " (" + counted.text() +
                            "), and such rows cannot be on one shard; shardplex cluster duplicates lists "
                            "them and tells what "
                            "to do"});
  }
}

void check_sequences(const std::vector<Side>& sides, Findings& findings) {
  std::vector<std::vector<LocalUnique>> by_shard;
  for (const auto& side : sides) by_shard.push_back(side.uniques);
  for (const auto& meeting : meeting_sequences(by_shard))
    findings.push_back({CheckFinding::Kind::problem, sides[meeting.other].name,
                        to_string(meeting.unique) + " gets values from sequence " +
                            meeting.unique.sequence->name + ", which come on " + sides[meeting.one].name +
                            " too: rows that meet after a move would be refused, and break its way back; "
                            "shardplex cluster duplicates --fix sets the sequences apart"});
}

/// By group and target: the sources, and the slots that come from each. They meet there.
std::map<std::pair<std::string, std::string>, std::map<const Side*, SlotSet>> arrivals(
    const ShardMap& map, const RebalancePlan& plan, const std::vector<Side>& sides) {
  std::map<std::pair<std::string, std::string>, std::map<const Side*, SlotSet>> all;
  for (const auto& move : plan.moves) {
    const auto id = map.find_shard(move.source);
    if (!id) continue;
    const auto [slots, added] = all[{move.group, move.target}].emplace(&sides[id->value], move.slots);
    if (!added) move.slots.for_each([&](Slot slot) { slots->second.insert(slot); });
  }
  return all;
}

}  // namespace

std::vector<CheckFinding> find_duplicates(const ShardMap& map, const RebalancePlan* plan,
                                          const Terminal& terminal) {
  Progress progress(terminal, std::nullopt, Progress::Clock::now());
  std::uint64_t rows_read = 0;
  const std::function<void(std::size_t)> read = [&](std::size_t more) {
    progress.show(rows_read += more, 0, Progress::Clock::now());
  };
  const auto sides =
      in_parallel(map.shards().size(), [&](std::size_t i) { return look_at(map, map.shards()[i]); });
  Findings findings;
  check_sequences(sides, findings);
  if (plan) {
    for (const auto& [where, arriving] : arrivals(map, *plan, sides)) {
      const auto& [group, target] = where;
      const auto id = map.find_shard(target);  // one that is added has no rows
      std::set<std::string> compared;
      for (const auto& [side, slots] : arriving)
        for (const auto& unique : side->uniques) {
          if (unique.group != group || !compared.insert(unique.name).second) continue;
          std::vector<Rows> rows;
          for (const auto& [source, moving] : arriving)
            if (has(*source, unique)) rows.emplace_back(source, moving);
          if (id && has(sides[id->value], unique)) rows.emplace_back(&sides[id->value], std::nullopt);
          if (rows.size() > 1) compare(unique, rows, read, findings);
        }
    }
    return findings;
  }
  std::set<std::pair<std::string, std::string>> compared;
  for (const auto& first : sides)
    for (const auto& unique : first.uniques) {
      if (!compared.emplace(unique.table, unique.name).second) continue;
      std::vector<Rows> rows;
      for (const auto& side : sides)
        if (has(side, unique)) rows.emplace_back(&side, std::nullopt);
      if (rows.size() > 1) compare(unique, rows, read, findings);
    }
  return findings;
}

std::string doubled_on_both(const ShardMap& map, const std::string& group, const SlotSet& slots,
                            const std::string& publisher, const std::string& subscriber) try {
  constexpr std::chrono::seconds patience{10};
  const auto from = connect(publisher), to = connect(subscriber);
  const auto uniques = [&] {
    pqxx::read_transaction transaction(*from);
    return read_local_uniques(transaction, map);
  }();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string text;
  for (const auto& unique : uniques) {
    if (unique.group != group) continue;
    Counted counted;
    find_doubled_values(
        unique, {{from.get(), slots, patience}, {to.get(), std::nullopt, patience}},
        [&](const DoubledValue& doubled) { counted.add(doubled); },
        [&](std::size_t) {
          if (std::chrono::steady_clock::now() > deadline) throw CommandFailed("it takes too long");
        });
    if (counted.count > 0)
      text += "; " + to_string(unique) + " has " + with_thousands(counted.count) +
              (counted.count == 1 ? " value" : " values") + " on both (" + counted.text() + ")";
  }
  return text;
} catch (const std::exception&) {
  return "";
}

}  // namespace shardplex::operations
