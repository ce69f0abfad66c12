// A request's body as it came, and what it is written in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shardplex {

enum class BodyFormat : std::uint8_t {
  json,  ///< application/json
  csv,   ///< text/csv, whose first line names the columns
  form,  ///< application/x-www-form-urlencoded: one row
};

/// Lifetime: refers to the text. Text alone is JSON.
struct BodyText {
  BodyText(std::string_view from, BodyFormat as = BodyFormat::json) : text(from), format(as) {}
  BodyText(const std::string& json) : text(json) {}
  BodyText(const char* json) : text(json) {}
  std::string_view text;
  BodyFormat format = BodyFormat::json;
};

}  // namespace shardplex
