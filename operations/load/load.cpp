#include "operations/load/load.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

#include "operations/load/commit.hpp"
#include "operations/load/foreign_input.hpp"
#include "operations/load/gzip_input.hpp"
#include "operations/load/pipeline.hpp"
#include "operations/load/staged_merge.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/progress.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

constexpr std::uint64_t bad_rows_enough = 20;         // to give up, without --keep-good
constexpr std::int64_t load_lock_class = 1936223346;  // of loads that take turns

/// The input, open, and its size where it has one.
struct Input {
  std::ifstream file;
  std::istream* stream = nullptr;
  std::optional<std::uint64_t> bytes;

  /// What is to be read, decompressed. Once it was called, this stays where it is.
  std::istream& text() {
    if (GzipInput::is_gzip(raw())) gzip_ = std::make_unique<GzipInput>(raw());
    return gzip_ ? gzip_->stream() : raw();
  }

  /// Of `bytes`, those read so far.
  std::uint64_t bytes_read(const LoadPipeline& pipeline) const {
    return gzip_ ? gzip_->bytes_taken() : pipeline.bytes_read();
  }

 private:
  std::istream& raw() { return stream != nullptr ? *stream : file; }

  std::unique_ptr<GzipInput> gzip_;
};

/// The shards' transactions, open and safe from fences.
struct OpenLoad {
  LoadTarget target;
  std::vector<CopySession> sessions;  ///< by shard
};

Input open_input(const std::string& name, const Terminal& terminal) {
  Input input;
  if (name == "-") {
    input.stream = &terminal.in;
    return input;
  }
  input.file.open(name, std::ios::binary);
  if (!input.file || std::filesystem::is_directory(name)) throw CommandFailed(name + ": cannot be read");
  if (std::filesystem::is_regular_file(name)) input.bytes = std::filesystem::file_size(name);
  return input;
}

/// Begins a transaction that writes to the group, as the router does: a fence waits for it to end.
CopySession begin(const Shard& shard, const LoadTarget& target, ShardId id) {
  CopySession session(shard.primary);
  session.execute("BEGIN");
  if (target.sharded)
    session.execute(begin_write_sql, {target.sharded->group->name,
                                      std::to_string(target.sharded->ownership.epoch(id)->value)});
  return session;
}

void take_turn(CopySession& session, const LoadTarget& target) {
  const auto taken = session.execute(
      "SELECT pg_try_advisory_xact_lock(" + std::to_string(load_lock_class) + ", hashtext($1))",
      {target.table.name});
  if (taken != "t") throw CommandFailed("another load into " + target.table.name + " is under way");
}

/// Two that change the same rows in different orders, each on another shard, would wait for each other, and
/// no server would see it. Under the list strategy each has to see the other's keys.
bool takes_turns(const LoadTarget& target, LoadMode mode) {
  return mode != LoadMode::insert || !target.sharded || target.sharded->unique_over_lists;
}

std::vector<CopySession> begin_all(const LoadTarget& target, LoadMode mode) {
  std::vector<CopySession> sessions;
  const auto& shards = target.map->shards();
  for (std::uint16_t i = 0; i < shards.size(); ++i) try {
      sessions.push_back(begin(shards[i], target, ShardId{i}));
    } catch (const SqlFailure& failure) {
      if (failure.sqlstate == sqlstate_stale_epoch || failure.sqlstate == sqlstate_fence) throw;
      throw CommandFailed(shards[i].name + ": " + failure.what());
    }
  if (takes_turns(target, mode)) take_turn(sessions.front(), target);
  return sessions;
}

std::vector<std::string> deciding_columns(const LoadTarget& target) {
  if (!target.sharded) return {};
  std::vector<std::string> names;
  for (const auto& column : target.sharded->key) names.push_back(target.columns[column.index].name);
  if (const auto list = target.sharded->list_column) names.push_back(target.columns[*list].name);
  return names;
}

