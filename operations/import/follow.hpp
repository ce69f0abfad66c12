// Keeps the shards up with the source, and compares the two while it does.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "operations/import/apply.hpp"
#include "operations/import/compare.hpp"
#include "operations/import/origin.hpp"
#include "operations/replication/change_stream.hpp"

namespace shardplex::operations {

/// Thread: one. Throws SqlFailure, pqxx's exceptions and CommandFailed.
class ImportFollower {
 public:
  using Clock = std::chrono::steady_clock;

  /// `shards`: connection strings in the map's order; `token`: the mover's. `advanced` is called about every
  /// 100 ms while something is waited for. References outlive this.
  ImportFollower(ImportOrigin& origin, const std::vector<std::string>& shards, const std::string& import_id,
                 const std::string& token, const std::vector<ImportTable>& tables,
                 std::function<void()> advanced);

  /// Applies what the source has committed before `until`. Throws CommandFailed where that is not done by
  /// `deadline`.
  void catch_up(Lsn until, Clock::time_point deadline = Clock::time_point::max());

  /// Catches up again and again, until that takes no longer than `most`.
  void catch_up_within(std::chrono::duration<double> most);

  /// Applies what there is, for so long.
  void follow_for(std::chrono::milliseconds time);

  /// Compares all rows while it follows, and those that change meanwhile again. Throws CommandFailed, naming
  /// rows, where some differ for certain. The number of rows compared.
  std::uint64_t compare();

  /// Compares what compare() left open or has changed since. Precondition: nobody writes to the source, and
  /// all of it is applied. Throws CommandFailed where a row differs.
  void compare_rest();

  std::uint64_t changes() const { return applier_.changes(); }
  std::uint64_t rows_compared() const { return rows_compared_; }
  Lsn position() const { return stream_.position(); }

 private:
  std::vector<ShardApplier> connect_all(const std::vector<std::string>& shards, const std::string& import_id,
                                        const std::string& token);
  bool step(std::chrono::milliseconds patience);
  void commit();
  std::set<TouchedRow> find_suspects();
  bool take_changed(std::set<TouchedRow>& rows);
  void look_again(std::set<TouchedRow>& rows, std::map<TouchedRow, int>& strikes);
  [[noreturn]] void refuse(const std::set<TouchedRow>& rows);

  ImportOrigin& origin_;
  std::function<void()> advanced_;
  std::vector<ShardApplier> shards_;
  ImportApplier applier_;
  ChangeStream stream_;
  ImportComparison comparison_;
  Clock::time_point committed_at_ = Clock::now(), told_at_{};
  std::atomic<std::uint64_t> rows_compared_ = 0;
  std::set<TouchedRow> open_;  // not known to be the same
  bool all_open_ = true;       // more changed than could be kept in mind
};

}  // namespace shardplex::operations
