// What is noted in the shards of each other's timelines: a primary on an earlier one has been replaced.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "shard_schema/server_status.hpp"

namespace shardplex::operations {

/// What is noted on this shard; nothing where its schema is of a version that notes nothing.
std::vector<NotedTimeline> read_noted_timelines(pqxx::transaction_base& transaction);

/// Why the server at `conninfo`, on `timeline`, is not to be taken for the shard's primary, by the notes of
/// all shards; nullopt where nothing is known against it.
std::optional<std::string> replaced_problem(const std::vector<std::vector<NotedTimeline>>& notes,
                                            const std::string& shard, const std::string& conninfo,
                                            std::int64_t timeline);

}  // namespace shardplex::operations
