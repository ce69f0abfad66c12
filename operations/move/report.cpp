#include "operations/move/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>
#include <utility>

#include "operations/process/json_values.hpp"
#include "operations/process/progress.hpp"

namespace shardplex::operations {
namespace {

namespace json = boost::json;

/// A member that is missing or of another type leaves the value as it is.
template <class Number, class Value>
void read_number(const json::object& object, std::string_view name, Value& value) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_number()) return;
  json::error_code error;
  const auto number = found->to_number<Number>(error);
  if (!error) value = number;
}

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

json::object progress_json(const MoveProgress& progress) {
  return {{"step", to_string(progress.step)},
          {"paused", progress.paused},
          {"rows", progress.rows},
          {"bytes", progress.bytes},
          {"total_rows", or_null(progress.total_rows)},
          {"bytes_per_second", progress.bytes_per_second},
          {"compared_rows", progress.compared_rows},
          {"deleted_rows", progress.deleted_rows},
          {"lag_bytes", or_null(progress.lag_bytes)},
          {"lag_seconds", or_null(progress.lag_seconds)},
          {"write_pause_ms", or_null(progress.write_pause_ms)},
          {"cutover_attempts", progress.cutover_attempts},
          {"start_overs", progress.start_overs},
          {"seconds", progress.seconds}};
}

std::string to_json(const MoveProgress& progress) {
  return json::serialize(progress_json(progress));
}

MoveProgress parse_progress(std::string_view text) {
  MoveProgress progress;
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) return progress;
  const json::object& object = value.get_object();
  if (const auto* step = object.if_contains("step"); step != nullptr && step->is_string())
    progress.step = parse_step(std::string_view(step->get_string())).value_or(progress.step);
  if (const auto* paused = object.if_contains("paused"); paused != nullptr && paused->is_bool())
    progress.paused = paused->get_bool();
  read_number<std::uint64_t>(object, "rows", progress.rows);
  read_number<std::uint64_t>(object, "bytes", progress.bytes);
  read_number<std::uint64_t>(object, "total_rows", progress.total_rows);
  read_number<double>(object, "bytes_per_second", progress.bytes_per_second);
  read_number<std::uint64_t>(object, "compared_rows", progress.compared_rows);
  read_number<std::uint64_t>(object, "deleted_rows", progress.deleted_rows);
  read_number<std::uint64_t>(object, "lag_bytes", progress.lag_bytes);
  read_number<double>(object, "lag_seconds", progress.lag_seconds);
  read_number<double>(object, "write_pause_ms", progress.write_pause_ms);
  read_number<int>(object, "cutover_attempts", progress.cutover_attempts);
  read_number<int>(object, "start_overs", progress.start_overs);
  read_number<double>(object, "seconds", progress.seconds);
  return progress;
}

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

void MoveBoard::put(const MoveEntry& entry) {
  const std::lock_guard lock(mutex_);
  std::erase_if(lines_, [&](const Line& line) { return line.entry.id == entry.id; });
  const auto order = [](const MoveEntry& one) { return std::tie(one.created_at, one.number, one.id); };
  const auto at =
      std::ranges::upper_bound(lines_, order(entry), {}, [&](const Line& line) { return order(line.entry); });
  lines_.insert(at, Line{entry, parse_progress(entry.progress), false});
}

void MoveBoard::update(const std::string& id, const std::function<void(Line&)>& change) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(lines_, id, [](const Line& line) { return line.entry.id; });
  if (found != lines_.end()) change(*found);
}

std::vector<MoveBoard::Line> MoveBoard::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

}  // namespace shardplex::operations
