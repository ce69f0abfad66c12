#include "operations/import/run.hpp"

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <random>
#include <span>

#include "operations/import/baseline.hpp"
#include "operations/import/follow.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/directory.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/schema_dump.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto journal_interval = 1s;

std::string new_import_id() {
  std::random_device random;
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x", random());
  return text.data();
}

std::string array_of(const std::vector<std::string>& texts) {
  return shardplex::array_literal(std::span<const std::string>(texts));
}

/// The slots that the map places on the shard.
std::vector<std::string> placed_slots(const Group& group, std::size_t shard) {
  std::vector<std::string> slots;
  for (std::size_t slot = 0; slot < group.slot_count; ++slot)
    if (group.placement[slot].value == shard) slots.push_back(std::to_string(slot));
  return slots;
}

/// One shard becomes a shard whose slots are all incoming, and gets its row in the journal.
void prepare_shard(const ShardMap& map, std::size_t shard, const ImportEntry& entry) {
  const auto found = find_primary(map, map.shards()[shard], Uninitialised::allowed);
  pqxx::work transaction(*found.connection);
  const auto lock = std::string("SELECT pg_try_advisory_xact_lock(") + mover_lock_arguments + ")";
  if (read_import(transaction)) return;
  if (!transaction.exec1(lock)[0].as<bool>())
    throw CommandFailed(map.shards()[shard].name + ": another command is at work on it");
  write_identity(transaction, map, map.shards()[shard]);
  give_node_numbers(transaction, static_cast<std::int32_t>(shard), std::nullopt);
  write_definitions(transaction, map);
  write_directory(transaction, map);
  write_import(transaction, entry);
  for (const auto& group : map.groups())
    if (const auto slots = placed_slots(group, shard); !slots.empty())
      transaction.exec_params("SELECT shardplex.receive_slots($1, $2::integer[])", group.name,
                              array_of(slots));
  transaction.commit();
}

ImportEntry new_entry(const ShardMap& map, const std::string& source, bool way_back) {
  const auto connection = connect(source);
  pqxx::read_transaction transaction(*connection);
  ImportEntry entry;
  entry.id = new_import_id();
  entry.source = without_password(source);
  entry.database = identity_of_database(transaction);
  entry.identities = identities_of(read_import_tables(transaction, map));
  entry.way_back = way_back;
  entry.baseline = to_json(read_baseline(transaction, map));
  return entry;
}

}  // namespace

boost::json::object to_json(const ImportAdvance& advance) {
  return {{"rows_copied", advance.rows_copied},     {"bytes_copied", advance.bytes_copied},
          {"rows_expected", advance.rows_expected}, {"changes_applied", advance.changes_applied},
          {"rows_compared", advance.rows_compared}, {"lag_bytes", advance.lag_bytes}};
}

std::optional<ImportEntry> find_import(const ShardMap& map) {
  const auto found = find_primary(map, map.shards().front(), Uninitialised::allowed);
  pqxx::read_transaction transaction(*found.connection);
  return read_import(transaction);
}

ImportEntry existing_import(const ShardMap& map) {
  if (auto entry = find_import(map)) return *std::move(entry);
  throw CommandFailed("there is no import into this cluster");
}

ImportRunner::ImportRunner(const ShardMap& map, const std::string& source, const ImportOptions& options,
                           ImportWatch watch)
    : map_(map), options_(options), watch_(std::move(watch)) {
  prepare_shards(source);
  if (!options_.source_is_gone && entry_.phase == ImportPhase::returning) {
    // The source owns the data again: no shard that is dead keeps it closed.
    connect_source(source);
    origin_->lower_fence();
  }
  mover_ = std::make_unique<Mover>(map_);
  for (const auto& shard : map_.shards()) sites_.push_back(std::make_unique<MoveSite>(map_, shard, *mover_));
  check_placement();
  if (!options_.source_is_gone && !origin_) connect_source(source);
}

