// Floats as JSON text: the bytes that to_json() gives under extra_float_digits 1, to which sessions are held.
#pragma once

#include <string>

namespace shardplex {

/// Appends the fewest digits that are read as the value and as no other; NaN and infinities in quotes, for
/// JSON has no such numbers. Source: float4out() and float8out(), src/common/f2s.c and d2s.c of PostgreSQL.
void append_json_float(std::string& out, float value);
void append_json_float(std::string& out, double value);

}  // namespace shardplex
