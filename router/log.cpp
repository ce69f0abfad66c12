#include "router/log.hpp"

#include <unistd.h>

#include <atomic>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace shardplex::router {
namespace {

std::atomic<LogLevel> minimum{LogLevel::info};

constexpr std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

std::string timestamp() {
  using namespace std::chrono;
  const auto now = system_clock::now();
  const std::time_t seconds = system_clock::to_time_t(now);
  const auto ms = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + length, sizeof text - length, ".%03dZ", static_cast<int>(ms));
  return text;
}

boost::json::value to_json_value(const LogValue& value) {
  if (const auto* text = std::get_if<std::string_view>(&value))
    return boost::json::value(boost::json::string_view(text->data(), text->size()));
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return boost::json::value(*integer);
  if (const auto* number = std::get_if<double>(&value)) return boost::json::value(*number);
  return boost::json::value(std::get<bool>(value));
}

}  // namespace

void set_log_level(LogLevel level) {
  minimum = level;
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (level < minimum.load(std::memory_order_relaxed)) return;
  boost::json::object line;
  line["time"] = timestamp();
  line["level"] = level_name(level);
  line["message"] = message;
  for (const auto& [name, value] : fields) line[name] = to_json_value(value);
  auto text = boost::json::serialize(line) + "\n";
  // A log that cannot be written has nowhere to be reported.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

}  // namespace shardplex::router
