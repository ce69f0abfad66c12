#include "operations/audit/duplicates.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "operations/import/baseline.hpp"
#include "operations/move/journal.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/sequence_strides.hpp"
#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr std::size_t rows_at_once = 1000;

struct Shards {
  std::vector<PrimaryFound> primaries;
  std::vector<std::vector<LocalUnique>> uniques;
};

/// Foreign keys that an import has not brought are known of on some shard.
void note_lost_references(Shards& shards, const std::vector<DroppedReference>& references) {
  for (auto& of_shard : shards.uniques)
    for (auto& unique : of_shard)
      for (const auto& reference : references)
        if (unique.number_column && unique.table == reference.table &&
            std::ranges::find(reference.columns, *unique.number_column) != reference.columns.end())
          unique.lost_reference = reference.text;
}

void read_uniques(Shards& shards, const ShardMap& map) {
  shards.uniques.clear();
  std::vector<DroppedReference> references;
  for (const auto& primary : shards.primaries) {
    pqxx::read_transaction transaction(*primary.connection);
    shards.uniques.push_back(read_local_uniques(transaction, map));
    std::ranges::move(read_dropped_references(transaction), std::back_inserter(references));
  }
  note_lost_references(shards, references);
}

Shards look_at(const ShardMap& map, const DuplicatesRequest& request) {
  Shards shards{find_primaries(map), {}};
  read_uniques(shards, map);
  for (auto& uniques : shards.uniques)
    std::erase_if(uniques, [&](const LocalUnique& unique) {
      return !request.tables.empty() &&
             std::ranges::find(request.tables, unique.table) == request.tables.end();
    });
  return shards;
}

/// Held until the connections go: no mover takes rows from one shard to another meanwhile.
void lock_out_movers(const ShardMap& map, const Shards& shards) {
  for (std::size_t i = 0; i < shards.primaries.size(); ++i) {
    pqxx::nontransaction transaction(*shards.primaries[i].connection);
    const auto lock =
        transaction.exec1(std::string("SELECT pg_try_advisory_lock(") + mover_lock_arguments + ")");
    if (!lock[0].as<bool>())
      throw CommandFailed(map.shards()[i].name +
                          ": a mover or another command is at work on it; nothing was changed");
  }
}

/// Each constraint once, with the shards that have it.
std::vector<std::pair<LocalUnique, std::vector<std::size_t>>> constraints_of(const Shards& shards) {
  std::vector<std::pair<LocalUnique, std::vector<std::size_t>>> all;
  for (std::size_t i = 0; i < shards.uniques.size(); ++i)
    for (const auto& unique : shards.uniques[i]) {
      const auto known = std::ranges::find_if(all, [&](const auto& one) {
        return one.first.table == unique.table && one.first.name == unique.name &&
               one.first.shown == unique.shown;
      });
      if (known == all.end())
        all.emplace_back(unique, std::vector{i});
      else {
        known->second.push_back(i);
        known->first.is_referenced = known->first.is_referenced || unique.is_referenced;
      }
    }
  return all;
}

std::vector<DoubledValue> doubled_values(const Shards& shards, const LocalUnique& unique,
                                         const std::vector<std::size_t>& on,
                                         const std::function<void(std::size_t)>& read) {
  std::vector<SearchedRows> rows;
  for (const std::size_t shard : on) rows.push_back({shards.primaries[shard].connection.get(), std::nullopt});
  std::vector<DoubledValue> values;
  const auto found = [&](DoubledValue doubled) {
    for (auto& shard : doubled.shards) shard = on[shard];
    values.push_back(std::move(doubled));
  };
  find_doubled_values(unique, rows, found, read);
  return values;
}

/// The rows of these numbers on one shard get the next ones of its sequence.
std::uint64_t renumber_on(pqxx::connection& connection, const LocalUnique& unique,
                          const std::vector<std::string>& numbers) {
  const std::string column = quote_identifier(*unique.number_column);
  const std::string sql = "UPDATE " + quote_map_name(unique.table) + " SET " + column + " = nextval(" +
                          quote_literal(unique.sequence->name) + "::regclass) WHERE " + column +
                          " = ANY ($1::bigint[]) AND " + quote_identifier(slot_column) + " IN (" +
                          select_owned_slots(quote_literal(unique.group)) + ")" +
                          (unique.condition.empty() ? "" : " AND (" + unique.condition + ")");
  std::uint64_t changed = 0;
  for (std::size_t at = 0; at < numbers.size(); at += rows_at_once) {
    const std::span<const std::string> some =
        std::span(numbers).subspan(at, std::min(rows_at_once, numbers.size() - at));
    pqxx::work work(connection);
    changed += static_cast<std::uint64_t>(work.exec_params(sql, array_literal(some)).affected_rows());
    work.commit();
  }
  return changed;
}

/// Pairs of source and target, by position, of moves that can be reversed: the source follows the target.
using Windows = std::set<std::pair<std::size_t, std::size_t>>;

