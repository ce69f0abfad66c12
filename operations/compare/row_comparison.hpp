// Whether two servers hold the same rows of some slots, found out while one of them is written to and the
// other follows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "operations/shard/moved_table.hpp"

namespace shardplex::operations {

struct RowDifference {
  enum class Kind : std::uint8_t { missing, unexpected, different };  ///< as seen on the target
  Kind kind = Kind::different;
  std::string table;
  std::vector<std::string> key;  ///< values of the primary key, as text
  bool operator==(const RowDifference&) const = default;
};

/// "movies id=42 is different on beta"
std::string to_string(const RowDifference& difference, const MovedTable& table, const std::string& target);

struct ComparedRows {
  std::uint64_t rows = 0;                  ///< on the source
  std::uint64_t bytes = 0;                 ///< of table read on the source, about
  std::vector<RowDifference> differences;  ///< certain; the first 1,000 of them
  std::uint64_t difference_count = 0;
  std::vector<RowDifference> undecided;  ///< rows that changed faster than they could be compared
};

/// Two servers that are reached by connection strings; the comparison opens its own connections, with equal
/// settings on both sides, so that equal rows look equal.
class RowComparison {
 public:
  struct Options {
    int jobs = 1;  ///< connections per side
    /// Returns when the target has applied all that the source had committed at the time of the call. For two
    /// servers that nobody writes to: a function that does nothing.
    std::function<void()> wait_until_applied;
    /// Called about every 100 ms with rows compared since; may throw to stop.
    std::function<void(std::uint64_t rows)> advanced;
  };
  RowComparison(std::string source, std::string target, std::vector<MovedTable> tables, SlotSet slots,
                Options options);

  /// Checksums of each slot of each table on both sides; of the slots that differ the rows' checksums; of the
  /// rows that differ again after wait_until_applied(), until each is equal, or stays different while the
  /// source's row stays as it is (a difference), or has changed in each of several rounds (undecided).
  /// Memory is bounded by the rows of one slot. Throws SqlFailure or pqxx's exceptions where a server fails.
  ComparedRows compare();

  /// Compares these rows once, exactly. Precondition: nobody writes to them on either side.
  std::vector<RowDifference> compare_again(const std::vector<RowDifference>& rows);

 private:
  std::string source_, target_;
  std::vector<MovedTable> tables_;
  SlotSet slots_;
  Options options_;
};

}  // namespace shardplex::operations
