#include "operations/import/follow.hpp"

#include <algorithm>
#include <future>

#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto tick = 100ms;
constexpr std::size_t batch_changes = 2000;  // of the source's transactions that share one on the shards
constexpr auto batch_time = 200ms;
constexpr std::size_t most_watched = 1'000'000;    // changed rows kept in mind to be compared again
constexpr int least_rounds = 3, most_rounds = 20;  // of looking at rows again
constexpr int strikes_enough = 3;       // rounds in which a row differed while the source left it alone
constexpr std::size_t most_named = 10;  // rows in a message

}  // namespace

ImportFollower::ImportFollower(ImportOrigin& origin, const std::vector<std::string>& shards,
                               const std::string& import_id, const std::string& token,
                               const std::vector<ImportTable>& tables, std::function<void()> advanced)
    : origin_(origin),
      advanced_(std::move(advanced)),
      shards_(connect_all(shards, import_id, token)),
      applier_(tables, shards_, origin.connection()),
      stream_(origin.conninfo(), origin.object_name(), origin.object_name()),
      comparison_(origin.conninfo(), shards, tables) {}

std::vector<ShardApplier> ImportFollower::connect_all(const std::vector<std::string>& shards,
                                                      const std::string& import_id,
                                                      const std::string& token) {
  std::vector<ShardApplier> appliers;
  for (const auto& shard : shards) appliers.emplace_back(shard, import_id, token);
  return appliers;
}

/// Applies one message and commits when it is time to; false where none came.
bool ImportFollower::step(std::chrono::milliseconds patience) {
  const auto message = stream_.next(patience);
  if (message) applier_.apply(*message);
  const auto now = Clock::now();
  const bool due = !message || applier_.uncommitted() >= batch_changes || now - committed_at_ >= batch_time;
  if (due && !applier_.in_transaction()) commit();
  if (now - told_at_ >= tick) {
    told_at_ = now;
    advanced_();
  }
  return message.has_value();
}

void ImportFollower::commit() {
  applier_.commit();
  stream_.confirm(stream_.position());
  committed_at_ = Clock::now();
}

void ImportFollower::catch_up(Lsn until, Clock::time_point deadline) {
  constexpr auto short_wait = 5ms;
  while (stream_.position() < until || applier_.in_transaction()) {
    if (!step(short_wait)) stream_.ask_position();
    if (Clock::now() > deadline) throw CommandFailed("the shards do not catch up with the source in time");
  }
  commit();
}

void ImportFollower::catch_up_within(std::chrono::duration<double> most) {
  for (;;) {
    const auto start = Clock::now();
    catch_up(origin_.position());
    if (Clock::now() - start <= most) return;
  }
}

void ImportFollower::follow_for(std::chrono::milliseconds time) {
  const auto until = Clock::now() + time;
  while (Clock::now() < until) step(std::min<std::chrono::milliseconds>(time, tick));
}

std::set<TouchedRow> ImportFollower::find_suspects() {
  auto found = std::async(std::launch::async, [this] {
    return comparison_.find_suspects([this](std::uint64_t rows) { rows_compared_ += rows; });
  });
  while (found.wait_for(0s) != std::future_status::ready) step(10ms);
  return found.get();
}

/// Adds the rows that have changed since they were last asked for; false where they were too many.
bool ImportFollower::take_changed(std::set<TouchedRow>& rows) {
  const bool known = applier_.touched().has_value();
  if (known) rows.insert(applier_.touched()->begin(), applier_.touched()->end());
  applier_.watch_rows(most_watched);
  return known;
}

std::uint64_t ImportFollower::compare() {
  rows_compared_ = 0;
  applier_.watch_rows(most_watched);
  open_ = find_suspects();
  all_open_ = false;
  std::map<TouchedRow, int> strikes;
  for (int round = 1; round <= most_rounds; ++round) {
    if (!take_changed(open_)) all_open_ = true;
    look_again(open_, strikes);
    std::set<TouchedRow> different;
    for (const auto& [row, count] : strikes)
      if (count >= strikes_enough) different.insert(row);
    if (!different.empty()) refuse(different);
    if (round >= least_rounds && strikes.empty()) break;
  }
  return rows_compared_;
}

/// Leaves of `rows` those that are not the same on both sides. A row that the source left alone, before and
/// after it was applied and looked at, gets a strike.
void ImportFollower::look_again(std::set<TouchedRow>& rows, std::map<TouchedRow, int>& strikes) {
  const auto before = comparison_.look_at_source(rows);
  catch_up(origin_.position());
  const auto shards = comparison_.look_at_shards(rows);
  const auto after = comparison_.look_at_source(rows);
  std::erase_if(rows, [&](const TouchedRow& row) { return !comparison_.difference(row, after, shards); });
  std::map<TouchedRow, int> still;
  for (const auto& row : rows) {
    const auto was = before.find(row), is = after.find(row);
    const bool same =
        (was == before.end()) == (is == after.end()) && (was == before.end() || was->second == is->second);
    if (same) still[row] = strikes[row] + 1;
  }
  strikes = std::move(still);
}

void ImportFollower::compare_rest() {
  std::set<TouchedRow> rows = std::move(open_);
  if (!take_changed(rows) || all_open_) rows.merge(find_suspects());
  std::map<TouchedRow, int> strikes;
  look_again(rows, strikes);
  if (!rows.empty()) refuse(rows);
}

void ImportFollower::refuse(const std::set<TouchedRow>& rows) {
  const auto source = comparison_.look_at_source(rows);
  const auto shards = comparison_.look_at_shards(rows);
  std::vector<std::string> problems;
  for (const auto& row : rows) {
    if (problems.size() == most_named) break;
    problems.push_back(
        comparison_.difference(row, source, shards).value_or("a row changed while it was compared"));
  }
  problems.push_back("the shards do not hold what the source holds: " + std::to_string(rows.size()) +
                     (rows.size() == 1 ? " row differs" : " rows differ") +
                     "; the cutover is refused. Set the shards right, or abort the import and begin again");
  throw CommandFailed(std::move(problems));
}

}  // namespace shardplex::operations
