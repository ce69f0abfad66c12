// Names and json paths.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/grammar/query.hpp"
#include "query/grammar/reader.hpp"

namespace shardplex::grammar {

/// The text of "…", in which a backslash makes the next character stand for itself. nullopt, with nothing
/// consumed, where the closing quote is missing.
std::optional<std::string> take_quoted(Reader& in);

/// A name, quoted or not, with the blanks around it.
bool read_name(Reader& in, std::string& name);

/// ->key->>0 and so on, which may be nothing.
bool read_json_path(Reader& in, std::vector<JsonStep>& path);

/// A name and a json path.
bool read_field(Reader& in, Field& field);

}  // namespace shardplex::grammar
