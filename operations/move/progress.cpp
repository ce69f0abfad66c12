#include "operations/move/progress.hpp"

#include "operations/process/json_values.hpp"

namespace shardplex::operations {

namespace json = boost::json;

namespace {

/// A member that is missing or of another type leaves the value as it is.
template <class Number, class Value>
void read_number(const json::object& object, std::string_view name, Value& value) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_number()) return;
  json::error_code error;
  const auto number = found->to_number<Number>(error);
  if (!error) value = number;
}

}  // namespace

json::object progress_json(const MoveProgress& progress) {
  return {{"step", to_string(progress.step)},
          {"paused", progress.paused},
          {"trouble", text_or_null(progress.trouble)},
          {"gives_up_in_seconds", or_null(progress.gives_up_in_seconds)},
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
  if (const auto* trouble = object.if_contains("trouble"); trouble != nullptr && trouble->is_string())
    progress.trouble = trouble->get_string();
  read_number<double>(object, "gives_up_in_seconds", progress.gives_up_in_seconds);
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

}  // namespace shardplex::operations
