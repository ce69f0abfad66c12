#include "operations/import/run.hpp"

#include <boost/json.hpp>
#include <chrono>

#include "operations/import/follow.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto journal_interval = 1s;

}  // namespace

boost::json::object to_json(const ImportAdvance& advance) {
  return {{"rows_copied", advance.rows_copied},     {"bytes_copied", advance.bytes_copied},
          {"rows_expected", advance.rows_expected}, {"changes_applied", advance.changes_applied},
          {"rows_compared", advance.rows_compared}, {"lag_bytes", advance.lag_bytes}};
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

ImportReport ImportRunner::run() {
  return noting_problems([&] {
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
  });
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
    require_undecided();
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

std::vector<std::string> ImportRunner::owners() {
  std::vector<std::string> owners;
  for (const auto& site : sites_)
    if (site->look([](pqxx::transaction_base& transaction) {
          return transaction.exec1(owns_slots_sql)[0].as<bool>();
        }))
      owners.push_back(site->name());
  return owners;
}

/// Before the cutover no shard owns slots. Where one does, the first shard has been replaced by a server that
/// lacks the decision, and clients have written to the shards since.
void ImportRunner::require_undecided() {
  if (const auto names = owners(); !names.empty())
    throw CommandFailed(
        "the first shard knows of no cutover, and yet " + joined(names) +
        " owns slots: a server took over as the first shard that had not received the decision. The source "
        "stays closed, and nothing is removed; bring back the server that was the first shard's primary");
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
  if (entry_.phase < ImportPhase::own) require_undecided();
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

ImportReport ImportRunner::noting_problems(const std::function<ImportReport()>& work) try {
  return work();
} catch (const CommandFailed& failure) {
  note_problem(failure.problems.front());
  throw;
} catch (const std::exception& error) {
  note_problem(reason_of(error));
  throw;
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
