// load: rows from NDJSON or CSV into the shards that own them.
#include <algorithm>
#include <filesystem>
#include <thread>

#include "cli/command_line.hpp"
#include "operations/load/load.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/map_file.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

constexpr unsigned most_default_jobs = 4;

Format format_of(const std::optional<std::string>& name, const std::string& input) {
  if (name == "csv") return Format::csv;
  if (name == "ndjson") return Format::ndjson;
  if (name) throw UsageError("--format " + *name + ": ndjson or csv is expected");
  const std::string extension = std::filesystem::path(input).extension().string();
  if (extension == ".csv" || extension == ".tsv") return Format::csv;
  if (input == "-" || extension == ".ndjson" || extension == ".jsonl" || extension == ".json")
    return Format::ndjson;
  throw UsageError("the name " + input + " does not tell its format; give --format ndjson or --format csv");
}

char delimiter_of(const std::optional<std::string>& given, const std::string& input) {
  if (!given) return std::filesystem::path(input).extension() == ".tsv" ? '\t' : ',';
  if (*given == "tab" || *given == "\\t") return '\t';
  if (given->size() == 1 && std::string_view("\"\r\n").find(given->front()) == std::string_view::npos)
    return given->front();
  throw UsageError("--delimiter " + *given + ": one character is expected (other than a quote), or tab");
}

/// Flags about CSV mean nothing to another format.
CsvDialect dialect_of(const GivenOptions& given, const LoadRequest& request) {
  if (request.format != Format::csv && (given.has("delimiter") || given.has("null")))
    throw UsageError("--delimiter and --null are for --format csv");
  CsvDialect dialect{delimiter_of(given.text("delimiter"), request.input), given.text("null").value_or(""),
                     false};
  if (dialect.null_text.find_first_of(std::string{dialect.delimiter, '"', '\r', '\n'}) != std::string::npos)
    throw UsageError("--null holds a delimiter, a quote or a line end");
  return dialect;
}

CommandOptions load_options() {
  CommandOptions options(
      "load --map FILE --table TABLE [--format ndjson|csv] [--delimiter C] [--null TEXT] [--keep-good] "
      "[--jobs N] FILE|-",
      "Loads rows into the shards that own them, by parallel COPY. Every row that is refused is told with "
      "its\n"
      "line. Unless --keep-good is given, one bad row is enough for nothing of the load to be kept.\n"
      "NDJSON: one object per line; a column not named takes its default. CSV: RFC 4180 with a header; an "
      "empty\n"
      "field is null unless it is quoted. A row without its bigint key gets an id.");
  options.add_map();
  options.add()("table", po::value<std::string>()->value_name("TABLE"), "the table to load into")(
      "format", po::value<std::string>()->value_name("FORMAT"),
      "ndjson or csv (default: by the file's extension; ndjson for -)")(
      "delimiter", po::value<std::string>()->value_name("C"),
      "between the fields of a CSV: a character, or tab (default: a comma; tab for .tsv)")(
      "null", po::value<std::string>()->value_name("TEXT"),
      "what stands for null in a CSV where it is not quoted (default: nothing at all)")(
      "keep-good", "keep the good rows where some are bad (still exits with 1)")(
      "jobs", po::value<unsigned>()->value_name("N"),
      "parsing threads (default: one per processor, at most 4)");
  options.add_positional("input", 1);
  return options;
}

LoadRequest read_request(const GivenOptions& given) {
  LoadRequest request;
  request.table = given.required("table", "--table TABLE");
  request.input = given.required("input", "FILE (or - for standard input)");
  request.format = format_of(given.text("format"), request.input);
  request.dialect = dialect_of(given, request);
  request.keep_good = given.has("keep-good");
  request.jobs = std::clamp(std::thread::hardware_concurrency(), 1U, most_default_jobs);
  if (given.has("jobs")) request.jobs = given.get<unsigned>("jobs");
  check_jobs(request.jobs);
  return request;
}

void print(const LoadSummary& summary, const Terminal& terminal) {
  TextTable table({{"SHARD"}, {"ROWS", TextTable::Align::right}});
  for (const auto& [shard, rows] : summary.shards) table.add({shard, with_thousands(rows)});
  table.print(terminal);
  const double rate = summary.seconds > 0 ? static_cast<double>(summary.rows) / summary.seconds : 0;
  terminal.out << "loaded " << with_thousands(summary.rows) << " rows into " << summary.table << " ("
               << with_thousands(static_cast<std::uint64_t>(rate)) << " rows/s)\n";
}

}  // namespace

int load(Arguments args, const Terminal& terminal) {
  const auto given = load_options().parse(args, terminal);
  if (!given) return exit_ok;
  const std::string map_file = given->map_file();
  const LoadRequest request = read_request(*given);
  const LoadSummary summary = load_rows(load_shard_map(map_file), request, terminal);
  print(summary, terminal);
  if (summary.bad_rows > 0) throw CommandFailed(count_of_bad_rows(summary.bad_rows) + " left out");
  return exit_ok;
}

}  // namespace shardplex::cli