ImportRunner::~ImportRunner() = default;

void ImportRunner::connect_source(const std::string& source) {
  origin_ = std::make_unique<ImportOrigin>(source.empty() ? entry_.source : source, entry_.id);
  pqxx::read_transaction transaction(origin_->connection());
  if (identity_of_database(transaction) != entry_.database)
    throw CommandFailed("the import that is under way is of another database, " + entry_.source);
}

/// The first shard's row comes first, and tells the id to those who complete the others'.
void ImportRunner::prepare_shards(const std::string& source) {
  if (!find_import(map_)) prepare_shard(map_, 0, new_entry(map_, source, options_.way_back));
  crash_point("import_begun");
  entry_ = find_import(map_).value();
  if (entry_.phase == ImportPhase::done) throw CommandFailed("the import is done; nothing is left to do");
  // Later there may be shards that have no part in it.
  if (entry_.phase != ImportPhase::prepare && entry_.phase != ImportPhase::abort) return;
  for (std::size_t i = 1; i < map_.shards().size(); ++i) prepare_shard(map_, i, entry_);
}

/// Rows are where the map placed their slots when the import began.
void ImportRunner::check_placement() {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < sites_.size(); ++i)
    sites_[i]->look([&](pqxx::transaction_base& transaction) {
      for (auto& problem : definition_problems(transaction, map_))
        problems.push_back(sites_[i]->name() + ": " + problem);
      const ShardOwnership ownership = read_ownership(transaction, map_, problems);
      for (const auto& group : map_.groups())
        for (std::size_t slot = 0; slot < group.slot_count; ++slot)
          if ((ownership.groups.at(group.name)[slot] != SlotState::absent) !=
              (group.placement[slot].value == i)) {
            problems.push_back(sites_[i]->name() + ": the map places slots of " + group.name +
                               " elsewhere than when the import began; use that map, or abort the import");
            break;
          }
    });
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

ImportPhase ImportRunner::phase() {
  return sites_.front()->look(
      [](pqxx::transaction_base& transaction) { return read_import(transaction).value().phase; });
}

void ImportRunner::enter(ImportPhase phase) {
  sites_.front()->change([&](pqxx::work& transaction) { write_phase(transaction, entry_.id, phase); });
  entry_.phase = phase;
  advance_.phase = phase;
  watch_(advance_);
}

ImportReport ImportRunner::run() try {
  if (entry_.phase == ImportPhase::abort)
    throw CommandFailed("the import is being aborted; run import abort again");
  if (entry_.phase == ImportPhase::returned)
    throw CommandFailed("the import was reversed; import abort removes what it has left on the shards");
  if (entry_.phase > ImportPhase::own)
    throw CommandFailed("the import is cut over and " + std::string(to_string(entry_.phase)) +
                        ": import finish ends that, import reverse goes back to the source");
  read_tables();
  ImportReport report;
  report.id = entry_.id;
  advance_.phase = entry_.phase;
  watch_(advance_);
  go_on(report);
  note_progress();
  report.advance = advance_;
  return report;
} catch (const CommandFailed& failure) {
  note_problem(failure.problems.front());
  throw;
} catch (const std::exception& error) {
  note_problem(reason_of(error));
  throw;
}

void ImportRunner::read_tables() {
  pqxx::read_transaction transaction(origin_->connection());
  tables_ = read_import_tables(transaction, map_);
  for (const auto& table : tables_) advance_.rows_expected += table.estimated_rows;
}

void ImportRunner::go_on(ImportReport& report) {
  if (entry_.phase == ImportPhase::prepare) make_tables();
  check_columns();
  if (entry_.phase == ImportPhase::copy) copy();
  if (entry_.phase == ImportPhase::index) make_indexes();
  if (entry_.phase == ImportPhase::fence) {
    // Died under the fence: writers have waited long enough.
    origin_->lower_fence();
    enter(ImportPhase::follow);
  }
  if (entry_.phase == ImportPhase::follow) {
    if (!options_.rehearse) check_since_beginning();
    if (entry_.way_back && !options_.rehearse) prepare_way_back();
    follow();
    if (options_.rehearse) return;
    cut_over(report);
  }
  if (entry_.phase == ImportPhase::own) {
    own_slots();
    finish();
  }
}

