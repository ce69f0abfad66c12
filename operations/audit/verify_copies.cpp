// Rows that have to be the same on two servers: those of reference tables on all shards, and those that the
// source of a move keeps until the move is finished, so that it can be reversed.
#include <algorithm>
#include <chrono>
#include <thread>

#include "operations/audit/verify_scope.hpp"
#include "operations/compare/row_comparison.hpp"
#include "operations/move/objects.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/moved_table.hpp"

namespace shardplex::operations {
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

void verify_references(const VerifyScope& scope, const Connections& connections) {
  const auto& shards = scope.map.shards();
  std::vector<MovedTable> tables = [&] {
    pqxx::nontransaction transaction(*connections.front());
    return read_reference_tables(transaction, scope.map);
  }();
  std::erase_if(tables, [&](const MovedTable& table) {
    return std::ranges::find(scope.tables, table.name, &TablePlacement::name) == scope.tables.end();
  });
  std::erase_if(tables, [&](const MovedTable& table) {
    if (!table.primary_key.empty()) return false;
    scope.findings.note("table " + table.name +
                        " has no primary key, so its copies were not compared with each other");
    return true;
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

/// The copy of one move, as the source of the move keeps it.
class MoveCopy {
 public:
  MoveCopy(const VerifyScope& scope, const Connections& connections, const MoveEntry& move)
      : scope_(scope), connections_(connections), move_(move) {}

  void verify();

 private:
  void compare(ShardId owner, ShardId copy, const SlotSet& slots);
  void wait_until_applied(pqxx::connection& owner, pqxx::connection& copy) const;
  bool is_reversible() const;

  const VerifyScope& scope_;
  const Connections& connections_;
  const MoveEntry& move_;
};

bool MoveCopy::is_reversible() const {
  const auto moves = unfinished_moves(scope_, connections_);
  const auto found = std::ranges::find(moves, move_.id, &MoveEntry::id);
  return found != moves.end() && found->phase == Phase::reversible;
}

/// Returns when the source of the move has applied all that its target, which owns the slots now, had
/// committed.
void MoveCopy::wait_until_applied(pqxx::connection& owner, pqxx::connection& copy) const {
  const std::int64_t marker = [&] {
    pqxx::work work(owner);
    const auto raised = raise_marker(work, move_.reverse());
    work.commit();
    return raised;
  }();
  const auto until = std::chrono::steady_clock::now() + longest_wait;
  const auto has_arrived = [&] {
    pqxx::nontransaction transaction(copy);
    return read_marker(transaction, move_.reverse()) >= marker;
  };
  while (!has_arrived()) {
    if (!is_reversible()) throw CopyNotFollowed("it has ended");
    if (std::chrono::steady_clock::now() > until)
      throw CopyNotFollowed("its replication back to " + move_.source + " has not got on for a minute");
    std::this_thread::sleep_for(poll_interval);
  }
}

void MoveCopy::compare(ShardId owner, ShardId copy, const SlotSet& slots) {
  const GroupId group = *scope_.map.find_group(move_.group);
  pqxx::connection &at_owner = *connections_[owner.value], &at_copy = *connections_[copy.value];
  std::vector<MovedTable> tables = [&] {
    pqxx::nontransaction transaction(at_owner);
    return read_moved_tables(transaction, scope_.map, scope_.map.group(group));
  }();
  std::erase_if(tables, [&](const MovedTable& table) {
    return std::ranges::find(scope_.tables, table.name, &TablePlacement::name) == scope_.tables.end();
  });
  RowComparison comparison(scope_.primaries[owner.value], scope_.primaries[copy.value], tables, slots,
                           options_of(scope_, [&] { wait_until_applied(at_owner, at_copy); }));
  const ComparedRows compared = comparison.compare();
  // Rows that went because the move was finished are not missing.
  if (is_reversible())
    add_differences(scope_, Check::copies, compared, tables, move_.target, move_.source,
                    " in the copy of move " + move_.id);
}

void MoveCopy::verify() try {
  SlotSet slots = move_.slots;
  slots &= scope_.slots[scope_.map.find_group(move_.group)->value];
  const auto copy = scope_.map.find_shard(move_.source), owner = scope_.map.find_shard(move_.target);
  if (!slots.empty() && owner && copy) compare(*owner, *copy, slots);
} catch (const CopyNotFollowed& problem) {
  if (is_reversible())
    scope_.findings.add({Check::copies, move_.source, "move " + move_.id + ": " + problem.what(), ""});
  else
    scope_.findings.note("move " + move_.id + " was being ended; its copy was not compared");
}

}  // namespace

void verify_copies(const VerifyScope& scope, const Connections& shards) {
  verify_references(scope, shards);
  for (const auto& move : unfinished_moves(scope, shards))
    if (move.phase == Phase::reversible) MoveCopy(scope, shards, move).verify();
}

}  // namespace shardplex::operations
