// What the commands share that take up an import which is there: abort, finish, reverse and status.
#pragma once

#include <string>

#include "cli/options.hpp"
#include "operations/import/run.hpp"

namespace shardplex::cli {

/// "import VERB --map FILE [--from DSN]…" with --map and --from; `more` follows in the usage.
CommandOptions options_for_import(const std::string& verb, const std::string& more, const std::string& about);

/// Takes up the import into the map's shards. `map` outlives it. Throws CommandFailed where there is none.
ImportRunner take_up_import(const GivenOptions& given, const ShardMap& map, const ImportOptions& how = {});

}  // namespace shardplex::cli
