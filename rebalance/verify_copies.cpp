// Rows that have to be the same on two servers: those of reference tables on all shards, and those that the
// source of a move keeps until the move is finished, so that it can be reversed.
#include <algorithm>
#include <chrono>
#include <thread>

#include "rebalance/command_line.hpp"
#include "rebalance/move_objects.hpp"
#include "rebalance/moved_table.hpp"
#include "rebalance/row_comparison.hpp"
#include "rebalance/server.hpp"
#include "rebalance/verify_scope.hpp"

namespace shardplex::rebalance {
namespace {

constexpr std::chrono::milliseconds time_of_a_write{500};  // within which it has reached all shards
constexpr std::chrono::seconds longest_wait{60};
constexpr std::chrono::milliseconds poll_interval{5};

/// The replication that keeps a move's old copy fresh does not get on, or the move has ended.
struct CopyNotFollowed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

RowComparison::Options options_of(const VerifyScope& scope, std::function<void()> wait_until_applied) {
  return {scope.jobs, std::move(wait_until_applied),
          [&scope](std::uint64_t rows) { scope.watch.rows += rows; }};
}

/// Adds what a comparison has found; `target` is the shard that would be repaired.
void add_differences(const VerifyScope& scope, Check check, const ComparedRows& compared,
                     const std::vector<MovedTable>& tables, const std::string& source,
                     const std::string& target, const std::string& what) {
  for (const auto& difference : compared.differences) {
    const auto table = std::ranges::find(tables, difference.table, &MovedTable::name);
    scope.findings.add({check, target, to_string(difference, *table, target) + what,
                        "-- Compare this row with that of " + source + ", and write the right one to both."});
  }
  const std::uint64_t more = compared.difference_count - compared.differences.size();
  if (more > 0)
    scope.findings.add(
        {check, target, target + ": " + with_thousands(more) + " more rows differ from " + source + what, ""},
        more);
  if (!compared.undecided.empty())
    scope.findings.note(target + ": " + with_thousands(compared.undecided.size()) + " rows" + what +
                        " changed too fast to be compared with " + source);
}

void verify_references(const VerifyScope& scope) {
  const auto& shards = scope.map.shards();
  std::vector<MovedTable> tables = [&] {
    const auto connection = connect(scope.primaries.front());
    pqxx::nontransaction transaction(*connection);
    return read_reference_tables(transaction, scope.map);
  }();
  std::erase_if(tables, [&](const MovedTable& table) {
    return std::ranges::find(scope.tables, table.name, &TablePlacement::name) == scope.tables.end();
  });
  if (tables.empty()) return;
  // A write to all shards takes its time to commit on each; a row that has settled stays as it is.
  const auto wait = [] { std::this_thread::sleep_for(time_of_a_write); };
  for (std::size_t i = 1; i < shards.size(); ++i) {
    RowComparison comparison(scope.primaries.front(), scope.primaries[i], tables, SlotSet::all(1),
                             options_of(scope, wait));
    add_differences(scope, Check::references, comparison.compare(), tables, shards.front().name,
                    shards[i].name, " (as " + shards.front().name + " has it)");
  }
}

/// The state of a move in the journals; nullopt where it is over.
std::optional<Phase> phase_of(const ShardMap& map, const std::string& id) {
  const auto moves = unfinished_moves(map);
  const auto found = std::ranges::find(moves, id, &MoveEntry::id);
  return found == moves.end() ? std::nullopt : std::optional(found->phase);
}

/// Returns when the source has applied all that the target, which owns the slots now, had committed.
void wait_for_copy(const VerifyScope& scope, const MoveEntry& move, pqxx::connection& owner,
                   pqxx::connection& copy) {
  const std::int64_t marker = [&] {
    pqxx::work work(owner);
    const auto raised = raise_marker(work, move.reverse());
    work.commit();
    return raised;
  }();
  const auto until = std::chrono::steady_clock::now() + longest_wait;
  pqxx::nontransaction transaction(copy);
  while (read_marker(transaction, move.reverse()) < marker) {
    if (phase_of(scope.map, move.id) != Phase::reversible) throw CopyNotFollowed("it has ended");
    if (std::chrono::steady_clock::now() > until)
      throw CopyNotFollowed("its replication back to " + move.source + " has not got on for a minute");
    std::this_thread::sleep_for(poll_interval);
  }
}

void verify_move(const VerifyScope& scope, const MoveEntry& move) try {
  const Group& group = scope.map.group(*scope.map.find_group(move.group));
  SlotSet slots = move.slots;
  slots &= scope.slots[scope.map.find_group(move.group)->value];
  const auto source = scope.map.find_shard(move.source), target = scope.map.find_shard(move.target);
  if (slots.empty() || !source || !target) return;
  const std::string& owner_address = scope.primaries[target->value];
  const std::string& copy_address = scope.primaries[source->value];
  const auto owner = connect(owner_address), copy = connect(copy_address);
  std::vector<MovedTable> tables = [&] {
    pqxx::nontransaction transaction(*owner);
    return read_moved_tables(transaction, scope.map, group);
  }();
  std::erase_if(tables, [&](const MovedTable& table) {
    return std::ranges::find(scope.tables, table.name, &TablePlacement::name) == scope.tables.end();
  });
  RowComparison comparison(owner_address, copy_address, tables, slots,
                           options_of(scope, [&] { wait_for_copy(scope, move, *owner, *copy); }));
  const ComparedRows compared = comparison.compare();
  // Rows that went because the move was finished are not missing.
  if (phase_of(scope.map, move.id) == Phase::reversible)
    add_differences(scope, Check::copies, compared, tables, move.target, move.source,
                    " in the copy of move " + move.id);
} catch (const CopyNotFollowed& problem) {
  if (phase_of(scope.map, move.id) == Phase::reversible)
    scope.findings.add({Check::copies, move.source, "move " + move.id + ": " + problem.what(), ""});
  else
    scope.findings.note("move " + move.id + " was being ended; its copy was not compared");
}

}  // namespace

void verify_copies(const VerifyScope& scope) {
  verify_references(scope);
  for (const auto& move : unfinished_moves(scope.map))
    if (move.phase == Phase::reversible) verify_move(scope, move);
}

}  // namespace shardplex::rebalance
