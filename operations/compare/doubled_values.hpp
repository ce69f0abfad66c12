// Values that are unique on each shard and on two of them all the same.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/shard/local_unique.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex::operations {

struct DoubledValue {
  std::vector<std::optional<std::string>> values;  ///< of the constraint's columns, as texts
  std::vector<std::size_t> shards;                 ///< at least two of those given, in their order
};

/// A part of a shard's rows. Lifetime: refers to the connection.
struct SearchedRows {
  pqxx::connection* connection = nullptr;          ///< no transaction is open
  std::optional<SlotSet> slots;                    ///< only those; nullopt: all that the shard owns
  std::chrono::milliseconds statement_timeout{0};  ///< 0: none
};

/// "12, x" of the values.
std::string to_string(const DoubledValue& doubled);

/// Calls `found` for each value that rows of at least two of the shards have, in the order of the values.
/// Reads each shard's in that order, some thousand at a time, each in a snapshot of its own. As a row may go
/// from one to another meanwhile, what is found is looked for again before it is told. `read` is told of
/// every batch, how many rows it had, and may throw. Throws pqxx's exceptions. `unique` is the same on all of
/// them.
void find_doubled_values(
    const LocalUnique& unique, const std::vector<SearchedRows>& shards,
    const std::function<void(DoubledValue)>& found,
    const std::function<void(std::size_t)>& read = [](std::size_t) {});

}  // namespace shardplex::operations
