#include "router/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstddef>
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

/// The bytes of the UTF-8 sequence that `text` begins with; 0 where it begins with none (RFC 3629, section
/// 4).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < lowest || byte(1) > highest) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  return length;
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
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    const auto valid = valid_utf8(*text);
    return boost::json::value(boost::json::string_view(valid.data(), valid.size()));
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return boost::json::value(*integer);
  if (const auto* number = std::get_if<double>(&value)) return boost::json::value(*number);
  return boost::json::value(std::get<bool>(value));
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto length = sequence_length(text);
    out += length > 0 ? text.substr(0, length) : std::string_view("\xEF\xBF\xBD");
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

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
