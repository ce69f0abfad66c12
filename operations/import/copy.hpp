// The first copy of an import: the rows of a snapshot of the source, each to the shard that is to own its
// slot.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "operations/import/tables.hpp"
#include "operations/replication/copy_session.hpp"
#include "operations/replication/slot_copy.hpp"

namespace shardplex::operations {

/// A field of a line of COPY's text format (without its line end) by number; nullopt is null. Precondition:
/// the line has it.
std::optional<std::string> copy_field(std::string_view line, std::size_t number);

/// Pipes the table's rows through this process as COPY text. `source` is in a transaction with the snapshot,
/// each of `shards` (in the map's order) in one that the caller commits; on a failure all of them are to be
/// closed. `advanced` is called about every 100 ms with what was copied since. Throws SqlFailure, and
/// CommandFailed where a row has no slot.
void copy_rows(CopySession& source, std::vector<CopySession>& shards, const ImportTable& table,
               RateLimit& rate, const std::function<void(std::uint64_t rows, std::uint64_t bytes)>& advanced);

}  // namespace shardplex::operations
