// load: rows from NDJSON, CSV or TSV into the shards that own them.
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

/// The file's extension; of films.csv.gz that is .csv.
std::string extension_of(const std::string& input) {
  const std::filesystem::path path(input);
  return path.extension() == ".gz" ? path.stem().extension().string() : path.extension().string();
}

/// A TSV is a CSV with tabs.
bool is_tsv(const std::optional<std::string>& format, const std::string& input) {
  return format == "tsv" || (!format && extension_of(input) == ".tsv");
}

Format format_of(const std::optional<std::string>& name, const std::string& input) {
  if (name == "csv" || name == "tsv") return Format::csv;
  if (name == "ndjson") return Format::ndjson;
  if (name) throw UsageError("--format " + *name + ": ndjson, csv or tsv is expected");
  const std::string extension = extension_of(input);
  if (extension == ".csv" || extension == ".tsv") return Format::csv;
  if (input == "-" || extension == ".ndjson" || extension == ".jsonl" || extension == ".json")
    return Format::ndjson;
  throw UsageError("the name " + input +
                   " does not tell its format; give --format ndjson, --format csv or --format tsv");
}

/// One character that can separate: neither a quote nor a line's end.
std::optional<char> separator_of(const std::string& text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() != 1 || std::string_view("\"\r\n").find(text.front()) != std::string_view::npos)
    return std::nullopt;
  return text.front();
}

char delimiter_of(const GivenOptions& given, const std::string& input) {
  const auto text = given.text("delimiter");
  if (!text) return is_tsv(given.text("format"), input) ? '\t' : ',';
  const auto delimiter = separator_of(*text);
  if (!delimiter)
    throw UsageError("--delimiter " + *text + ": one character is expected (other than a quote), or tab");
  if (given.text("format") == "tsv" && delimiter != '\t')
    throw UsageError("--format tsv has tabs between its fields; --format csv takes --delimiter");
  return *delimiter;
}

std::optional<char> list_separator_of(const GivenOptions& given, char delimiter) {
  const auto text = given.text("list-separator");
  if (!text) return std::nullopt;
  const auto separator = separator_of(*text);
  if (!separator)
    throw UsageError("--list-separator " + *text +
                     ": one character is expected (other than a quote), or tab");
  if (separator == delimiter)
    throw UsageError("--list-separator is the delimiter of the fields; give another --delimiter");
  return separator;
}

/// Flags about CSV mean nothing to another format.
CsvDialect dialect_of(const GivenOptions& given, const LoadRequest& request) {
  if (request.format != Format::csv && given.has("list-separator"))
    throw UsageError("--list-separator is for --format csv; in NDJSON a list is an array: [\"a\", \"b\"]");
  if (request.format != Format::csv &&
      (given.has("delimiter") || given.has("null") || given.has("no-quotes")))
    throw UsageError("--delimiter, --null and --no-quotes are for --format csv");
  CsvDialect dialect;
  dialect.delimiter = delimiter_of(given, request.input);
  dialect.null_text = given.text("null").value_or("");
  dialect.quotes = !given.has("no-quotes");
  dialect.list_separator = list_separator_of(given, dialect.delimiter);
  std::string special{dialect.delimiter, '\r', '\n'};
  if (dialect.quotes) special += '"';
  if (dialect.null_text.find_first_of(special) != std::string::npos)
    throw UsageError("--null holds a delimiter, a quote or a line end");
  return dialect;
}

LoadMode mode_of(const GivenOptions& given) {
  if (given.has("upsert") && given.has("replace"))
    throw UsageError(
        "--upsert keeps the rows that are not in the input, --replace does not; give one of them");
  if (given.has("replace") && given.has("keep-good"))
    throw UsageError(
        "--replace --keep-good would delete the rows that are bad in the input; mend them, or load with "
        "--upsert --keep-good");
  if (given.has("upsert")) return LoadMode::upsert;
  return given.has("replace") ? LoadMode::replace : LoadMode::insert;
}

CommandOptions load_options() {
  CommandOptions options(
      "load --map FILE --table TABLE [--format ndjson|csv|tsv] [--delimiter C] [--null TEXT] [--no-quotes] "
      "[--list-separator C] [--upsert|--replace] [--keep-good] [--jobs N] FILE|-",
      "Loads rows into the shards that own them, by parallel COPY. Every row that is refused is told with "
      "its\n"
      "line. Unless --keep-good is given, one bad row is enough for nothing of the load to be kept.\n"
      "NDJSON: one object per line; a column not named takes its default. CSV: RFC 4180 with a header; an "
      "empty\n"
      "field is null unless it is quoted. TSV: the same with tabs. Input that is compressed by gzip is read "
      "as\n"
      "what it holds. A row without its bigint key gets an id.");
  options.add_map();
  options.add()("table", po::value<std::string>()->value_name("TABLE"), "the table to load into")(
      "format", po::value<std::string>()->value_name("FORMAT"),
      "ndjson, csv or tsv (default: by the file's extension, which .gz may follow; ndjson for -)")(
      "delimiter", po::value<std::string>()->value_name("C"),
      "between the fields of a CSV: a character, or tab (default: a comma; tab for .tsv)")(
      "null", po::value<std::string>()->value_name("TEXT"),
      "what stands for null in a CSV where it is not quoted (default: nothing at all)")(
      "no-quotes", "quotes in a CSV are text like any other, so no field holds a delimiter or a line end")(
      "list-separator", po::value<std::string>()->value_name("C"),
      "between the elements of arrays in a CSV, as in Drama|Comedy (default: arrays are PostgreSQL's "
      "literals)")("upsert", "of a row whose primary key is there, replace the columns that are given")(
      "replace", "give a reference table the rows of the input, and delete all others")(
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
  request.mode = mode_of(given);
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
