#include "operations/load/id_generator.hpp"

#include <chrono>

#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

constexpr std::int64_t ids_per_ms = 32;
constexpr std::int64_t reserved_span_ms = 1000;

std::int64_t ms_since_2024() {
  using namespace std::chrono;
  constexpr auto epoch = sys_days(2024y / January / 1);
  return duration_cast<milliseconds>(system_clock::now() - epoch).count();
}

}  // namespace

std::int64_t IdGenerator::next() {
  const std::scoped_lock lock(mutex_);
  if (sequence_ == ids_per_ms) {
    sequence_ = 0;
    ++now_ms_;
  }
  if (now_ms_ >= until_ms_) reserve();
  return now_ms_ << 12 | node_ << 5 | sequence_++;
}

void IdGenerator::reserve() {
  if (!connection_) connection_ = connect(conninfo_);
  pqxx::work transaction(*connection_);
  const std::string node = node_ < 0 ? "NULL" : std::to_string(node_);
  const pqxx::row range =
      transaction.exec1("SELECT node, from_ms, until_ms FROM shardplex.reserve_ids(" + node + ", " +
                        std::to_string(ms_since_2024()) + ", " + std::to_string(reserved_span_ms) + ")");
  transaction.commit();
  node_ = range[0].as<std::int64_t>();
  now_ms_ = range[1].as<std::int64_t>();
  until_ms_ = range[2].as<std::int64_t>();
  sequence_ = 0;
}

}  // namespace shardplex::operations
