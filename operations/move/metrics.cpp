// All metrics of a mover are in the table below.
#include "operations/move/metrics.hpp"

#include <CivetServer.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <array>

#include "operations/move/progress_text.hpp"
#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

struct Gauge {
  const char* name;
  const char* help;
  std::optional<double> (*value)(const MoveProgress&);  ///< nullopt: not known, so not shown
};

constexpr const char* phase_name = "shardplex_move_phase";
constexpr const char* phase_help = "1 for what is being done for the move (label activity).";

constexpr std::array gauges{
    Gauge{"shardplex_move_rows_copied", "Rows copied to the target.",
          [](const MoveProgress& p) -> std::optional<double> { return static_cast<double>(p.rows); }},
    Gauge{"shardplex_move_bytes_copied", "Bytes of binary COPY sent to the target.",
          [](const MoveProgress& p) -> std::optional<double> { return static_cast<double>(p.bytes); }},
    Gauge{"shardplex_move_bytes_per_second", "Speed of the copy.",
          [](const MoveProgress& p) -> std::optional<double> { return p.bytes_per_second; }},
    Gauge{"shardplex_move_lag_bytes", "WAL of the source that the target has not confirmed.",
          [](const MoveProgress& p) -> std::optional<double> {
            return p.lag_bytes ? std::optional(static_cast<double>(*p.lag_bytes)) : std::nullopt;
          }},
    Gauge{"shardplex_move_lag_seconds", "From a marker's commit on the source to its arrival.",
          [](const MoveProgress& p) { return p.lag_seconds; }},
    Gauge{"shardplex_move_write_pause_seconds", "From the fence to the target's ownership.",
          [](const MoveProgress& p) -> std::optional<double> {
            return p.write_pause_ms ? std::optional(*p.write_pause_ms / 1000) : std::nullopt;
          }},
    Gauge{
        "shardplex_move_rows_compared", "Rows compared between source and target.",
        [](const MoveProgress& p) -> std::optional<double> { return static_cast<double>(p.compared_rows); }},
    Gauge{"shardplex_move_rows_deleted", "Rows deleted of the copy that is not needed any more.",
          [](const MoveProgress& p) -> std::optional<double> { return static_cast<double>(p.deleted_rows); }},
    Gauge{"shardplex_move_cutover_attempts", "How often the cutover was tried.",
          [](const MoveProgress& p) -> std::optional<double> { return p.cutover_attempts; }},
    Gauge{"shardplex_move_start_overs", "How often the copy was started over, as after a failover.",
          [](const MoveProgress& p) -> std::optional<double> { return p.start_overs; }},
};

using Labels = std::vector<prometheus::ClientMetric::Label>;

Labels labels_of(const MoveEntry& entry) {
  return {{"move", entry.id}, {"group", entry.group}, {"source", entry.source}, {"target", entry.target}};
}

void add(prometheus::MetricFamily& family, Labels labels, double value) {
  auto& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  metric.gauge.value = value;
}

class Scrape : public prometheus::Collectable {
 public:
  explicit Scrape(const MoveBoard& board) : board_(board) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const auto lines = board_.lines();
    std::vector<prometheus::MetricFamily> families{
        {phase_name, phase_help, prometheus::MetricType::Gauge, {}}};
    for (const auto& line : lines) {
      Labels labels = labels_of(line.entry);
      labels.push_back({"activity", std::string(activity(line.entry.phase, line.progress.step))});
      add(families.back(), std::move(labels), 1);
    }
    for (const auto& gauge : gauges) {
      families.push_back({gauge.name, gauge.help, prometheus::MetricType::Gauge, {}});
      for (const auto& line : lines)
        if (const auto value = gauge.value(line.progress))
          add(families.back(), labels_of(line.entry), *value);
    }
    return families;
  }

 private:
  const MoveBoard& board_;
};

}  // namespace

struct MoverMetrics::Exposed {
  Exposed(const MoveBoard& board, const std::string& address)
      : scrape(std::make_shared<Scrape>(board)), exposer(address, 1) {
    exposer.RegisterCollectable(scrape);
  }
  std::shared_ptr<Scrape> scrape;
  prometheus::Exposer exposer;
};

MoverMetrics::MoverMetrics(const MoveBoard& board, const std::string& address_and_port) try
    : exposed_(std::make_unique<Exposed>(board, address_and_port)) {
} catch (const CivetException&) {
  throw CommandFailed("metrics cannot be served at " + address_and_port +
                      ": the port is taken, or it is not an address and a port");
}

MoverMetrics::~MoverMetrics() = default;

}  // namespace shardplex::operations
