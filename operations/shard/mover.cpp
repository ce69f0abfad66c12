#include "operations/shard/mover.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

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

}  // namespace

Mover::Mover(const ShardMap& map) : token_(new_token()) {
  std::vector<std::string> unreachable;
  for (const auto& shard : map.shards()) {
    std::unique_ptr<pqxx::connection> session;
    try {
      session = find_primary(map, shard).connection;
    } catch (const CommandFailed& failure) {
      unreachable.insert(unreachable.end(), failure.problems.begin(), failure.problems.end());
      continue;
    }
    take(shard, std::move(session), Wait::hardly);
  }
  if (sessions_.empty()) throw CommandFailed(std::move(unreachable));
}

Mover::~Mover() {
  // Said, and not left to the end of the connections, which servers notice a little later.
  for (auto& [shard, session] : sessions_) try {
      pqxx::nontransaction(*session).exec(std::string("SELECT pg_advisory_unlock(") + mover_lock_arguments +
                                          ")");
    } catch (const std::exception&) {
      // Lost with its connection.
    }
}

std::string Mover::holder() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + ", process " + std::to_string(getpid());
}

void Mover::renew(const Shard& shard, const std::string& conninfo) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(shard.name);
  take(shard, connect(conninfo), Wait::briefly);
}

void Mover::take(const Shard& shard, std::unique_ptr<pqxx::connection> session, Wait wait) {
  pqxx::nontransaction transaction(*session);
  // The session is idle by design; and the lock of a mover whose machine is gone has to come free.
  transaction.exec(
      "SET idle_session_timeout = 0; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
      "SET tcp_keepalives_count = 3");
  // The server may not have noticed yet that an earlier session, of ours or of a mover that died, is gone.
  bool taken = false;
  for (int attempt = 0; !taken && attempt < (wait == Wait::hardly ? 5 : 20); ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    taken = transaction.exec1(lock_sql)[0].as<bool>();
  }
  if (!taken) {
    const auto row =
        transaction.exec1("SELECT holder, date_trunc('second', since)::text FROM shardplex.mover");
    throw MoverReplaced("slots are being moved already, by " + row[0].as<std::string>() + ", since " +
                        row[1].as<std::string>() + " (says shard " + shard.name + ")");
  }
  transaction.exec_params("UPDATE shardplex.mover SET token = $1, holder = $2, since = now()", token_,
                          holder());
  sessions_[shard.name] = std::move(session);
}

}  // namespace shardplex::operations
