// Keeps the sequences of several shards apart, where their values have to be unique over all of them: each
// shard's goes in steps of the same stride from a value of its own.
#pragma once

#include <cstddef>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/shard/local_unique.hpp"
#include "operations/shard/primary.hpp"

namespace shardplex::operations {

/// Two shards, by position, whose sequences may give the same value for a constraint that only holds within
/// each.
struct MeetingSequences {
  LocalUnique unique;
  std::size_t one = 0, other = 0;
};

/// The first such two for each constraint. `by_shard`: read_local_uniques() of each. Pure.
std::vector<MeetingSequences> meeting_sequences(const std::vector<std::vector<LocalUnique>>& by_shard);

enum class Separate : bool {
  meeting,  ///< those that may meet
  all,      ///< also those that do not: a shard has just been made, and starts among values that others gave
};

/// Which sequences behind such constraints of a database that is to become so many shards would have no room
/// to be set apart, in sentences with what makes room. `uniques`: of read_local_uniques().
std::vector<std::string> find_cramped_sequences(pqxx::transaction_base& database,
                                                const std::vector<LocalUnique>& uniques, std::size_t shards);

/// Sets the sequences behind such constraints apart, above all values that are in use; which ones were
/// changed. Nobody draws from them until the transactions, one of each shard, are committed. Throws
/// CommandFailed where a sequence has not enough values left.
std::vector<std::string> separate_sequences(const std::vector<pqxx::transaction_base*>& shards,
                                            const ShardMap& map, Separate which);

/// The same in transactions of its own, which it commits.
std::vector<std::string> separate_sequences(const std::vector<PrimaryFound>& shards, const ShardMap& map,
                                            Separate which);

/// Has the sequences of all tables of the map go on beyond what `leaving` has given, on each of the others:
/// keys of a sequence are drawn on the first shard of the map, which is another one when that leaves. Some
/// thousand values are left out, for routers that still draw from it. Commits by itself.
void carry_sequences(pqxx::connection& leaving, const std::vector<PrimaryFound>& staying,
                     const ShardMap& map);

}  // namespace shardplex::operations