std::vector<std::string> ImportRunner::steps() {
  std::vector<std::string> steps;
  for (const auto& site : sites_)
    steps.push_back(site->look([&](pqxx::transaction_base& transaction) {
      return transaction.exec_params1("SELECT step FROM shardplex.imports WHERE id = $1", entry_.id)[0]
          .as<std::string>();
    }));
  return steps;
}

void ImportRunner::open_follower() {
  if (!origin_->has_replication_slot())
    throw CommandFailed("the source has lost replication slot " + origin_->object_name() +
                        ", and with it changes since the copy; abort the import and begin again");
  origin_->free_replication_slot();
  std::vector<std::string> shards;
  for (const auto& site : sites_) shards.push_back(site->conninfo());
  follower_ = std::make_unique<ImportFollower>(*origin_, shards, entry_.id, mover_->token(), tables_, [this] {
    advance_.changes_applied = follower_->changes();
    advance_.rows_compared = follower_->rows_compared();
    advanced();
  });
}

void ImportRunner::follow() {
  open_follower();
  follower_->catch_up_within(options_.max_lag);
  crash_point("import_caught_up");
  follower_->compare();
  follower_->catch_up_within(options_.max_lag);
}

// ---- The way back

void ImportRunner::abort() {
  if (entry_.phase == ImportPhase::own)
    throw CommandFailed(
        "the cutover is decided: the shards own the data, and writes to them would be lost; import run "
        "finishes it");
  if (entry_.phase > ImportPhase::own && entry_.phase < ImportPhase::abort &&
      entry_.phase != ImportPhase::returned)
    throw CommandFailed(
        "the shards own the data, and writes to them would be lost; import reverse gives it back to the "
        "source first");
  enter(ImportPhase::abort);
  crash_point("import_aborting");
  origin_->lower_fence();
  close_way_back();
  remove_from_source();
  // The first shard's row is the last to go: without it nobody would know that there is something to remove.
  for (std::size_t i = sites_.size(); i-- > 0;) {
    sites_[i]->change([&](pqxx::work& transaction) {
      for (const auto& statement : read_made(transaction, entry_.id)) transaction.exec(statement);
      transaction.exec("DROP SCHEMA IF EXISTS shardplex_import CASCADE");
      transaction.exec("DROP SCHEMA shardplex CASCADE");
    });
    crash_point("import_removed");
  }
}

// ---- What people see

void ImportRunner::advanced() {
  watch_(advance_);
  if (Clock::now() - noted_at_ >= journal_interval) note_progress();
}

void ImportRunner::note_progress() {
  noted_at_ = Clock::now();
  if (follower_) {
    const Lsn end = origin_->written();
    advance_.lag_bytes = end > follower_->position() ? end.value - follower_->position().value : 0;
  }
  const std::string json = boost::json::serialize(to_json(advance_));
  sites_.front()->change([&](pqxx::work& transaction) {
    transaction.exec_params(
        "UPDATE shardplex.imports SET progress = $2::jsonb, changed_at = now() WHERE id = $1", entry_.id,
        json);
  });
}

/// What went wrong may keep it from being written down; it is told anyway.
void ImportRunner::note_problem(const std::string& problem) try {
  sites_.front()->change([&](pqxx::work& transaction) {
    transaction.exec_params("UPDATE shardplex.imports SET problem = $2, changed_at = now() WHERE id = $1",
                            entry_.id, problem);
  });
} catch (const std::exception&) {
}

}  // namespace shardplex::operations
