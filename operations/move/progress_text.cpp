#include "operations/move/progress_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "operations/process/progress.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::operations {

namespace {

std::string decimal(double value, const char* format) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

bool is_copying(const MoveBoard::Line& line) {
  return line.entry.phase == Phase::moving && line.progress.step == Step::copy;
}

std::string_view activity_towards_hand_over(Step step) {
  switch (step) {
    case Step::copy:
      return "copying";
    case Step::subscribe:
    case Step::catch_up:
      return "catching up";
    case Step::verify:
      return "verifying";
    case Step::publish_reverse:
    case Step::make_reverse_replication_slot:
    case Step::fence:
    case Step::drain:
    case Step::hand_over:
    case Step::unfence:
      return "cutting over";
    case Step::start_over:
      return "starting over";
    default:
      return "preparing";
  }
}

}  // namespace

std::string rate_text(const MoveProgress& progress) {
  return decimal(progress.bytes_per_second / 1e6, "%.1f");
}

std::string pause_text(double write_pause_ms) {
  return decimal(write_pause_ms, "%.0f ms");
}

std::string lag_text(const MoveProgress& progress) {
  std::string text;
  if (progress.lag_bytes) text = human_bytes(*progress.lag_bytes);
  if (progress.lag_seconds)
    text.append(text.empty() ? "" : " / ").append(decimal(*progress.lag_seconds, "%.2f s"));
  return text;
}

std::string rows_text(const MoveBoard::Line& line) {
  std::string text = with_thousands(line.progress.rows);
  if (is_copying(line) && line.progress.total_rows)
    text += " of ~" + with_thousands(*line.progress.total_rows);
  return text;
}

std::optional<double> eta_seconds(const MoveBoard::Line& line) {
  const MoveProgress& progress = line.progress;
  if (!is_copying(line) || progress.paused || !progress.total_rows) return std::nullopt;
  if (progress.rows == 0 || progress.bytes == 0 || progress.bytes_per_second <= 0) return std::nullopt;
  const double bytes_per_row = static_cast<double>(progress.bytes) / static_cast<double>(progress.rows);
  const auto left = *progress.total_rows - std::min(*progress.total_rows, progress.rows);
  return static_cast<double>(left) * bytes_per_row / progress.bytes_per_second;
}

std::string_view activity(Phase phase, Step step) {
  const bool deleting = step == Step::delete_source_rows || step == Step::delete_target_rows;
  if (phase == Phase::moving) return activity_towards_hand_over(step);
  if (deleting && is_under_way(phase)) return "deleting rows";
  return to_string(phase);
}

std::string state_text(const MoveBoard::Line& line) {
  std::string text(activity(line.entry.phase, line.progress.step));
  if (!line.entry.problem.empty()) return text + ", stopped";
  if (!line.progress.trouble.empty() && line.running) return text + ", held up";
  if (!is_under_way(line.entry.phase)) return text;
  if (line.progress.paused) return text + ", paused";
  return line.running ? text : text + ", waiting";
}

std::string details_text(const MoveBoard::Line& line) {
  const MoveProgress& progress = line.progress;
  std::string text;
  const auto add = [&](const std::string& detail) { text.append(text.empty() ? "" : "  ").append(detail); };
  const bool compares = progress.step == Step::verify || progress.step == Step::verify_reverse;
  if (progress.rows > 0) add(rows_text(line) + " rows");
  if (is_copying(line)) add(rate_text(progress) + " MB/s");
  if (const auto eta = eta_seconds(line)) add("ETA " + minutes_and_seconds(*eta));
  if (compares && is_under_way(line.entry.phase)) add(with_thousands(progress.compared_rows) + " compared");
  if (const auto lag = lag_text(progress); !lag.empty() && !is_over(line.entry.phase)) add("lag " + lag);
  if (progress.write_pause_ms) add("write pause " + pause_text(*progress.write_pause_ms));
  if (progress.deleted_rows > 0) add(with_thousands(progress.deleted_rows) + " deleted");
  if (progress.start_overs > 0) add("started over: " + std::to_string(progress.start_overs));
  if (progress.cutover_attempts > 1) add("cutovers tried: " + std::to_string(progress.cutover_attempts));
  if (!line.entry.problem.empty()) add(line.entry.problem);
  if (!progress.trouble.empty() && line.running)
    add(progress.trouble + (progress.gives_up_in_seconds
                                ? " (gives up in " + decimal(*progress.gives_up_in_seconds, "%.0f s") + ")"
                                : ""));
  return text;
}

std::optional<double> copied_fraction(const MoveBoard::Line& line) {
  const MoveProgress& progress = line.progress;
  if (!is_copying(line) || !progress.total_rows || *progress.total_rows == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(progress.rows) / static_cast<double>(*progress.total_rows));
}

std::string line_text(const MoveBoard::Line& line) {
  const MoveEntry& entry = line.entry;
  const std::string details = details_text(line);
  return entry.id + " " + entry.source + " -> " + entry.target + "  " + state_text(line) +
         (details.empty() ? "" : "  " + details);
}

}  // namespace shardplex::operations