/// Ownership may change between reading it and locking it; then it is read again, for a bounded time.
OpenLoad open_load(const ShardMap& map, const TablePlacement& placement, LoadMode mode) {
  constexpr std::chrono::seconds patience{10};
  constexpr std::chrono::milliseconds pause{100};
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    LoadTarget target = find_load_target(map, placement);
    if (auto refusal = merge_refusal(mode, target.table, deciding_columns(target)))
      throw CommandFailed(*std::move(refusal));
    try {
      auto sessions = begin_all(target, mode);
      return {std::move(target), std::move(sessions)};
    } catch (const SqlFailure& failure) {
      if (std::chrono::steady_clock::now() > give_up)
        throw CommandFailed(std::string(failure.what()) + "; load when the move is done");
    }
    std::this_thread::sleep_for(pause);
  }
}

/// Of an upsert or a replacement: how its rows get into the table, whose beginning every shard has run.
std::unique_ptr<const StagedMerge> begin_merge(OpenLoad& load, LoadMode mode) {
  if (mode == LoadMode::insert) return nullptr;
  const LoadTarget& target = load.target;
  auto merge = std::make_unique<const StagedMerge>(mode, new_load_name(), target.table, target.columns,
                                                   target.sharded.has_value());
  for (std::size_t i = 0; i < load.sessions.size(); ++i) try {
      for (const auto& statement : merge->begin()) load.sessions[i].execute(statement);
    } catch (const SqlFailure& failure) {
      const bool denied = failure.sqlstate == sqlstate_denied;
      throw CommandFailed(target.map->shards()[i].name + ": " + failure.what() +
                          (denied
                               ? "; --upsert and --replace need CREATE on the schema shardplex, and SELECT, "
                                 "INSERT and UPDATE on the table, --replace DELETE as well"
                               : ""));
    }
  return merge;
}

void tell_bad_rows(const std::vector<BadRow>& rows, const Terminal& terminal) {
  for (const auto& row : rows) terminal.error("line " + std::to_string(row.line) + ": " + row.reason);
}

/// The load as a whole is refused.
[[noreturn]] void refuse_load(BadRows& bad, const Terminal& terminal) {
  auto rows = bad.take();
  if (rows.size() > bad_rows_enough) rows.resize(bad_rows_enough);
  tell_bad_rows(rows, terminal);
  throw CommandFailed(count_of_bad_rows(rows.size()) + (bad.enough() ? " or more" : "") +
                      "; nothing of the load was kept (--keep-good keeps the good rows)");
}

std::vector<WritingShard> writing_shards(OpenLoad& load, const LoadPipeline& pipeline) {
  std::vector<WritingShard> writing;
  for (std::uint16_t i = 0; i < load.sessions.size(); ++i)
    if (pipeline.rows(ShardId{i}) > 0) writing.push_back({&load.target.map->shards()[i], &load.sessions[i]});
  return writing;
}

/// The planner and `cluster status` go by statistics, which a load makes stale.
void analyze(const std::vector<WritingShard>& written, const Table& table, const Terminal& terminal) {
  const auto failures = in_parallel(written.size(), [&](std::size_t i) -> std::string {
    try {
      written[i].session->execute("ANALYZE " + quote_map_name(table.name));
      return {};
    } catch (const SqlFailure& failure) {
      return written[i].shard->name + ": ANALYZE: " + failure.what();
    }
  });
  for (const auto& failure : failures)
    if (!failure.empty()) terminal.warning(failure);
}

LoadPipeline::MakeReader reader_maker(const LoadTarget& target, const LoadRequest& request,
                                      InputBlocks& blocks) {
  if (request.format == Format::ndjson) return [&target] { return make_ndjson_reader(target.columns); };
  const auto header = blocks.first_record();
  if (!header) throw CommandFailed("line 1: a header is expected");
  auto dialect = request.dialect;
  dialect.crlf = header->text.ends_with("\r\n");
  return [&target, dialect, named = csv_header(target.columns, *header, dialect)] {
    return make_csv_reader(target.columns, named, dialect);
  };
}

