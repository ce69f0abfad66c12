// The rows of a body of JSON, as texts.
#pragma once

#include <string_view>
#include <vector>

namespace shardplex {

/// Each element of the array that `json` is; of any other value, that. Precondition: it is JSON. Lifetime:
/// refers to the text.
std::vector<std::string_view> row_texts(std::string_view json);

}  // namespace shardplex
