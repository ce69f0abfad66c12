// The keys of a load's input, to find those given twice.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shard_map/key.hpp"

namespace shardplex::operations {

/// Not thread-safe. Memory: about 20 to 35 bytes per integer key.
class UniqueKeys {
 public:
  explicit UniqueKeys(KeyType type) : type_(type) {}

  /// Remembers a key by its canonical bytes; the line it was first given on, where it was given before.
  std::optional<std::uint64_t> add(std::string_view canonical, std::uint64_t line);

 private:
  KeyType type_;
  boost::unordered_flat_map<std::int64_t, std::uint64_t> integers_;
  boost::unordered_flat_map<std::string, std::uint64_t> others_;
};

}  // namespace shardplex::operations
