// Input that is not what load reads, and how to make it so. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "operations/load/csv_dialect.hpp"
#include "operations/load/input_blocks.hpp"

namespace shardplex::operations {

/// What the input seems to be instead of `format`, with the command or flag that helps: compressed, UTF-16,
/// one JSON array, CSV with another delimiter. nullopt where nothing speaks against it. `beginning`: its
/// first bytes; `file`: its name, or "-".
std::optional<std::string> foreign_input(std::string_view beginning, const std::string& file, Format format,
                                         const CsvDialect& dialect);

}  // namespace shardplex::operations
