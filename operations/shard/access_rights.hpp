// Who may use a shard and its tables: roles with their memberships and settings, owners, grants, default
// privileges. A new shard is given those of another, since a router must find its role there with the same
// rights.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// One of them, such as "SELECT on TABLE public.movies for web". Two shards have the same one where `what`
/// and `value` are the same.
struct AccessRight {
  std::string what;
  std::string make;  ///< SQL that makes it; may hold a password's hash, so it is neither shown nor logged
  std::string role;  ///< that `make` would make, where it is one: one that is there stays as it is
  std::string undo;  ///< SQL that takes it away; empty where that is left to a person
  std::string setting = {};  ///< what of a role is set, where it is that
  std::string value = {};    ///< that it is set to, as SQL; may be a secret, so only some are shown
};

struct AccessDifference {
  std::string text;    ///< a sentence whose subject is the shard ("it")
  bool tunes = false;  ///< no answer depends on it
};

/// Those of roles that are no superusers, on the database, the schemas public and shardplex, the tables of
/// the map with their sequences, and what the schema shardplex has. Sorted by `what`. Needs a superuser.
std::vector<AccessRight> read_access_rights(pqxx::transaction_base& transaction, const ShardMap& map);

/// In what a shard differs from `other_shard`, a sentence each. Values of settings are shown where they are
/// known to be no secret. Pure.
std::vector<AccessDifference> access_differences(const std::vector<AccessRight>& here,
                                                 const std::vector<AccessRight>& there,
                                                 const std::string& other_shard);

/// Makes the rights of this shard those that `wanted` has; returns how many were changed.
std::size_t make_access_rights(pqxx::work& transaction, const ShardMap& map,
                               const std::vector<AccessRight>& wanted);

}  // namespace shardplex::operations
