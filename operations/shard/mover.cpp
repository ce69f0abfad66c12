#include "operations/shard/mover.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

std::string new_token() {
  std::random_device random;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x%08x%08x", random(), random(), random(), random());
  return text.data();
}

const std::string lock_sql = std::string("SELECT pg_try_advisory_lock(") + mover_lock_arguments + ")";

// Who holds the lock, and for how long it has said nothing.
const std::string holders_sql = std::string(R"sql(
SELECT a.pid, coalesce(extract(epoch FROM clock_timestamp() - a.state_change), 0)::float8
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND (l.classid, l.objid) = ()sql") +
                                mover_lock_arguments + R"sql() AND l.objsubid = 2
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))sql";

// Transactions that have begun with as_mover() hold a lock on the row of the token until they end.
constexpr const char* end_transactions_sql = R"sql(
SELECT pg_terminate_backend(l.pid)
  FROM pg_locks l
 WHERE l.locktype = 'relation' AND l.granted AND l.relation = 'shardplex.mover'::regclass AND l.pid <> pg_backend_pid()
   AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))sql";

std::string seconds_text(double seconds) {
  return std::to_string(std::lround(seconds)) + " s";
}

/// Ends the sessions of a mover that has said nothing for long, on this shard. What it does when it goes on
/// is refused: its token is another's.
void end_silent_mover(pqxx::transaction_base& transaction, const std::string& shard) {
  for (const auto& row : transaction.exec(holders_sql)) {
    const auto silent = row[1].as<double>();
    if (silent < static_cast<double>(mover_silence.count()))
      throw MoverReplaced("the mover at work on shard " + shard + " was heard of " + seconds_text(silent) +
                          " ago, so it is not taken over; end it by SIGTERM, or have it hang for " +
                          seconds_text(static_cast<double>(mover_silence.count())));
    transaction.exec_params("SELECT pg_terminate_backend($1)", row[0].as<int>());
  }
  transaction.exec(end_transactions_sql);
}

void require_this_version(pqxx::transaction_base& transaction, const std::string& shard) {
  const auto found = transaction.exec1("SELECT to_regclass('shardplex.routers') IS NOT NULL");
  if (!found[0].as<bool>())
    throw CommandFailed(shard +
                        ": its schema shardplex is of an older version; run shardplex cluster init again, "
                        "it keeps all there is");
}

}  // namespace

Mover::Mover(const ShardMap& map, OtherMover other) : token_(new_token()) {
  std::vector<std::string> unreachable;
  for (const auto& shard : map.shards()) {
    std::unique_ptr<pqxx::connection> session;
    try {
      session = find_primary(map, shard).connection;
    } catch (const CommandFailed& failure) {
      unreachable.insert(unreachable.end(), failure.problems.begin(), failure.problems.end());
      continue;
    }
    take(shard, std::move(session), Wait::hardly, other);
  }
  if (sessions_.empty()) throw CommandFailed(std::move(unreachable));
}

std::string Mover::holder() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + ", process " + std::to_string(getpid());
}

void Mover::renew(const Shard& shard, const std::string& conninfo) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(shard.name);
  take(shard, connect(conninfo), Wait::briefly, OtherMover::stays);
}

void Mover::take(const Shard& shard, std::unique_ptr<pqxx::connection> connection, Wait wait,
                 OtherMover other) {
  {
    pqxx::nontransaction transaction(*connection);
    require_this_version(transaction, shard.name);
    // The session is idle by design; and the lock of a mover whose machine is gone has to come free.
    transaction.exec(
        "SET idle_session_timeout = 0; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
        "SET tcp_keepalives_count = 3");
    // The server may not have noticed yet that an earlier session, of ours or of a mover that died, is gone.
    bool taken = false;
    for (int attempt = 0; !taken && attempt < (wait == Wait::hardly ? 5 : 20); ++attempt) {
      if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
      taken = transaction.exec1(lock_sql)[0].as<bool>();
      if (!taken && other == OtherMover::is_replaced) end_silent_mover(transaction, shard.name);
    }
    if (!taken) {
      const auto row =
          transaction.exec1("SELECT holder, date_trunc('second', since)::text FROM shardplex.mover");
      throw MoverReplaced("slots are being moved already, by " + row[0].as<std::string>() + ", since " +
                          row[1].as<std::string>() + " (says shard " + shard.name + ")");
    }
    if (other == OtherMover::is_replaced) transaction.exec(end_transactions_sql);
    transaction.exec_params("UPDATE shardplex.mover SET token = $1, holder = $2, since = now()", token_,
                            holder());
  }
  sessions_[shard.name] = std::make_unique<MoverSession>(std::move(connection));
}

}  // namespace shardplex::operations
