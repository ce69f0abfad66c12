// load: rows from NDJSON or CSV into the shards that own them. All of the input is kept or, unless
// --keep-good is given, none of it.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/command_line.hpp"
#include "operations/load/commit.hpp"
#include "operations/load/pipeline.hpp"
#include "operations/process/progress.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

constexpr std::uint64_t bad_rows_enough = 20;  // to give up, without --keep-good
constexpr unsigned most_default_jobs = 4;
constexpr std::int64_t load_lock_class = 1936223346;  // one load of a table under the list strategy at a time

struct Request {
  std::string map_file, table, input;
  Format format = Format::ndjson;
  bool keep_good = false;
  unsigned jobs = 1;
};

/// The input, open, and its size where it has one.
struct Input {
  std::ifstream file;
  std::istream* stream = nullptr;
  std::optional<std::uint64_t> bytes;
};

/// The shards' transactions, open and safe from fences.
struct OpenLoad {
  LoadTarget target;
  std::vector<CopySession> sessions;  ///< by shard
};

Format format_of(const std::optional<std::string>& name, const std::string& input) {
  if (name == "csv") return Format::csv;
  if (name == "ndjson") return Format::ndjson;
  if (name) throw UsageError("--format " + *name + ": ndjson or csv is expected");
  const std::string extension = std::filesystem::path(input).extension().string();
  if (extension == ".csv") return Format::csv;
  if (input == "-" || extension == ".ndjson" || extension == ".jsonl" || extension == ".json")
    return Format::ndjson;
  throw UsageError("the name " + input + " does not tell its format; give --format ndjson or --format csv");
}

CommandOptions load_options() {
  CommandOptions options(
      "load --map FILE --table TABLE [--format ndjson|csv] [--keep-good] [--jobs N] FILE|-",
      "Loads rows into the shards that own them, by parallel COPY. Every row that is refused is told with "
      "its\n"
      "line. Unless --keep-good is given, one bad row is enough for nothing of the load to be kept.\n"
      "NDJSON: one object per line; a column not named takes its default. CSV: RFC 4180 with a header; an "
      "empty\n"
      "field is null unless it is quoted. A row without its bigint key gets an id.");
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map")(
      "table", po::value<std::string>()->value_name("TABLE"), "the table to load into")(
      "format", po::value<std::string>()->value_name("FORMAT"),
      "ndjson or csv (default: by the file's extension; ndjson for -)")(
      "keep-good", "keep the good rows where some are bad (still exits with 1)")(
      "jobs", po::value<unsigned>()->value_name("N"),
      "parsing threads (default: one per processor, at most 4)");
  options.add_positional("input", 1);
  return options;
}

std::optional<Request> parse_request(Arguments args, const Terminal& terminal) {
  const auto values = load_options().parse(args, terminal);
  if (!values) return std::nullopt;
  Request request;
  request.map_file = required_option(*values, "map", "--map FILE");
  request.table = required_option(*values, "table", "--table TABLE");
  request.input = required_option(*values, "input", "FILE (or - for standard input)");
  std::optional<std::string> format;
  if (values->contains("format")) format = (*values)["format"].as<std::string>();
  request.format = format_of(format, request.input);
  request.keep_good = values->contains("keep-good");
  request.jobs = std::clamp(std::thread::hardware_concurrency(), 1U, most_default_jobs);
  if (values->contains("jobs")) request.jobs = (*values)["jobs"].as<unsigned>();
  if (request.jobs < 1 || request.jobs > 64) throw UsageError("--jobs takes a number from 1 to 64");
  return request;
}

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

std::vector<CopySession> begin_all(const LoadTarget& target) {
  std::vector<CopySession> sessions;
  const auto& shards = target.map->shards();
  for (std::uint16_t i = 0; i < shards.size(); ++i) try {
      sessions.push_back(begin(shards[i], target, ShardId{i}));
    } catch (const SqlFailure& failure) {
      if (failure.sqlstate == sqlstate_stale_epoch || failure.sqlstate == sqlstate_fence) throw;
      throw CommandFailed(shards[i].name + ": " + failure.what());
    }
  if (target.sharded && target.sharded->unique_over_lists) take_turn(sessions.front(), target);
  return sessions;
}

