// Ids for rows that come without one: the same 53-bit, time-ordered ids that routers hand out.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>

namespace shardplex::operations {

/// Ids are laid out as shard_schema/row_ids.hpp says. Node and milliseconds are promised to this generator
/// alone by shardplex.promise_ids on the first shard of the map. Thread-safe.
class IdGenerator {
 public:
  /// Connects when the first id is asked for.
  explicit IdGenerator(std::string conninfo) : conninfo_(std::move(conninfo)) {}

  std::int64_t next();

 private:
  void reserve();
  std::string conninfo_;
  std::mutex mutex_;
  std::unique_ptr<pqxx::connection> connection_;
  std::int64_t node_ = -1;  // -1: none yet
  std::int64_t now_ms_ = 0, until_ms_ = 0;
  std::int64_t sequence_ = 0;
};

}  // namespace shardplex::operations
