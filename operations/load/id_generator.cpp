#include "operations/load/id_generator.hpp"

#include <chrono>
#include <optional>

#include "operations/shard/server.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/row_ids.hpp"

namespace shardplex::operations {
namespace {

constexpr std::int64_t ids_per_ms = 1 << row_id_sequence_bits;
constexpr std::int64_t reserved_span_ms = 1000;

}  // namespace

std::int64_t IdGenerator::next() {
  const std::scoped_lock lock(mutex_);
  if (sequence_ == ids_per_ms) {
    sequence_ = 0;
    ++now_ms_;
  }
  if (now_ms_ >= until_ms_) reserve();
  return make_row_id(now_ms_, node_, sequence_++);
}

void IdGenerator::reserve() {
  if (!connection_) connection_ = connect(conninfo_);
  pqxx::work transaction(*connection_);
  const auto node = node_ < 0 ? std::nullopt : std::optional(std::to_string(node_));
  const pqxx::row range = transaction.exec_params1(
      promise_ids_sql, node, row_id_ms(std::chrono::system_clock::now()), reserved_span_ms);
  transaction.commit();
  node_ = range[0].as<std::int64_t>();
  now_ms_ = range[1].as<std::int64_t>();
  until_ms_ = range[2].as<std::int64_t>();
  sequence_ = 0;
}

}  // namespace shardplex::operations
