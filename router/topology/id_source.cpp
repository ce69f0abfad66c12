#include "router/topology/id_source.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

#include "shard_map/invariant.hpp"

namespace shardplex::router {

void IdSource::renew(std::uint32_t node, std::int64_t from_ms, std::int64_t until_ms) {
  invariant(node < (1u << row_id_node_bits) && from_ms < until_ms,
            "ids are promised to a node, for a time to come");
  const auto from = from_ms << sequence_bits, limit = until_ms << sequence_bits;
  if (node != node_ || from != limit_) {
    // Order matters: next() reads ticks_, then limit_, then exchanges ticks_. Closing the limit before moving
    // the ticks means that an id is made under either promise, never across both.
    limit_ = 0;
    node_ = node;
    auto ticks = ticks_.load();
    while (!ticks_.compare_exchange_weak(ticks, std::max(ticks, from))) {
    }
  }
  limit_ = limit;
}

std::optional<std::int64_t> IdSource::next(std::int64_t now) {
  auto ticks = ticks_.load();
  for (;;) {
    const auto node = node_.load();
    const auto mine = std::max(ticks, now << sequence_bits);
    if (mine >= limit_.load()) return std::nullopt;
    if (ticks_.compare_exchange_weak(ticks, mine + 1)) {
      const auto ms = mine >> sequence_bits, sequence = mine & ((1 << sequence_bits) - 1);
      return make_row_id(ms, node, sequence);
    }
  }
}

std::int64_t IdSource::left_ms(std::int64_t now) const {
  return (limit_.load() >> sequence_bits) - std::max(now, ticks_.load() >> sequence_bits);
}

std::int64_t IdSource::now_ms() {
  return row_id_ms(std::chrono::system_clock::now());
}

std::string make_uuid_v7() {
  using namespace std::chrono;
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("no random bytes");
  const auto ms =
      static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<unsigned char>(ms >> (8 * (5 - i)));
  bytes[6] = static_cast<unsigned char>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<unsigned char>(0x80 | (bytes[8] & 0x3f));
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr char digits[] = "0123456789abcdef";
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

std::string make_write_id() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("no random bytes");
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace shardplex::router
