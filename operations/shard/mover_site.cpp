#include "operations/shard/mover_site.hpp"

#include "operations/shard/primary.hpp"

namespace shardplex::operations {

MoveSite::MoveSite(const ShardMap& map, const Shard& shard, Mover& mover)
    : map_(map), shard_(shard), mover_(mover) {
  auto found = find_primary(map_, shard_);
  followers_ = found.followers;
  use(std::move(found.connection), std::move(found.conninfo));
}

void MoveSite::find_again() {
  auto found = find_primary(map_, shard_);
  followers_ = found.followers;
  // A connection that still works to the same server is kept, and the mover's lock with it.
  bool lost = found.conninfo != conninfo_;
  try {
    if (!lost) pqxx::nontransaction(*connection_).exec("SELECT 1");
  } catch (const pqxx::failure&) {
    lost = true;
  }
  if (!lost) return;
  mover_.renew(shard_, found.conninfo);
  use(std::move(found.connection), std::move(found.conninfo));
}

void MoveSite::use(std::unique_ptr<pqxx::connection> connection, std::string conninfo) {
  connection_ = std::move(connection);
  conninfo_ = std::move(conninfo);
  // What is set for a role or a database must not end a move's statements half way.
  pqxx::nontransaction(*connection_)
      .exec(
          "SET statement_timeout = 0; SET lock_timeout = 0; "
          // Clients wait for what a transaction of the mover has locked, so one that hangs must not keep it.
          "SET idle_in_transaction_session_timeout = '10s'; "
          "SET session_replication_role = replica; SET client_min_messages = error; "
          // What the mover has decided must be on disk when it decides the next thing.
          "SET synchronous_commit = on");
}

void MoveSite::assert_mover() {
  change([](pqxx::work&) {});
}

}  // namespace shardplex::operations
