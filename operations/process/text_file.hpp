// Files of text, read whole.
#pragma once

#include <string>

namespace shardplex::operations {

/// The file's bytes. Throws CommandFailed where it cannot be read.
std::string read_text_file(const std::string& path);

}  // namespace shardplex::operations
