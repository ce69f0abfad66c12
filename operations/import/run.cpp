#include "operations/import/run.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <future>
#include <random>
#include <set>

#include "operations/import/check.hpp"
#include "operations/import/copy.hpp"
#include "operations/import/follow.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/replication/copy_session.hpp"
#include "operations/shard/directory.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/schema_dump.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto slot_patience = 60s;  // for transactions of the source that are open when the slot is made
constexpr auto longest_pause = 30s;  // of the source's writers; then they are let in again
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
  write_definitions(transaction, map);
  write_directory(transaction, map);
  write_import(transaction, entry);
  for (const auto& group : map.groups())
    if (const auto slots = placed_slots(group, shard); !slots.empty())
      transaction.exec_params("SELECT shardplex.receive_slots($1, $2::integer[])", group.name,
                              array_of(slots));
  transaction.commit();
}

ImportEntry new_entry(const ShardMap& map, const std::string& source) {
  const auto connection = connect(source);
  pqxx::read_transaction transaction(*connection);
  ImportEntry entry;
  entry.id = new_import_id();
  entry.source = without_password(source);
  entry.database = identity_of_database(transaction);
  entry.identities = identities_of(read_import_tables(transaction, map));
  return entry;
}

/// The statements that undo what is done to a table that was on the shard before.
std::vector<std::string> restoration_of(const TablePlacement& table) {
  const std::string name = "public." + quote_identifier(table.name);
  std::vector<std::string> statements{"TRUNCATE " + name};
  if (!table.reference)
    statements.push_back("ALTER TABLE " + name + " DROP COLUMN IF EXISTS " + quote_identifier(slot_column));
  return statements;
}

std::vector<std::string> read_made(pqxx::transaction_base& transaction, const std::string& id) {
  std::vector<std::string> made;
  for (const auto& row :
       transaction.exec_params("SELECT unnest(made) FROM shardplex.imports WHERE id = $1", id))
    made.push_back(row[0].as<std::string>());
  return made;
}

void begin_copy_on(CopySession& session, const std::string& token, const std::vector<ImportTable>& tables) {
  session.execute("BEGIN");
  session.execute(shardplex::as_mover_sql, {token});
  session.execute("SET LOCAL session_replication_role = replica");
  std::string list;
  for (const auto& table : tables) list.append(list.empty() ? "" : ", ").append(qualified_name(table));
  session.execute("TRUNCATE " + list);
}