/// Ownership may change between reading it and locking it; then it is read again, for a bounded time.
OpenLoad open_load(const ShardMap& map, const TablePlacement& placement) {
  constexpr std::chrono::seconds patience{10};
  constexpr std::chrono::milliseconds pause{100};
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    LoadTarget target = find_load_target(map, placement);
    try {
      auto sessions = begin_all(target);
      return {std::move(target), std::move(sessions)};
    } catch (const SqlFailure& failure) {
      if (std::chrono::steady_clock::now() > give_up)
        throw CommandFailed(std::string(failure.what()) + "; load when the move is done");
    }
    std::this_thread::sleep_for(pause);
  }
}

std::string count_of_bad_rows(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " bad row" : " bad rows");
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
      written[i].session->execute("ANALYZE public." + quote_identifier(table.name));
      return {};
    } catch (const SqlFailure& failure) {
      return written[i].shard->name + ": ANALYZE: " + failure.what();
    }
  });
  for (const auto& failure : failures)
    if (!failure.empty()) terminal.warning(failure);
}

void print_summary(const OpenLoad& load, const LoadPipeline& pipeline, double seconds,
                   const Terminal& terminal) {
  TextTable table({{"SHARD"}, {"ROWS", TextTable::Align::right}});
  for (std::uint16_t i = 0; i < load.sessions.size(); ++i)
    table.add({load.target.map->shards()[i].name, with_thousands(pipeline.rows(ShardId{i}))});
  table.print(terminal);
  const double rate = seconds > 0 ? static_cast<double>(pipeline.rows()) / seconds : 0;
  terminal.out << "loaded " << with_thousands(pipeline.rows()) << " rows into " << load.target.table.name
               << " (" << with_thousands(static_cast<std::uint64_t>(rate)) << " rows/s)\n";
}

LoadPipeline::MakeReader reader_maker(const LoadTarget& target, Format format, InputBlocks& blocks) {
  if (format == Format::ndjson) return [&target] { return make_ndjson_reader(target.columns); };
  const auto header = blocks.first_record();
  if (!header) throw CommandFailed("line 1: a header is expected");
  return [&target, named = csv_header(target.columns, *header)] {
    return make_csv_reader(target.columns, named);
  };
}

/// Copies the input into the open transactions, telling of progress and, with --keep-good, of bad rows.
/// Throws CommandFailed where a shard fails, or where bad rows refuse the load.
void copy_input(LoadPipeline& pipeline, const Request& request, const Input& input, BadRows& bad,
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
      progress.show(pipeline.rows(), pipeline.bytes_read(), Progress::Clock::now());
    });
  }
  if (!failures.empty()) throw CommandFailed(std::move(failures));
  if (bad.count() > 0 && !request.keep_good) refuse_load(bad, terminal);
}

std::vector<WritingShard> commit(OpenLoad& load, const LoadPipeline& pipeline, const Terminal& terminal) {
  auto writing = writing_shards(load, pipeline);
  if (!commits_as_one(writing))
    terminal.warning(
        "max_prepared_transactions is 0 on a shard, so the shards commit one after the other: "
        "a crash between two commits would keep a part of the load");
  commit_load(writing);
  return writing;
}

int run(const Request& request, const Terminal& terminal) {
  const auto start = Progress::Clock::now();
  const ShardMap map = load_shard_map(request.map_file);
  const TablePlacement& placement = table_of_map(map, request.table);
  Input input = open_input(request.input, terminal);
  std::istream& stream = input.stream != nullptr ? *input.stream : input.file;
  OpenLoad load = open_load(map, placement);
  // After the turn is taken: what an interrupted load left is then neither missed nor taken for our own.
  finish_interrupted_loads(map, terminal);

  InputBlocks blocks(stream, request.format);
  BadRows bad(request.keep_good ? std::nullopt : std::optional(bad_rows_enough));
  const auto make_reader = reader_maker(load.target, request.format, blocks);
  LoadPipeline pipeline(load.target, blocks, make_reader, load.sessions, bad);
  copy_input(pipeline, request, input, bad, terminal);
  const auto written = commit(load, pipeline, terminal);
  analyze(written, load.target.table, terminal);
  const std::chrono::duration<double> taken = Progress::Clock::now() - start;
  print_summary(load, pipeline, taken.count(), terminal);
  if (bad.count() > 0) throw CommandFailed(count_of_bad_rows(bad.count()) + " left out");
  return exit_ok;
}

}  // namespace

int load(Arguments args, const Terminal& terminal) {
  const auto request = parse_request(args, terminal);
  return request ? run(*request, terminal) : exit_ok;
}

}  // namespace shardplex::cli
