// The copy of an import: a snapshot of the source, in all shards.
#include <algorithm>
#include <chrono>

#include "operations/import/copy.hpp"
#include "operations/import/follow.hpp"
#include "operations/import/run.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/replication/copy_session.hpp"
#include "operations/replication/slot_copy.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/functions.hpp"

namespace shardplex::operations {
namespace {

/// For transactions of the source that are open when the replication slot is made.
constexpr std::chrono::seconds replication_slot_patience{60};

void begin_copy_on(CopySession& session, const std::string& token, const std::vector<ImportTable>& tables) {
  session.execute("BEGIN");
  session.execute(as_mover_sql, {token});
  session.execute("SET LOCAL session_replication_role = replica");
  session.execute("TRUNCATE " +
                  joined(tables, [](const ImportTable& table) { return qualified_name(table); }));
}

/// A session whose values are written and read as on the other side.
CopySession open_session(const std::string& conninfo) {
  CopySession session(conninfo);
  const PgResult set(PQexec(session.connection(), alike_session_settings));
  if (PQresultStatus(set.get()) != PGRES_COMMAND_OK) throw failure_of(session.connection(), set);
  return session;
}

}  // namespace

void ImportRunner::copy() {
  const auto before = steps();
  const bool copied = std::ranges::all_of(before, [](const std::string& step) { return step == "copied"; });
  if (!copied || !origin_->has_replication_slot()) {
    // First the shards forget what they have of an earlier try: its slot is about to go.
    for (auto& site : sites_)
      site->change([&](pqxx::work& transaction) {
        transaction.exec_params("UPDATE shardplex.imports SET step = 'made', applied = NULL WHERE id = $1",
                                entry_.id);
      });
    origin_->publish(tables_);
    crash_point("import_published");
    origin_->make_identities_full(tables_);
    origin_->drop_replication_slot();
    const ReplicationSlotSnapshot snapshot(origin_->conninfo(), origin_->object_name(),
                                           replication_slot_patience);
    crash_point("import_replication_slot_made");
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

}  // namespace shardplex::operations