/// A session whose values are written and read as on the other side.
CopySession open_session(const std::string& conninfo) {
  CopySession session(conninfo);
  const PgResult set(PQexec(session.connection(), alike_session_settings));
  if (PQresultStatus(set.get()) != PGRES_COMMAND_OK) throw failure_of(session.connection(), set);
  return session;
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

ImportRunner::ImportRunner(const ShardMap& map, const std::string& source, const ImportOptions& options,
                           ImportWatch watch)
    : map_(map), options_(options), watch_(std::move(watch)) {
  prepare_shards(source);
  mover_ = std::make_unique<Mover>(map_);
  for (const auto& shard : map_.shards()) sites_.push_back(std::make_unique<MoveSite>(map_, shard, *mover_));
  check_placement();
  origin_ = std::make_unique<ImportOrigin>(source.empty() ? entry_.source : source, entry_.id);
  pqxx::read_transaction transaction(origin_->connection());
  if (identity_of_database(transaction) != entry_.database)
    throw CommandFailed("the import that is under way is of another database, " + entry_.source);
}

ImportRunner::~ImportRunner() = default;

/// The first shard's row comes first, and tells the id to those who complete the others'.
void ImportRunner::prepare_shards(const std::string& source) {
  if (!find_import(map_)) prepare_shard(map_, 0, new_entry(map_, source));
  crash_point("import_begun");
  entry_ = find_import(map_).value();
  if (entry_.phase == ImportPhase::done) throw CommandFailed("the import is done; nothing is left to do");
  for (std::size_t i = 1; i < map_.shards().size(); ++i) prepare_shard(map_, i, entry_);
}

/// Rows are where the map placed their slots when the import began.
void ImportRunner::check_placement() {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < sites_.size(); ++i)
    sites_[i]->look([&](pqxx::transaction_base& transaction) {
      for (auto& problem : definition_problems(transaction, map_))
        problems.push_back(sites_[i]->name() + ": " + problem);
      const ShardOwnership account = read_ownership(transaction, map_, problems);
      for (const auto& group : map_.groups())
        for (std::size_t slot = 0; slot < group.slot_count; ++slot)
          if ((account.groups.at(group.name)[slot] != SlotState::absent) !=
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

void ImportRunner::make_tables() {
  const SchemaDump dump(origin_->conninfo());
  for (auto& site : sites_) {
    make_tables_on(*site, dump);
    crash_point("import_tables_made");
  }
  enter(ImportPhase::copy);
}

std::vector<SchemaObject> ImportRunner::schema_objects() {
  pqxx::read_transaction transaction(origin_->connection());
  return read_schema_objects(transaction, map_);
}

/// What the import makes is committed together with how to remove it.
void ImportRunner::make_tables_on(MoveSite& site, const SchemaDump& dump) {
  const auto objects = schema_objects();
  std::vector<std::string> removal;
  std::vector<SchemaObject> missing;
  const bool begun = site.look([&](pqxx::transaction_base& transaction) {
    if (!read_made(transaction, entry_.id).empty()) return true;
    missing = missing_objects(transaction, objects);
    removal = removal_of(missing);
    for (const auto& table : map_.tables())
      if (read_table(transaction, table.name))
        std::ranges::copy(restoration_of(table), std::back_inserter(removal));
    return false;
  });
  if (!begun)
    run_script(site.conninfo(), as_mover_sql() + dump.sql(SchemaDump::Section::tables, missing, objects) +
                                    uncounted_keys_sql(missing) + "UPDATE shardplex.imports SET made = " +
                                    quote_literal(array_of(removal)) +
                                    "::text[] WHERE id = " + quote_literal(entry_.id));
  site.change([&](pqxx::work& transaction) {
    for (const auto& table : map_.tables()) add_slot_column(transaction, table);
    transaction.exec_params("UPDATE shardplex.imports SET step = 'made' WHERE id = $1", entry_.id);
  });
}

std::string ImportRunner::as_mover_sql() const {
  return "SELECT shardplex.as_mover(" + quote_literal(mover_->token()) + ");\n";
}

/// Takes their sequences from the columns that decide the shard.
std::string ImportRunner::uncounted_keys_sql(const std::vector<SchemaObject>& made) {
  pqxx::read_transaction transaction(origin_->connection());
  std::string sql;
  for (const auto& column : read_import_source(transaction, map_).counted) {
    const auto oid =
        transaction.exec_params1("SELECT $1::regclass::oid", "public." + quote_identifier(column.table))[0];
    const bool makes = std::ranges::find(made, oid.as<std::uint32_t>(), &SchemaObject::oid) != made.end();
    if (!column.decides_shard || !makes) continue;
    const std::string alter = "ALTER TABLE public." + quote_identifier(column.table) + " ALTER COLUMN " +
                              quote_identifier(column.column);
    sql += alter + " DROP IDENTITY IF EXISTS;\n" + alter + " DROP DEFAULT;\n";
  }
  return sql;
}

/// What the source's tables have become since the shards' were made cannot be followed.
void ImportRunner::check_columns() {
  for (const auto& table : tables_) {
    std::set<std::string> on_source(table.columns.begin(), table.columns.end()), on_shard;
    on_source.insert(table.generated.begin(), table.generated.end());
    const auto found = sites_.front()->look(
        [&](pqxx::transaction_base& transaction) { return read_table(transaction, table.name); });
    if (found)
      for (const auto& column : found->columns) on_shard.insert(column.name);
    if (on_source != on_shard) throw CommandFailed(altered_table(table));
  }
}

// ---- The rows

void ImportRunner::copy() {
  const auto before = steps();
  const bool copied = std::ranges::all_of(before, [](const std::string& step) { return step == "copied"; });
  if (!copied || !origin_->has_slot()) {
    // First the shards forget what they have of an earlier try: its slot is about to go.
    for (auto& site : sites_)
      site->change([&](pqxx::work& transaction) {
        transaction.exec_params("UPDATE shardplex.imports SET step = 'made', applied = NULL WHERE id = $1",
                                entry_.id);
      });
    origin_->publish(tables_);
    crash_point("import_published");
    origin_->make_identities_full(tables_);
    origin_->drop_slot();
    const SlotSnapshot snapshot(origin_->conninfo(), origin_->object_name(), slot_patience);
    crash_point("import_slot_made");
    copy_snapshot(snapshot.snapshot());
  }
  enter(ImportPhase::index);
}

void ImportRunner::copy_snapshot(const std::string& snapshot) {
  CopySession source = open_session(origin_->conninfo());
  source.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  source.execute("SET TRANSACTION SNAPSHOT " + quote_literal(snapshot));
  std::vector<CopySession> shards;
  for (const auto& site : sites_) {
    shards.push_back(open_session(site->conninfo()));
    begin_copy_on(shards.back(), mover_->token(), tables_);
  }
  RateLimit rate(options_.bytes_per_second);
  for (const auto& table : tables_) {
    copy_rows(source, shards, table, rate, [&](std::uint64_t rows, std::uint64_t bytes) {
      advance_.rows_copied += rows;
      advance_.bytes_copied += bytes;
      advanced();
    });
    crash_point("import_copying");
  }
  for (auto& shard : shards) {
    shard.execute("UPDATE shardplex.imports SET step = 'copied' WHERE id = $1", {entry_.id});
    shard.execute("COMMIT");
    crash_point("import_copied");
  }
}

void ImportRunner::make_indexes() {
  const SchemaDump dump(origin_->conninfo());
  const auto objects = schema_objects();
  const auto before = steps();
  const auto problems = in_parallel(sites_.size(), [&](std::size_t i) -> std::string {
    try {
      if (before[i] != "indexed") make_indexes_on(*sites_[i], dump, objects);
      crash_point("import_indexed");
      return {};
    } catch (const std::exception& error) {
      return sites_[i]->name() + ": " + reason_of(error);
    }
  });
  for (const auto& problem : problems)
    if (!problem.empty()) throw CommandFailed(problem);
  enter(ImportPhase::follow);
}

void ImportRunner::make_indexes_on(MoveSite& site, const SchemaDump& dump,
                                   const std::vector<SchemaObject>& objects) {
  const auto removal =
      site.look([&](pqxx::transaction_base& transaction) { return read_made(transaction, entry_.id); });
  std::vector<SchemaObject> made;
  std::ranges::copy_if(objects, std::back_inserter(made), [&](const SchemaObject& object) {
    return std::ranges::count(removal, removal_of({object}).front()) > 0;
  });
  std::string script = as_mover_sql() + dump.sql(SchemaDump::Section::indexes, made, objects);
  for (const auto& table : tables_) script += "ANALYZE " + qualified_name(table) + ";\n";
  run_script(site.conninfo(),
             script + "UPDATE shardplex.imports SET step = 'indexed' WHERE id = " + quote_literal(entry_.id));
}

void ImportRunner::open_follower() {
  if (!origin_->has_slot())
    throw CommandFailed("the source has lost replication slot " + origin_->object_name() +
                        ", and with it changes since the copy; abort the import and begin again");
  origin_->free_slot();
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

// ---- The cutover

void ImportRunner::cut_over(ImportReport& report) {
  enter(ImportPhase::fence);
  crash_point("import_fencing");
  try {
    const Lsn end = raise_fence();
    const auto fenced_at = Clock::now();
    crash_point("import_fenced");
    follower_->catch_up(end, fenced_at + longest_pause);
    follower_->compare_rest();
    crash_point("import_drained");
    set_sequences();
    decide();
    report.write_pause = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - fenced_at);
  } catch (const std::exception&) {
    // The commit that decides may have been made though its answer was lost. Until that is found out, the
    // fence stays.
    sites_.front()->find_again();
    if (phase() == ImportPhase::own) {
      entry_.phase = advance_.phase = ImportPhase::own;
      return;
    }
    origin_->lower_fence();
    enter(ImportPhase::follow);
    throw;
  }
}

/// Follows while it waits for the source's locks, so that little is left to do when it has them.
Lsn ImportRunner::raise_fence() {
  ImportOrigin fence(origin_->conninfo(), entry_.id);
  auto raised = std::async(std::launch::async, [&] { return fence.raise_fence(tables_); });
  while (raised.wait_for(0s) != std::future_status::ready) follower_->follow_for(10ms);
  return raised.get();
}

/// The point of no return: one commit on the first shard.
void ImportRunner::decide() {
  sites_.front()->change([&](pqxx::work& transaction) {
    own_slots_on(transaction);
    write_phase(transaction, entry_.id, ImportPhase::own);
  });
  crash_point("import_decided");
  entry_.phase = advance_.phase = ImportPhase::own;
}

/// Sequences go on where the source's stand. Each shard counts for itself from there.
void ImportRunner::set_sequences() {
  const auto positions = origin_->sequences(tables_);
  for (auto& site : sites_)
    site->change([&](pqxx::work& transaction) {
      for (const auto& position : positions)
        transaction.exec_params("SELECT setval(to_regclass($1), $2, $3) WHERE to_regclass($1) IS NOT NULL",
                                position.name, position.last_value, position.is_called);
    });
}

void ImportRunner::own_slots() {
  for (auto& site : sites_) {
    site->change([&](pqxx::work& transaction) { own_slots_on(transaction); });
    crash_point("import_owned");
  }
}

void ImportRunner::own_slots_on(pqxx::transaction_base& transaction) {
  transaction.exec(own_incoming_slots_sql);
}

void ImportRunner::finish() {
  follower_.reset();
  remove_from_source();
  enter(ImportPhase::done);
}

void ImportRunner::remove_from_source() {
  origin_->drop_slot();
  crash_point("import_slot_dropped");
  origin_->unpublish();
  origin_->restore_identities(entry_.identities);
}

// ---- The way back

void ImportRunner::abort() {
  if (entry_.phase == ImportPhase::own)
    throw CommandFailed(
        "the cutover is decided: the shards own the data, and writes to them would be lost; import run "
        "finishes it");
  enter(ImportPhase::abort);
  crash_point("import_aborting");
  origin_->lower_fence();
  remove_from_source();
  // The first shard's row is the last to go: without it nobody would know that there is something to remove.
  for (std::size_t i = sites_.size(); i-- > 0;) {
    sites_[i]->change([&](pqxx::work& transaction) {
      for (const auto& statement : read_made(transaction, entry_.id)) transaction.exec(statement);
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
