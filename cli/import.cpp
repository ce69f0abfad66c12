// import check, run, status, abort: an existing unsharded database becomes a cluster.
#include <boost/json.hpp>
#include <chrono>

#include "cli/command_line.hpp"
#include "operations/import/check.hpp"
#include "operations/import/run.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

void add_map(CommandOptions& options) {
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map");
}

void add_source(CommandOptions& options, const char* about) {
  options.add()("from", po::value<std::string>()->value_name("DSN"), about);
}

ShardMap map_of(const po::variables_map& values) {
  return load_shard_map(required_option(values, "map", "--map FILE"));
}

void add_json(CommandOptions& options) {
  options.add()("json", "print the result as JSON");
}

void print(const boost::json::value& value, const Terminal& terminal) {
  terminal.out << boost::json::serialize(value) << '\n';
}

double number_option(const po::variables_map& values, const std::string& name, double otherwise) {
  if (!values.contains(name)) return otherwise;
  const double value = values[name].as<double>();
  if (!(value > 0 && value < 1e9)) throw UsageError("--" + name + " takes a number above 0");
  return value;
}

/// Throws CommandFailed with all problems; warns of the rest.
void require_good(const ShardMap& map, const std::string& source, const Terminal& terminal) {
  const ImportFindings findings = check_import(map, source);
  for (const auto& warning : findings.warnings) terminal.warning(warning);
  if (!findings.problems.empty()) throw CommandFailed(findings.problems);
}

std::string advance_text(const ImportAdvance& advance) {
  const std::string phase(to_string(advance.phase));
  switch (advance.phase) {
    case ImportPhase::copy:
      return phase + "  " + with_thousands(advance.rows_copied) +
             (advance.rows_expected > 0
                  ? " of about " + with_thousands(static_cast<std::uint64_t>(advance.rows_expected))
                  : "") +
             " rows  " + human_bytes(advance.bytes_copied);
    case ImportPhase::follow:
    case ImportPhase::fence:
      return phase + "  " + with_thousands(advance.changes_applied) + " changes applied  " +
             with_thousands(advance.rows_compared) + " rows compared  lag " + human_bytes(advance.lag_bytes);
    default:
      return phase;
  }
}

/// How far the import is: one line redrawn on a tty; in a pipe, a line for each phase and every few seconds.
class ImportDisplay {
 public:
  explicit ImportDisplay(const Terminal& terminal) : terminal_(terminal) {}
  ~ImportDisplay() {
    if (drawn_) terminal_.err << "\r\033[K" << std::flush;
  }

  void show(const ImportAdvance& advance) {
    const auto now = Clock::now();
    const auto interval =
        terminal_.err_is_tty ? std::chrono::milliseconds(100) : std::chrono::milliseconds(3000);
    if (phase_ == advance.phase && now - last_ < interval) return;
    phase_ = advance.phase;
    last_ = now;
    std::string text = advance_text(advance);
    const std::chrono::duration<double> passed = now - since_;
    if (advance.phase == ImportPhase::copy && advance.bytes_copied > 0)
      text += "  " +
              human_bytes(
                  static_cast<std::uint64_t>(static_cast<double>(advance.bytes_copied) / passed.count())) +
              "/s";
    drawn_ = terminal_.err_is_tty;
    if (terminal_.err_is_tty)
      terminal_.err << '\r' << text.substr(0, terminal_.width - 1) << "\033[K" << std::flush;
    else
      terminal_.err << text << std::endl;
    if (advance.bytes_copied == 0) since_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  const Terminal& terminal_;
  std::optional<ImportPhase> phase_;
  Clock::time_point last_{}, since_ = Clock::now();
  bool drawn_ = false;
};

void print_report(const ImportReport& report, const Terminal& terminal) {
  const ImportAdvance& advance = report.advance;
  terminal.out << "import " << report.id << ": " << with_thousands(advance.rows_copied) << " rows copied, "
               << with_thousands(advance.changes_applied) << " changes applied, "
               << with_thousands(advance.rows_compared) << " rows compared\n";
  if (advance.phase == ImportPhase::follow) {
    terminal.out
        << "rehearsed: the shards hold what the source holds, and nothing was cut over. 'import run' without "
           "--rehearse goes on from\nhere, 'import abort' removes everything. Until then the source keeps "
           "its log "
           "from here on.\n";
    return;
  }
  terminal.out << "done: the shards own the data; the source keeps its own and refuses writes\n";
  if (report.write_pause) terminal.out << "writes paused for " << report.write_pause->count() << " ms\n";
}

boost::json::object report_json(const ImportReport& report) {
  boost::json::object object = to_json(report.advance);
  object["id"] = report.id;
  object["phase"] = to_string(report.advance.phase);
  object["write_pause_ms"] = report.write_pause ? boost::json::value(report.write_pause->count()) : nullptr;
  return object;
}

ImportEntry existing_import(const ShardMap& map) {
  if (auto entry = find_import(map)) return *std::move(entry);
  throw CommandFailed("there is no import into this cluster");
}

}  // namespace

