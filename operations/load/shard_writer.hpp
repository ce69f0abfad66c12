// The rows of one shard: a bounded queue of batches, and the thread that copies them in one transaction.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "operations/load/bad_rows.hpp"
#include "operations/load/copy_batch.hpp"
#include "operations/load/staged_merge.hpp"
#include "operations/replication/copy_session.hpp"

namespace shardplex::operations {

/// A COPY to be run, and statements after it. All of them are undone where one refuses a row.
struct CopyJob {
  std::string statement;
  CopyBatch batch;
  std::vector<std::string> after = {};
};

class ShardWriter {
 public:
  /// `session` is in a transaction. Bad rows are counted here and, where `tells`, added to `bad` (the copies
  /// of a reference table are all refused alike; one writer tells). `merge`: how rows get into the table
  /// where they are not copied into it; what it begins with was run. All references outlive the writer.
  ShardWriter(std::string table, CopySession& session, BadRows& bad, bool tells, const StagedMerge* merge);
  ~ShardWriter();

  /// Waits for room; false where the writer has failed, and then the job is dropped.
  bool push(std::shared_ptr<const CopyJob> job);

  /// Nothing more is pushed. `complete`: the whole input was, so that a merge is brought to its end.
  void close(bool complete);

  /// Waits until all that was pushed is copied, or has failed. To be called once, after close() and before
  /// the counts are read.
  void finish();

  /// Rows copied so far. Thread-safe.
  std::uint64_t rows() const { return rows_; }
  /// Equal for two writers that refused the same lines.
  std::pair<std::uint64_t, std::uint64_t> refused() const { return {refused_, refused_digest_}; }
  /// What ended the writer early: not a bad row but the shard.
  const std::optional<std::string>& failure() const { return failure_; }
  bool failed() const { return failed_; }

 private:
  static constexpr std::size_t queue_length = 4;

  void run();
  void end_merge();
  std::shared_ptr<const CopyJob> pop();
  void copy_rows(const CopyJob& job, std::size_t begin, std::size_t end);
  std::optional<SqlFailure> try_copy(const CopyJob& job, std::size_t begin, std::size_t end);
  void refuse(const CopyJob& job, std::size_t row, const SqlFailure& failure);

  std::string table_;  // as COPY's errors call it
  CopySession& session_;
  BadRows& bad_;
  bool tells_;
  const StagedMerge* merge_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<const CopyJob>> queue_;
  bool closed_ = false;
  bool complete_ = false;
  std::atomic<bool> failed_ = false;
  std::atomic<std::uint64_t> rows_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t refused_digest_ = 0;
  std::optional<std::string> failure_;
  std::thread thread_;
};

/// True where a SQLSTATE blames the row (its data, a constraint, a trigger's RAISE) and not the server or the
/// statement.
bool blames_a_row(std::string_view sqlstate);

/// Where COPY says it failed: the line of its data, from 1, and the column it names.
struct CopyPosition {
  std::uint64_t line = 0;
  std::string column;
};
/// From an error's context ("COPY movies, line 3, column year: \"x\""); nullopt where it names no line.
std::optional<CopyPosition> copy_position(std::string_view context, std::string_view table);

}  // namespace shardplex::operations
