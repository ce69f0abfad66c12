// Ids for rows that come without one: 53 bits, ordered by time, unique over routers.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "shard_schema/row_ids.hpp"

namespace shardplex::router {

/// They are laid out as shard_schema/row_ids.hpp says.
///
/// Uniqueness does not hang on clocks: a shard promises this router ranges of milliseconds under its node
/// number (shardplex.promise_ids), and only promised ones are used. A router that is cut off runs out and
/// says so. Under more than 32 ids per millisecond the ids run ahead of the clock, within the promise. Any
/// thread; lock-free.
class IdSource {
 public:
  /// A promise: ids of `node` in [from_ms, until_ms). A gap to the promise before abandons what was left of
  /// that.
  void renew(std::uint32_t node, std::int64_t from_ms, std::int64_t until_ms);

  /// The next id at `now_ms`, or nullopt where the promise is used up or was never made.
  std::optional<std::int64_t> next(std::int64_t now_ms);

  /// Milliseconds of the promise that are left at `now_ms`.
  std::int64_t left_ms(std::int64_t now_ms) const;

  static std::int64_t now_ms();  ///< milliseconds since 2024-01-01 UTC, by this machine's clock

 private:
  static constexpr int sequence_bits = row_id_sequence_bits;
  std::atomic<std::int64_t> ticks_{0};  // milliseconds << sequence_bits | sequence, of the next id
  std::atomic<std::int64_t> limit_{0};  // the first tick not promised
  std::atomic<std::uint32_t> node_{0};
};

/// A UUIDv7 (RFC 9562), lower case.
std::string make_uuid_v7();

/// 128 random bits as 32 hexadecimal digits: a name that nobody else gives to a write.
std::string make_write_id();

}  // namespace shardplex::router