int import_check(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "import check --map FILE --from DSN",
      "Looks for everything that could fail later in an import, on the source and on every shard, and\n"
      "tells it all at once. Changes nothing.");
  add_map(options);
  add_source(options, "connection string of the unsharded database");
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  require_good(map_of(*values), required_option(*values, "from", "--from DSN"), terminal);
  terminal.out << "nothing stands in the way of an import\n";
  return exit_ok;
}

int import_run(Arguments args, const Terminal& terminal) {
  CommandOptions options("import run --map FILE --from DSN [--rehearse] [--rate MB/s] [--max-lag S] [--json]",
                         "Brings an unsharded PostgreSQL database into the shards of the map, which it makes "
                         "out of empty databases: tables,\n"
                         "rows, indexes and constraints. The source serves its clients meanwhile; their "
                         "changes are followed, and all rows\n"
                         "compared, before the cutover makes the source read-only and gives the slots to the "
                         "shards. An import that was\n"
                         "interrupted goes on where it was.");
  add_map(options);
  add_source(options,
             "connection string of the unsharded database; passwords belong into PGPASSWORD or a passfile");
  options.add()("rehearse", "stop before the cutover")("rate", po::value<double>()->value_name("MB/s"),
                                                       "copy no faster than this")(
      "max-lag", po::value<double>()->value_name("S"),
      "cut over only where the shards are at most so far behind (default 1)");
  add_json(options);
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const ShardMap map = map_of(*values);
  const std::string source = required_option(*values, "from", "--from DSN");
  ImportOptions how;
  how.rehearse = values->contains("rehearse");
  how.bytes_per_second = static_cast<std::uint64_t>(number_option(*values, "rate", 0) * 1e6);
  how.max_lag = std::chrono::duration<double>(number_option(*values, "max-lag", 1));
  if (!find_import(map)) require_good(map, source, terminal);
  ImportReport report;
  {
    ImportDisplay display(terminal);
    ImportRunner runner(map, source, how, [&](const ImportAdvance& advance) { display.show(advance); });
    report = runner.run();
  }
  if (values->contains("json"))
    print(report_json(report), terminal);
  else
    print_report(report, terminal);
  return exit_ok;
}

int import_status(Arguments args, const Terminal& terminal) {
  CommandOptions options("import status --map FILE [--json]",
                         "Tells how far the import into this cluster is.");
  add_map(options);
  add_json(options);
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const ImportEntry entry = existing_import(map_of(*values));
  boost::json::object progress = boost::json::parse(entry.progress).as_object();
  if (values->contains("json")) {
    progress["id"] = entry.id;
    progress["source"] = entry.source;
    progress["phase"] = to_string(entry.phase);
    progress["problem"] = entry.problem ? boost::json::value(*entry.problem) : nullptr;
    progress["created_at"] = entry.created_at;
    progress["changed_at"] = entry.changed_at;
    print(progress, terminal);
    return exit_ok;
  }
  TextTable table({{"IMPORT"}, {"PHASE"}, {"FROM"}, {"BEGUN"}, {"CHANGED"}});
  table.add({entry.id, std::string(to_string(entry.phase)), address_of(entry.source), entry.created_at,
             entry.changed_at});
  table.print(terminal);
  for (const auto& [name, value] : progress)
    terminal.out << name << ": " << boost::json::serialize(value) << '\n';
  if (entry.problem) terminal.warning("it has stopped: " + *entry.problem);
  if (entry.phase == ImportPhase::fence)
    terminal.note("the source may be refusing writes; 'import run' or 'import abort' ends that");
  return exit_ok;
}

int import_abort(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "import abort --map FILE [--from DSN]",
      "Removes all that an import has made, on the shards and on the source, which goes on as before.\n"
      "Refused once the cutover is decided.");
  add_map(options);
  add_source(
      options,
      "connection string of the source, where it is reached in another way than when the import began");
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const ShardMap map = map_of(*values);
  existing_import(map);
  const std::string source = values->contains("from") ? (*values)["from"].as<std::string>() : "";
  ImportRunner(map, source, {}, [](const ImportAdvance&) {}).abort();
  terminal.out << "aborted: nothing of the import is left\n";
  return exit_ok;
}

}  // namespace shardplex::cli
