// A numeric as JSON text: the bytes that to_json() gives.
#pragma once

#include <string>
#include <string_view>

namespace shardplex {

/// Appends what numeric_send() has written, with all digits of its display scale; NaN and infinities in
/// quotes, for JSON has no such numbers. False where `bytes` are no numeric; nothing is appended then.
bool append_json_numeric(std::string& out, std::string_view bytes);

}  // namespace shardplex
