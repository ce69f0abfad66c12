#include "query/error.hpp"

#include <boost/json/serialize.hpp>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "shard_map/utf8.hpp"

namespace shardplex {
namespace {

struct StatusRow {
  std::string_view prefix;
  int status;
};

// The first row whose prefix a code begins with decides: docs/api.md first, then the table of SQLSTATE
// classes in PostgREST's "Errors" reference; exceptions to a class stand before the class.
constexpr StatusRow status_by_prefix[] = {
    {"PGRST003", 504}, {"PGRST00", 503},  {"PGRST101", 405}, {"PGRST103", 416}, {"PGRST105", 405},
    {"PGRST106", 406}, {"PGRST107", 406}, {"PGRST111", 500}, {"PGRST112", 500}, {"PGRST116", 406},
    {"PGRST117", 405}, {"PGRST121", 500}, {"PGRST125", 404}, {"PGRST126", 404}, {"PGRST201", 300},
    {"PGRST202", 404}, {"PGRST203", 300}, {"PGRST205", 404}, {"PGRST300", 500}, {"PGRST3", 401},
    {"PGRSTX", 500},   {"PGRST", 400},    {"08", 503},       {"09", 500},       {"21", 500},
    {"0L", 403},       {"0P", 403},       {"23503", 409},    {"23505", 409},    {"25006", 405},
    {"25", 500},       {"28", 403},       {"2D", 500},       {"38", 500},       {"39", 500},
    {"3B", 500},       {"40", 500},       {"42883", 404},    {"42P01", 404},    {"42P17", 500},
    {"53", 503},       {"54", 500},       {"55", 500},       {"57P01", 503},    {"57", 500},
    {"58", 500},       {"F0", 500},       {"HV", 500},       {"P0001", 400},    {"P0", 500},
    {"XX", 500},
};

// SHARD503 and RAISE … SQLSTATE 'PT402' carry their status in the code.
std::optional<int> status_in_code(std::string_view code, std::string_view prefix) {
  if (!code.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = code.substr(prefix.size());
  int status = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size() && digits.size() == 3;
  if (!whole || status < 200 || status > 599) return std::nullopt;
  return status;
}

/// An error quotes fields of a request, which may have any bytes.
std::string json_or_null(const std::optional<std::string>& text) {
  return text ? boost::json::serialize(boost::json::string_view(as_utf8(*text))) : "null";
}

}  // namespace

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(error.code + ": " + error.message);
}

int http_status(std::string_view code, bool authenticated) {
  if (code == "42501") return authenticated ? 403 : 401;
  if (const auto status = status_in_code(code, "SHARD")) return *status;
  if (code.starts_with("PT")) return status_in_code(code, "PT").value_or(500);
  for (const StatusRow& row : status_by_prefix)
    if (code.starts_with(row.prefix)) return row.status;
  return 400;
}

std::string to_json(const Error& error) {
  const bool as_it_is = error.details && error.details_are_json;
  return R"({"code":)" + json_or_null(error.code) + R"(,"details":)" +
         (as_it_is ? *error.details : json_or_null(error.details)) + R"(,"hint":)" +
         json_or_null(error.hint) + R"(,"message":)" + json_or_null(error.message) + "}";
}

Error cannot_merge(std::string why, std::string works) {
  return {.code = "SHARD400",
          .message = "This request cannot be answered exactly over shards",
          .details = std::move(why),
          .hint = std::move(works),
          .status = std::nullopt};
}

}  // namespace shardplex
