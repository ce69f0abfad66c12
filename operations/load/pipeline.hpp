// The flow of a load: blocks of the input are parsed side by side, admitted in input order, and copied to the
// shards side by side. Memory is bounded by a block per parser and a few batches per shard (and, under the
// list strategy, the keys).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "operations/load/bad_rows.hpp"
#include "operations/load/id_generator.hpp"
#include "operations/load/input_blocks.hpp"
#include "operations/load/shard_writer.hpp"
#include "operations/load/staged_merge.hpp"
#include "operations/load/target.hpp"
#include "operations/load/unique_keys.hpp"
#include "operations/replication/copy_session.hpp"

namespace shardplex::operations {

class LoadPipeline {
 public:
  using MakeReader = std::function<std::unique_ptr<RowReader>()>;

  /// `sessions`: one per shard, in the map's order, each in a transaction. `merge`: how rows get into the
  /// table, where they are not copied into it; what it begins with was run on all of them. All references
  /// outlive the pipeline.
  LoadPipeline(const LoadTarget& target, InputBlocks& input, MakeReader make_reader,
               std::vector<CopySession>& sessions, BadRows& bad, const StagedMerge* merge);
  ~LoadPipeline();

  /// Copies the whole input with `jobs` parsing threads, calling `tick` on this thread about every 100 ms and
  /// at the end. Ends early on enough bad rows. What failed (not bad rows) is returned; empty where nothing
  /// did.
  std::vector<std::string> run(unsigned jobs, const std::function<void()>& tick);

  /// Rows copied to a shard so far.
  std::uint64_t rows(ShardId shard) const { return writers_[shard.value]->rows(); }
  /// Rows of the input copied so far: of a reference table, those that every shard has.
  std::uint64_t rows() const;
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  struct ParsedBlock;
  class ExistingKeys;

  void work();
  std::optional<InputBlock> take_block();
  ParsedBlock parse(const InputBlock& block, RowReader& reader);
  void place(Row& row, std::uint64_t line, ParsedBlock& parsed);
  bool give_id(Row& row);
  std::shared_ptr<const CopyJob> job_of(CopyBatch batch) const;
  void refuse_repeated(ParsedBlock& parsed);
  void admit(ParsedBlock parsed);
  void stop();
  std::vector<std::string> failures();

  const LoadTarget& target_;
  InputBlocks& input_;
  MakeReader make_reader_;
  BadRows& bad_;
  const StagedMerge* merge_;
  IdGenerator ids_;
  std::optional<UniqueKeys> keys_;
  std::vector<std::unique_ptr<ShardWriter>> writers_;  // by shard
  std::atomic<std::uint64_t> bytes_read_ = 0;

  std::mutex input_mutex_;
  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::uint64_t turn_ = 0;  // sequence of the block to be admitted next
  unsigned working_ = 0;
  bool stopped_ = false;
  std::vector<std::string> worker_failures_;
};

}  // namespace shardplex::operations
