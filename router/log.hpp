// Structured logs: one JSON object per line on standard error. Never credentials, never parameter values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace shardplex::router {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

using LogValue = std::variant<std::string_view, std::int64_t, double, bool>;
using LogField = std::pair<std::string_view, LogValue>;

/// Lines below `level` are dropped. Call once, before threads start.
void set_log_level(LogLevel level);

/// {"time":"…Z","level":"info","message":"…",fields…}. Any thread; one write per line.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

/// The text with U+FFFD for each byte that is no UTF-8: a log line is JSON, whatever a server or a client
/// said.
std::string valid_utf8(std::string_view text);

inline void log_info(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::info, message, fields);
}
inline void log_warning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::warning, message, fields);
}
inline void log_error(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::error, message, fields);
}

}  // namespace shardplex::router
