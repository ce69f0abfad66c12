// import run: an existing unsharded database becomes a cluster.
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "cli/command_line.hpp"
#include "cli/import_losses.hpp"
#include "operations/import/check.hpp"
#include "operations/import/run.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

double number_option(const GivenOptions& given, const std::string& name, double otherwise) {
  const auto value = given.positive<double>(name, otherwise);
  if (!(value < 1e9)) throw UsageError("--" + name + " takes a number above 0");
  return value;
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
  if (advance.phase == ImportPhase::reversible)
    terminal.out
        << "What is written to the shards flows to the source. 'import reverse' goes back to it with all of "
           "that,\n'import finish' ends the time in which that can be done; until then no slots move.\n";
}

boost::json::object report_json(const ImportReport& report) {
  boost::json::object object = to_json(report.advance);
  object["id"] = report.id;
  object["phase"] = to_string(report.advance.phase);
  object["write_pause_ms"] = report.write_pause ? boost::json::value(report.write_pause->count()) : nullptr;
  return object;
}

}  // namespace

int import_run(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "import run --map FILE --from DSN [--allow NAME,…] [--rehearse] [--rate MB/s] [--max-lag S] [--json]",
      "Brings an unsharded PostgreSQL database into the shards of the map, which it makes "
      "out of empty databases: tables,\n"
      "rows, indexes and constraints. The source serves its clients meanwhile; their "
      "changes are followed, and all rows\n"
      "compared, before the cutover makes the source read-only and gives the slots to the "
      "shards. An import that was\n"
      "interrupted goes on where it was.");
  options.add_map();
  options.add()(
      "from", po::value<std::string>()->value_name("DSN"),
      "connection string of the unsharded database; passwords belong into PGPASSWORD or a passfile");
  add_allow(options);
  options.add()("rehearse", "stop before the cutover")("rate", po::value<double>()->value_name("MB/s"),
                                                       "copy no faster than this")(
      "max-lag", po::value<double>()->value_name("S"),
      "cut over only where the shards are at most so far behind (default 1)");
  options.add_json("print the result as JSON");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  const std::string source = given->required("from", "--from DSN");
  ImportOptions how;
  how.rehearse = given->has("rehearse");
  how.bytes_per_second = static_cast<std::uint64_t>(number_option(*given, "rate", 0) * 1e6);
  how.max_lag = std::chrono::duration<double>(number_option(*given, "max-lag", 1));
  const AcceptedLosses accepted = accepted_losses(*given);
  how.accepted = accepted;
  ImportFindings findings;
  if (!find_import(map)) {
    findings = check_import(map, source);
    require_importable(findings, accepted, terminal);
    how.way_back = std::ranges::none_of(
        findings.losses, [](const ImportLoss& loss) { return loss.kind == LossKind::no_way_back; });
  }
  ImportReport report;
  {
    ImportDisplay display(terminal);
    ImportRunner runner(map, source, how, [&](const ImportAdvance& advance) { display.show(advance); });
    report = runner.run();
  }
  if (given->json()) {
    boost::json::object object = report_json(report);
    object["losses"] = to_json(findings.losses, accepted);
    terminal.out << object << '\n';
  } else {
    print_report(report, terminal);
  }
  return exit_ok;
}

}  // namespace shardplex::cli
