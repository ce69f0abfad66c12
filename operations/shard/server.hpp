// One PostgreSQL server, over libpqxx: how to reach it, who it is and what it owns.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_schema/catalogue_rows.hpp"
#include "shard_schema/environment.hpp"
#include "shard_schema/server_status.hpp"
#include "shard_schema/session_settings.hpp"

namespace shardplex::operations {

/// "host:port/dbname" of a libpq connection string, with libpq's defaults where it is silent; for people.
std::string address_of(const std::string& conninfo);

/// The connection string without its password, for output.
std::string without_password(const std::string& conninfo);

/// The connection string with a connect timeout and an application name, where it has none. A string that
/// libpq does not understand is returned as it is: connecting will say what is wrong with it.
std::string with_defaults(const std::string& conninfo);

/// Whether the connection string names this machine, by a loopback address or a socket.
bool is_loopback(const std::string& conninfo);

/// Connects, and pins the session (shard_schema/session_settings.hpp); throws std::runtime_error with libpq's
/// reason on one line, or where a pooler lends the session for a transaction only.
std::unique_ptr<pqxx::connection> connect(const std::string& conninfo);

/// The same with the shard's primary, and the reason names the shard.
std::unique_ptr<pqxx::connection> connect_to_primary(const Shard& shard);

/// What a server says about itself. The directory stays empty: read_directory() reads it.
struct ServerState : ServerStatus {
  int version = 0;        ///< server_version_num
  std::string encoding;   ///< of the database
  AgreedValues settings;  ///< of this role's sessions, that have to be the same on every shard
};

/// The oldest version of PostgreSQL that is used, as server_version_num, and what is said of an older one.
inline constexpr int least_version = 150'000;
std::string too_old(const std::string& version);

/// Why the database can be neither a shard nor imported, whatever is in it; empty where it can.
std::vector<std::string> unfit_database(const ServerState& state);

ServerState read_server_state(pqxx::transaction_base& transaction);

/// What was noted on this server of the shards' timelines; nothing where its schema has no notes, or this
/// role may not read them.
void read_noted_timelines(pqxx::transaction_base& transaction, ServerState& state);

/// "it says it is shard beta of cluster movies", where the server is initialised as another shard than it
/// should be; nullopt where nothing is wrong (or it is not initialised).
std::optional<std::string> identity_problem(const ServerState& state, const ShardMap& map,
                                            const Shard& shard);

/// The shard's ownership report: the states of its slots, in one snapshot. Precondition: initialised. Rows
/// that do not fit the map (unknown group, slot beyond slot_count) or this version (unknown state) are told
/// in `problems`.
ShardOwnership read_ownership(pqxx::transaction_base& transaction, const ShardMap& map,
                              std::vector<std::string>& problems);

/// The same where what does not fit is told by another: it is left out, and a slot in an unknown state is
/// absent. Who removes anything by the report asks unknown_slot_states() first.
ShardOwnership read_ownership(pqxx::transaction_base& transaction, const ShardMap& map);

/// A sentence, with "it" for the shard, for each slot in a state that this version does not know: nobody can
/// say what that means for its rows. Precondition: initialised.
std::vector<std::string> unknown_slot_states(pqxx::transaction_base& transaction, const ShardMap& map);

/// The servers of all shards as this one has them, by position. Precondition: it has the table.
std::vector<ListedShard> read_directory(pqxx::transaction_base& transaction);

/// Where keys are turned into other slots than the shard's rows are stored in: a sentence for each group and
/// table of the map that is not as it was (shard_map/definitions.hpp), and for each table whose key has got
/// another form. Precondition: initialised.
std::vector<std::string> definition_problems(pqxx::transaction_base& transaction, const ShardMap& map);

/// The table that a map calls so, as the catalogue describes it; nullopt where there is none. A view, a
/// foreign table and a partition are none.
std::optional<Table> read_table(pqxx::transaction_base& transaction, const std::string& name);

/// The tables of the map that exist, with what the whole database decides, as combine() wants it. One
/// snapshot, whatever the transaction.
ShardCatalogue read_catalogue(pqxx::transaction_base& transaction, const ShardMap& map,
                              ForeignKeys foreign_keys = ForeignKeys::within);

/// What decides answers beside the tables of the map, and what those tables use.
ShardEnvironment read_environment(pqxx::transaction_base& transaction, const ShardMap& map);

/// f(0) … f(count - 1), each on a thread of its own; the results in that order.
template <class F>
auto in_parallel(std::size_t count, F f) {
  using Value = std::invoke_result_t<F, std::size_t>;
  std::vector<std::future<Value>> pending;
  pending.reserve(count);
  for (std::size_t i = 0; i < count; ++i) pending.push_back(std::async(std::launch::async, f, i));
  std::vector<Value> values;
  values.reserve(count);
  for (auto& one : pending) values.push_back(one.get());
  return values;
}

}  // namespace shardplex::operations
