// How an id of a row is made that comes without one: 53 bits, so that JavaScript can hold it, ordered by
// time.
#pragma once

#include <chrono>
#include <cstdint>

namespace shardplex {

/// id = milliseconds since 2024-01-01 UTC (41 bits) · node (7 bits) · sequence (5 bits). Milliseconds and
/// node are promised to one router or load by shardplex.reserve_ids().
inline constexpr int row_id_node_bits = 7, row_id_sequence_bits = 5;

constexpr std::int64_t make_row_id(std::int64_t ms, std::int64_t node, std::int64_t sequence) {
  return ms << (row_id_node_bits + row_id_sequence_bits) | node << row_id_sequence_bits | sequence;
}

/// Milliseconds since the epoch of the ids.
inline std::int64_t row_id_ms(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  return duration_cast<milliseconds>(time - sys_days{year{2024} / 1 / 1}).count();
}

}  // namespace shardplex
