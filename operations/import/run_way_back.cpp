// The way back of an import: made before the cutover, opened after it, and closed when the import is
// finished.
#include <chrono>
#include <thread>

#include "operations/import/follow.hpp"
#include "operations/import/run.hpp"
#include "operations/import/way_back.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/process/failure.hpp"
#include "operations/replication/subscription.hpp"
#include "operations/shard/lock_retries.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

constexpr auto tick = 50ms;
constexpr auto slot_patience = 60s;  // for a reader of a replication slot to go away

}  // namespace

/// Before the cutover, so that nothing has to be made while writers wait.
void ImportRunner::prepare_way_back() {
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    const auto tables = tables_back(tables_, i == 0);
    if (tables.empty()) continue;
    const std::string name = origin_->object_name() + "_" + std::to_string(i);
    sites_[i]->change([&](pqxx::work& transaction) { publish_back(transaction, entry_.id, name, tables); });
    crash_point("import_way_back_published");
    sites_[i]->look(
        [&](pqxx::nontransaction& transaction) { make_replication_slot_back(transaction, name); });
    crash_point("import_way_back_made");
  }
}

/// Everything that was committed on the shard before the call is before it.
Lsn ImportRunner::position_of(MoveSite& site) {
  site.change([](pqxx::work& transaction) {
    transaction.exec("SET LOCAL synchronous_commit = on");
    transaction.exec("SELECT pg_logical_emit_message(true, 'shardplex', '')");
  });
  return site.look([](pqxx::transaction_base& transaction) {
    return parse_lsn(transaction.exec1("SELECT pg_current_wal_flush_lsn()::text")[0].as<std::string>())
        .value();
  });
}

/// What the shards have up to here came from the source, and nobody else has written to them yet.
void ImportRunner::note_way_back() {
  for (auto& site : sites_) {
    const Lsn from = position_of(*site);
    site->change([&](pqxx::work& transaction) { note_way_back_from(transaction, entry_.id, from); });
  }
}

std::optional<WayBack> ImportRunner::way_back_of(MoveSite& site) {
  return site.look(
      [&](pqxx::transaction_base& transaction) { return read_way_back(transaction, entry_.id); });
}

void ImportRunner::open_way_back() {
  // Rows are found by their primary keys.
  for (const auto& table : tables_)
    if (table.identity == 'i')
      origin_->with_locks([&](pqxx::work& transaction) { set_identity(transaction, table.name, "d"); });
  for (auto& site : sites_) {
    const auto way = way_back_of(*site);
    if (!way || !way->from) continue;
    pqxx::work transaction(origin_->connection());
    subscribe(transaction, way->name, site->conninfo(), way->from);
    transaction.commit();
    crash_point("import_subscribed");
  }
  enter(ImportPhase::reversible);
}

/// Removes it from everywhere. Where the source is gone for good its part is gone too.
void ImportRunner::close_way_back() {
  std::vector<std::string> names;
  for (auto& site : sites_) {
    const auto way = way_back_of(*site);
    names.push_back(way ? way->name : "");
    if (!way || !origin_) continue;
    pqxx::work transaction(origin_->connection());
    unsubscribe(transaction, way->name);
    transaction.commit();
    crash_point("import_unsubscribed");
  }
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    if (names[i].empty()) continue;
    const auto deadline = Clock::now() + slot_patience;
    while (!sites_[i]->look(
        [&](pqxx::transaction_base& transaction) { return drop_replication_slot(transaction, names[i]); })) {
      if (Clock::now() >= deadline)
        throw CommandFailed(sites_[i]->name() + ": replication slot " + names[i] + " stays in use");
      std::this_thread::sleep_for(tick);
    }
    with_lock_retries(sites_[i]->name(), [&](auto begin) {
      sites_[i]->change([&](pqxx::work& transaction) {
        begin(transaction);
        unpublish_back(transaction, entry_.id, names[i], entry_.identities);
      });
    });
    crash_point("import_unpublished");
  }
  if (origin_) origin_->restore_identities(entry_.identities);
}

void ImportRunner::finish_import() {
  if (entry_.phase == ImportPhase::own)
    throw CommandFailed("the cutover is not complete; import run completes it");
  take_back_remains();
  if (entry_.phase != ImportPhase::reversible && entry_.phase != ImportPhase::finishing)
    throw CommandFailed("there is no way back to be closed: the import is " +
                        std::string(to_string(entry_.phase)));
  enter(ImportPhase::finishing);
  crash_point("import_finishing");
  close_way_back();
  enter(ImportPhase::done);
}

}  // namespace shardplex::operations
