// One reading of a table on a shard: how many rows has each slot, and which are not where their keys belong?
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "operations/audit/verified_table.hpp"
#include "operations/compare/table_scan.hpp"

namespace shardplex::operations {

constexpr std::size_t most_suspects = 1000;  // of a table on a shard, that are looked at again

/// A row whose stored slot is not that of its key, or that has no key.
struct Suspect {
  std::int32_t slot = 0;
  std::optional<std::vector<std::string>> key;  ///< its columns, as PostgreSQL reads them
  std::optional<std::string> list_value;        ///< the same
  auto operator<=>(const Suspect&) const = default;
};

/// What one connection has read.
struct Part {
  std::map<std::int32_t, std::uint64_t> rows;  ///< by stored slot
  std::set<Suspect> suspects;                  ///< one for all rows of a key
  std::uint64_t further_suspects = 0;
  std::vector<std::int64_t> key_hashes;  ///< of the rows that the shard owns, where they can be doubled

  void suspect(Suspect row) {
    if (suspects.size() < most_suspects || suspects.contains(row))
      suspects.insert(std::move(row));
    else
      ++further_suspects;
  }
};

using SlotStates = std::map<std::int32_t, SlotState>;

/// Whether a shard that has its slots in these states owns the slot: it is owned or fenced there.
bool owns(const SlotStates& states, std::int32_t slot);

/// What a scan of the table on one shard has found.
struct Scanned {
  Part all;
  SlotStates states;
};

/// Reads the whole table in pieces over all connections, each in a transaction of its own that sees the same
/// snapshot.
Scanned scan(const ShardMap& map, const Connections& connections, const VerifiedTable& table,
             ScanWatch& watch);

}  // namespace shardplex::operations