Windows open_windows(const ShardMap& map) {
  Windows windows;
  for (const auto& move : read_cluster_journal(map, false).moves) {
    const auto source = map.find_shard(move.source), target = map.find_shard(move.target);
    if (source && target) windows.emplace(source->value, target->value);
  }
  return windows;
}

/// The shard whose row keeps the number: the first that does not follow another of them. What follows has to
/// take the number over, so there it must become free.
std::size_t keeper(const DoubledValue& doubled, const Windows& windows) {
  for (const std::size_t shard : doubled.shards)
    if (std::ranges::none_of(doubled.shards, [&](std::size_t other) {
          return windows.contains({shard, other});
        }))
      return shard;
  return doubled.shards.front();
}

/// The constraint as the shard has it: its sequence may have another name there.
const LocalUnique& as_on(const Shards& shards, std::size_t shard, const LocalUnique& unique) {
  return *std::ranges::find_if(shards.uniques[shard], [&](const LocalUnique& one) {
    return one.table == unique.table && one.name == unique.name;
  });
}

/// Nulls that are equal have no number to be found by, and stay.
std::uint64_t renumber(const Shards& shards, const Windows& windows, const LocalUnique& unique,
                       const std::vector<DoubledValue>& values) {
  std::map<std::size_t, std::vector<std::string>> numbers;  // by shard
  for (const auto& doubled : values) {
    if (!doubled.values.front()) continue;
    for (const std::size_t shard : doubled.shards)
      if (shard != keeper(doubled, windows)) numbers[shard].push_back(*doubled.values.front());
  }
  std::uint64_t changed = 0;
  for (const auto& [shard, of_shard] : numbers)
    changed += renumber_on(*shards.primaries[shard].connection, as_on(shards, shard, unique), of_shard);
  return changed;
}

/// Each shard has a say: a foreign key may be on one of them only.
void check_request(const Shards& shards, const DuplicatesRequest& request) {
  std::vector<std::string> problems;
  for (const auto& name : request.renumber) {
    bool found = false;
    std::set<std::string> told;
    for (const auto& of_shard : shards.uniques)
      for (const auto& unique : of_shard) {
        if (unique.name != name) continue;
        found = true;
        const auto why = why_not_renumbered(unique);
        if (!why.empty() && told.insert(why).second)
          problems.push_back(to_string(unique) + " cannot be renumbered: " + why);
      }
    if (!found) problems.push_back(name + " is no unique constraint that holds within a shard only");
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

}  // namespace

bool DuplicatesReport::clean() const {
  return at_risk.empty() &&
         std::ranges::all_of(constraints, [](const Duplicates& one) { return one.values.empty(); });
}

std::string why_not_renumbered(const LocalUnique& unique) {
  if (!unique.number_column) return "it is not on one column of numbers";
  if (!unique.sequence) return "the column gets no values from a sequence";
  if (unique.sequence->increment < 1) return "the sequence counts down";
  if (unique.helps_to_place) return "the column decides where a row is stored";
  if (unique.is_referenced) return "a foreign key leads to it";
  if (!unique.lost_reference.empty())
    return "a foreign key led to it that the import did not bring, so who refers to a number is not known "
           "here (" +
           unique.lost_reference + ")";
  return "";
}

std::string repair_of(const LocalUnique& unique, const DoubledValue& doubled) {
  std::string condition;
  for (std::size_t i = 0; i < unique.columns.size(); ++i)
    condition += (i == 0 ? "" : " AND ") + unique.columns[i].text_sql +
                 (doubled.values[i] ? " = " + quote_literal(*doubled.values[i]) : " IS NULL");
  return "SELECT * FROM " + quote_map_name(unique.table) + " WHERE " + condition +
         ";  -- then UPDATE or DELETE the row of one shard";
}

DuplicatesReport examine_duplicates(const ShardMap& map, const DuplicatesRequest& request,
                                    const std::function<void(std::size_t)>& read) {
  Shards shards = look_at(map, request);
  const bool changes = request.separate || !request.renumber.empty();
  check_request(shards, request);
  DuplicatesReport report;
  if (changes) {
    lock_out_movers(map, shards);
    // New numbers must not be doubled again.
    report.separated = separate_sequences(shards.primaries, map, Separate::meeting);
    read_uniques(shards, map);
    check_request(shards, request);  // what was altered meanwhile
  }
  for (const auto& [unique, on] : constraints_of(shards)) {
    if (!request.tables.empty() && std::ranges::find(request.tables, unique.table) == request.tables.end())
      continue;
    Duplicates& found = report.constraints.emplace_back(Duplicates{unique, {}, 0});
    if (on.size() > 1) found.values = doubled_values(shards, unique, on, read);
    if (found.values.empty() || std::ranges::find(request.renumber, unique.name) == request.renumber.end())
      continue;
    found.renumbered = renumber(shards, open_windows(map), unique, found.values);
    found.values = doubled_values(shards, unique, on, read);
  }
  for (const auto& meeting : meeting_sequences(shards.uniques))
    report.at_risk.push_back({meeting.unique.sequence->name, to_string(meeting.unique),
                              map.shards()[meeting.one].name, map.shards()[meeting.other].name});
  return report;
}

}  // namespace shardplex::operations
