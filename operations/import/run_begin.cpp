// The beginning of every run: an import is begun or taken up, and its shards and its source are reached.
#include <array>
#include <cstdio>
#include <random>
#include <span>

#include "operations/import/baseline.hpp"
#include "operations/import/follow.hpp"
#include "operations/import/run.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/directory.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

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

void require_primary(pqxx::transaction_base& source) {
  if (source.exec1("SELECT pg_is_in_recovery()")[0].as<bool>())
    throw CommandFailed("the source is a replica; an import needs the primary, to which --from has to lead");
}

ImportEntry new_entry(const ShardMap& map, const std::string& source, bool way_back) {
  const auto connection = connect(source);
  pqxx::read_transaction transaction(*connection);
  require_primary(transaction);
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
  mover_ = std::make_unique<Mover>(map_);
  reach_shards();
  entry_.phase = phase();  // from here on nobody else changes it
  if (!options_.source_is_gone) reach_source(source);
  // The source owns the data again: no other shard that is dead keeps it closed.
  if (origin_ && entry_.phase == ImportPhase::returning) {
    complete_take_back();
    if (entry_.phase == ImportPhase::returning) open_source(Clock::now() + patience());
  }
  check_placement();
}

ImportRunner::~ImportRunner() = default;

/// A reversal that died is taken back, or completed, on the shards that are there; without the others nothing
/// begins.
void ImportRunner::reach_shards() {
  for (const auto& shard : map_.shards()) try {
      sites_.push_back(std::make_unique<MoveSite>(map_, shard, *mover_));
    } catch (const CommandFailed& failure) {
      if (sites_.empty() || !is_within_reversal()) throw;
      not_reached_.insert(not_reached_.end(), failure.problems.begin(), failure.problems.end());
    }
}

void ImportRunner::reach_source(const std::string& source) try {
  connect_source(source);
} catch (const pqxx::broken_connection& error) {
  if (entry_.phase != ImportPhase::reversing) throw;
  origin_.reset();
  not_reached_.push_back("the source: " + reason_of(error));
}

void ImportRunner::require_all_reached() {
  if (!not_reached_.empty()) throw CommandFailed(not_reached_);
}

void ImportRunner::connect_source(const std::string& source) {
  origin_ = std::make_unique<ImportOrigin>(source.empty() ? entry_.source : source, entry_.id);
  pqxx::read_transaction transaction(origin_->connection());
  if (identity_of_database(transaction) != entry_.database)
    throw CommandFailed("the import that is under way is of another database, " + entry_.source);
  require_primary(transaction);
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
  for (const auto& site : sites_)
    site->look([&](pqxx::transaction_base& transaction) {
      for (auto& problem : definition_problems(transaction, map_))
        problems.push_back(site->name() + ": " + problem);
      const ShardOwnership ownership = read_ownership(transaction, map_, problems);
      const ShardId shard = map_.find_shard(site->name()).value();
      for (const auto& group : map_.groups())
        for (std::size_t slot = 0; slot < group.slot_count; ++slot)
          if ((ownership.groups.at(group.name)[slot] != SlotState::absent) !=
              (group.placement[slot] == shard)) {
            problems.push_back(site->name() + ": the map places slots of " + group.name +
                               " elsewhere than when the import began; use that map, or abort the import");
            break;
          }
    });
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

}  // namespace shardplex::operations
