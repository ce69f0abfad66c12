// The reversal of an import: back to the source, with all that was written to the shards.
#include <chrono>
#include <thread>

#include "operations/import/compare.hpp"
#include "operations/import/follow.hpp"
#include "operations/import/run.hpp"
#include "operations/import/way_back.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto tick = 50ms;
constexpr auto longest_pause = 30s;  // of the shards' writers
constexpr int most_rounds = 10;      // of looking at rows that differ while they change
constexpr std::size_t most_named = 10;

}  // namespace

void ImportRunner::require_way_back() {
  std::vector<std::string> problems;
  if (!origin_->has_fence())
    problems.emplace_back(
        "the source: its schema shardplex_import has been dropped, so it takes writes beside the shards");
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    const auto way = way_back_of(*sites_[i]);
    if (!way) continue;  // a shard that was added later owns nothing
    sites_[i]->look([&](pqxx::transaction_base& transaction) {
      for (const auto& problem : problems_of_published(transaction, way->name, tables_back(tables_, i == 0)))
        problems.push_back(sites_[i]->name() + ": " + problem);
    });
    pqxx::nontransaction transaction(origin_->connection());
    for (const auto& problem : problems_of_subscribed(transaction, way->name))
      problems.push_back("the source: " + problem);
  }
  if (problems.empty()) return;
  problems.emplace_back(
      "the way back is broken, and a reversal would lose what was written since the cutover");
  throw CommandFailed(std::move(problems));
}

/// Until the source has on its disk what was committed on the shards before the call.
void ImportRunner::await_source(Clock::time_point deadline) {
  for (auto& site : sites_) {
    const auto way = way_back_of(*site);
    if (!way) continue;
    const Lsn wanted = position_of(*site);
    for (;;) {
      const WayBackState state = site->look(
          [&](pqxx::transaction_base& transaction) { return read_way_back_state(transaction, way->name); });
      if (state.confirmed >= wanted) break;
      advance_.lag_bytes = state.lag_bytes;
      watch_(advance_);
      if (Clock::now() >= deadline)
        throw CommandFailed(site->name() +
                            ": the source does not catch up: " + std::to_string(state.lag_bytes) +
                            " bytes are not applied there, and its log says why; 'import status' tells more");
      std::this_thread::sleep_for(tick);
    }
  }
}

/// Rows that differ, of those that are given.
std::set<TouchedRow> ImportRunner::differing(ImportComparison& comparison, const std::set<TouchedRow>& rows,
                                             std::vector<std::string>* told) {
  const auto on_source = comparison.look_at_source(rows);
  const auto on_shards = comparison.look_at_shards(rows);
  std::set<TouchedRow> differ;
  for (const auto& row : rows)
    if (const auto difference = comparison.difference(row, on_source, on_shards)) {
      differ.insert(row);
      if (told != nullptr && told->size() < most_named) told->push_back(*difference);
    }
  return differ;
}

/// To the source that takes writes again. Returns how long writes waited.
std::chrono::milliseconds ImportRunner::reverse_once() {
  std::vector<std::string> shards;
  for (const auto& site : sites_) shards.push_back(site->conninfo());
  require_way_back();
  for (auto& site : sites_) await_replicas(*site, Replicas::all, Clock::now() + patience());
  await_source(Clock::now() + patience());
  ImportComparison comparison(origin_->conninfo(), shards, tables_);
  auto open = comparison.find_suspects([&](std::uint64_t rows) {
    advance_.rows_compared += rows;
    watch_(advance_);
  });
  for (int round = 0; !open.empty() && round < most_rounds; ++round) {
    await_source(Clock::now() + patience());
    open = differing(comparison, open, nullptr);
  }
  is_under_way_ = true;
  enter(ImportPhase::reversing);
  crash_point("import_reversing");
  fence_reference_tables();
  const auto fenced_at = Clock::now();
  fence_shards();
  crash_point("import_shards_fenced");
  await_source(fenced_at + longest_pause);
  std::vector<std::string> told;
  if (!differing(comparison, open, &told).empty()) {
    told.emplace_back("the source is not what the shards are; the reversal is refused");
    throw CommandFailed(std::move(told));
  }
  bring_sequences_back();
  hand_back(fenced_at + longest_pause);
  // The shards can send nothing more, and the source has what they sent.
  open_source(fenced_at + longest_pause);
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - fenced_at);
}

void ImportRunner::take_back_remains() {
  if (entry_.phase == ImportPhase::reversing || (entry_.phase == ImportPhase::reversible && has_remains()))
    take_back();
  require_all_reached();
}

ImportReport ImportRunner::reverse() {
  return noting_problems([&] {
    ImportReport report;
    report.id = entry_.id;
    take_back_remains();
    if (entry_.phase != ImportPhase::reversible && entry_.phase != ImportPhase::returning)
      throw CommandFailed("there is no way back: the import is " + std::string(to_string(entry_.phase)));
    read_tables();
    if (entry_.phase == ImportPhase::reversible) try {
        report.write_pause = reverse_once();
      } catch (const std::exception&) {
        // Before the source may have been opened, nothing is decided.
        if (is_under_way_) take_back();
        throw;
      }
    close_way_back();
    enter(ImportPhase::returned);
    report.advance = advance_;
    return report;
  });
}

}  // namespace shardplex::operations
