// What shardplex verify finds wrong, as told to people and programs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace shardplex::operations {

enum class Check : std::uint8_t {
  ownership,   ///< each slot has one owner, and the shards' definitions are the map's
  place,       ///< rows are on the shard that owns their slot
  slot_value,  ///< rows are in the slot of their key
  doubled,     ///< no primary key is on two shards
  references,  ///< reference tables are alike on all shards
  copies,      ///< what a finished hand-over can give back is what it would have to
  leftovers,   ///< nothing is left of moves and loads that are over
};

inline constexpr std::array all_checks{Check::ownership,  Check::place,  Check::slot_value, Check::doubled,
                                       Check::references, Check::copies, Check::leftovers};

/// "rows on the wrong shard".
std::string_view title_of(Check check);
/// "place": for programs.
std::string_view name_of(Check check);

struct Finding {
  Check check = Check::ownership;
  std::string shard;   ///< where it would be repaired; empty where that is not one shard
  std::string text;    ///< one line
  std::string repair;  ///< SQL that would repair it there, for people to read; empty where none can be given
};

/// Collects findings; any thread.
class Findings {
 public:
  /// Keeps the first 1,000 of each check and counts all; `count` is how many things it tells of.
  void add(Finding finding, std::uint64_t count = 1);
  /// Something that is not wrong, worth a line.
  void note(std::string text);

  std::uint64_t count(Check check) const;
  const std::vector<Finding>& all() const { return findings_; }
  const std::vector<std::string>& notes() const { return notes_; }
  bool clean() const { return counts_.empty(); }

 private:
  mutable std::mutex mutex_;
  std::vector<Finding> findings_;
  std::vector<std::string> notes_;
  std::map<Check, std::uint64_t> counts_;
  std::map<Check, std::size_t> kept_;
};

}  // namespace shardplex::operations
