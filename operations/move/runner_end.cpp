// Steps that end a move: the rows of the copy that is not needed any more, and the records.
#include <chrono>
#include <thread>

#include "operations/move/facts.hpp"
#include "operations/move/runner.hpp"
#include "operations/process/crash_point.hpp"
#include "operations/shard/moved_table.hpp"

namespace shardplex::operations {
namespace {

constexpr std::int64_t blocks_at_once = 128;  // of a table, in one deleting transaction

}  // namespace

/// Block by block, so that each row is looked at once, and with a pause as long as each transaction was, so
/// that clients have the server for at least half of the time.
void MoveRunner::delete_rows(MoveSite& site) {
  require_replicas(&site == source_.get() ? *target_ : *source_);
  for (const auto& table : tables_) {
    const auto blocks = site.look([&](auto& transaction) {
      return transaction
          .exec_params1("SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint",
                        qualified_name(table))[0]
          .template as<std::int64_t>();
    });
    for (std::int64_t block = 0; block <= blocks; block += blocks_at_once) {
      const auto begun = Clock::now();
      const auto deleted = site.change([&](pqxx::work& transaction) {
        return transaction
            .exec_params("DELETE FROM " + qualified_name(table) +
                             " WHERE ctid >= format('(%s,0)', $1::bigint)::tid AND ctid < format('(%s,0)', "
                             "$2::bigint)::tid AND shardplex_slot = ANY ($3::integer[])",
                         block, block + blocks_at_once, array_literal(entry_.slots))
            .affected_rows();
      });
      report([&](MoveProgress& progress) { progress.deleted_rows += deleted; });
      crash_point("delete_rows:some");
      if (deleted > 0) std::this_thread::sleep_for(Clock::now() - begun);
      check();
    }
  }
  assurance_.rows_deleted = true;
}

void MoveRunner::erase() {
  for (auto* site : {target_.get(), source_.get()})
    site->change([&](pqxx::work& transaction) {
      transaction.exec_params("DELETE FROM shardplex.markers WHERE name IN ($1, $2)", entry_.forward(),
                              entry_.reverse());
      if (site == target_.get())
        transaction.exec_params("DELETE FROM shardplex.moves WHERE id = $1", entry_.id);
    });
}

void MoveRunner::close() {
  const Phase over = entry_.phase == Phase::finishing  ? Phase::finished
                     : entry_.phase == Phase::aborting ? Phase::aborted
                                                       : Phase::reversed;
  require_replicas(*target_);
  if (over == Phase::reversed) options_.owner_changed(entry_, entry_.source);
  source_->change([&](pqxx::work& transaction) { set_phase(transaction, entry_.id, over); });
}

}  // namespace shardplex::operations
