// How an id of a row is made that comes without one: 53 bits, so that JavaScript can hold it, ordered by
// time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace shardplex {

/// id = milliseconds since 2024-01-01 UTC (41 bits) · node (7 bits) · sequence (5 bits). Milliseconds and
/// node are promised to one router or load by shardplex.promise_ids().
inline constexpr int row_id_node_bits = 7, row_id_sequence_bits = 5;

constexpr std::int64_t make_row_id(std::int64_t ms, std::int64_t node, std::int64_t sequence) {
  return ms << (row_id_node_bits + row_id_sequence_bits) | node << row_id_sequence_bits | sequence;
}

/// The node numbers that the n-th shard of a cluster promises ids under. The first, which routers prefer, has
/// half of them; eight more have some for the time that it is away; further ones have none.
struct NodeNumbers {
  std::int32_t first, last;
};
constexpr std::optional<NodeNumbers> node_numbers(std::int32_t nth) {
  if (nth == 0) return NodeNumbers{0, 63};
  if (nth > 8) return std::nullopt;
  return NodeNumbers{56 + 8 * nth, 63 + 8 * nth};
}

/// Milliseconds since the epoch of the ids.
inline std::int64_t row_id_ms(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  return duration_cast<milliseconds>(time - sys_days{year{2024} / 1 / 1}).count();
}

}  // namespace shardplex