/// Copies the input into the open transactions, telling of progress and, with --keep-good, of bad rows.
/// Throws CommandFailed where a shard fails, or where bad rows refuse the load.
void copy_input(LoadPipeline& pipeline, const LoadRequest& request, const Input& input, BadRows& bad,
                const Terminal& terminal) {
  std::vector<std::string> failures;
  {
    Progress progress(terminal, input.bytes, Progress::Clock::now());
    failures = pipeline.run(request.jobs, [&] {
      if (request.keep_good) {
        const auto rows = bad.take();
        if (!rows.empty()) progress.hide();
        tell_bad_rows(rows, terminal);
      }
      progress.show(pipeline.rows(), input.bytes_read(pipeline), Progress::Clock::now());
    });
  }
  if (!failures.empty()) {
    failures.emplace_back("nothing of the load was kept");
    throw CommandFailed(std::move(failures));
  }
  if (bad.refuse_load()) refuse_load(bad, terminal);
  if (request.mode == LoadMode::replace && pipeline.rows() == 0)
    throw CommandFailed("the input has no rows, so --replace would leave " + request.table +
                        " empty; nothing was changed (where that is meant, DELETE them on each shard)");
}

/// Returns the shards written to that answer still.
std::vector<WritingShard> commit(OpenLoad& load, const LoadPipeline& pipeline, LoadMode mode,
                                 const Terminal& terminal) {
  auto writing = writing_shards(load, pipeline);
  if (!commits_as_one(writing))
    terminal.warning(
        "max_prepared_transactions is 0 on a shard, so the shards commit one after the other: "
        "a crash between two commits would keep a part of the load");
  const auto& map = *load.target.map;
  const auto before = primaries_since(map, load.target.primaries);
  auto problems = before.replaced;
  for (const auto& [shard, problem] : before.silent) problems.push_back(problem);
  if (!problems.empty()) {
    problems.emplace_back("nothing of the load was kept");
    throw CommandFailed(std::move(problems));
  }
  commit_load(writing, mode);
  // What a primary says that was replaced meanwhile is not to be passed on as the shard's word.
  auto [replaced, silent] = primaries_since(map, load.target.primaries);
  if (!replaced.empty()) {
    replaced.emplace_back("the load was committed while this happened: whether its rows last is not known");
    throw CommandFailed(std::move(replaced));
  }
  for (const auto& [shard, problem] : silent)
    terminal.warning(problem + "; the load was committed before this, on all shards");
  std::erase_if(writing, [&](const WritingShard& written) { return silent.contains(written.shard->name); });
  return writing;
}

LoadSummary summary_of(const OpenLoad& load, const LoadPipeline& pipeline, const BadRows& bad,
                       std::chrono::duration<double> taken) {
  LoadSummary summary{load.target.table.name, {}, pipeline.rows(), bad.count(), taken.count()};
  for (std::uint16_t i = 0; i < load.sessions.size(); ++i)
    summary.shards.emplace_back(load.target.map->shards()[i].name, pipeline.rows(ShardId{i}));
  return summary;
}

}  // namespace

std::string count_of_bad_rows(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " bad row" : " bad rows");
}

LoadSummary load_rows(const ShardMap& map, const LoadRequest& request, const Terminal& terminal) {
  const auto start = Progress::Clock::now();
  const TablePlacement& placement = table_of_map(map, request.table);
  Input input = open_input(request.input, terminal);
  OpenLoad load = open_load(map, placement, request.mode);
  // After the turn is taken: what an interrupted load left is then neither missed nor taken for our own.
  finish_interrupted_loads(*load.target.map, terminal);

  const auto merge = begin_merge(load, request.mode);
  InputBlocks blocks(input.text(), request.format, InputBlocks::default_block_bytes,
                     request.dialect.delimiter, request.dialect.quotes);
  if (const auto foreign = foreign_input(blocks.beginning(), request.input, request.format, request.dialect))
    throw CommandFailed(request.input == "-" ? "the input: " + *foreign : request.input + ": " + *foreign);
  BadRows bad(request.keep_good ? std::nullopt : std::optional(bad_rows_enough));
  const auto make_reader = reader_maker(load.target, request, blocks);
  LoadPipeline pipeline(load.target, blocks, make_reader, load.sessions, bad, merge.get());
  copy_input(pipeline, request, input, bad, terminal);
  const auto written = commit(load, pipeline, request.mode, terminal);
  analyze(written, load.target.table, terminal);
  return summary_of(load, pipeline, bad, Progress::Clock::now() - start);
}

}  // namespace shardplex::operations
