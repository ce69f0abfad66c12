#include "postgres/libpq_failures.hpp"

#include <algorithm>
#include <string_view>

#include "shard_schema/sqlstates.hpp"

namespace shardplex::postgres {
namespace {

constexpr std::size_t parameter_limit = 65'535;  // a 16-bit count in the Bind message

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text ? text : "";
}

Failure refused(std::string sqlstate, std::string message) {
  return {.kind = Failure::Kind::statement,
          .sent = false,
          .sqlstate = std::move(sqlstate),
          .message = std::move(message)};
}

/// PostgreSQL could not make sense of the statement itself, whose text is the router's: what clients write is
/// in its parameters and quoted names. Not so a modifier that a type does not take, a text-search query, or
/// what a trigger runs: all of these are 42601 as well, and the client's or its schema's.
bool is_no_sql(const PGresult* result) {
  return field(result, PG_DIAG_SQLSTATE) == sqlstate_syntax &&
         !field(result, PG_DIAG_STATEMENT_POSITION).empty() &&
         field(result, PG_DIAG_SOURCE_FUNCTION) != "typenameTypeMod";
}

bool holds_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

}  // namespace

Failure lost(std::string message) {
  return {.kind = Failure::Kind::lost, .sent = true, .message = std::move(message)};
}

Failure not_connected(std::string message) {
  return {.kind = Failure::Kind::connect, .sent = false, .message = std::move(message)};
}

Failure statement_failure(const PGresult* result) {
  return {.kind = Failure::Kind::statement,
          .sent = true,
          .sqlstate = std::string(is_no_sql(result) ? sqlstate_no_sql : field(result, PG_DIAG_SQLSTATE)),
          .message = std::string(field(result, PG_DIAG_MESSAGE_PRIMARY)),
          .detail = std::string(field(result, PG_DIAG_MESSAGE_DETAIL)),
          .hint = std::string(field(result, PG_DIAG_MESSAGE_HINT)),
          .in_function = !field(result, PG_DIAG_CONTEXT).empty()};
}

bool ends_connection(const PGresult* result) {
  const std::string_view severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity == "FATAL" || severity == "PANIC";
}

bool is_stale(const PGresult* result) {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  return sqlstate == "26000" ||
         (sqlstate == "0A000" && field(result, PG_DIAG_SOURCE_FUNCTION) == "RevalidateCachedQuery");
}

std::optional<Failure> unsendable(const Statement& statement) {
  if (statement.params.size() > parameter_limit) return refused("54023", "too many parameters");
  const bool nul = holds_nul(statement.sql) || (statement.time_zone && holds_nul(*statement.time_zone)) ||
                   std::ranges::any_of(statement.params, [](const auto& p) { return p && holds_nul(*p); });
  if (nul) return refused("22021", "invalid byte sequence for encoding \"UTF8\": 0x00");
  return std::nullopt;
}

std::optional<Failure> unsendable(const std::vector<Statement>& statements) {
  for (const Statement& statement : statements)
    if (auto failure = unsendable(statement)) return failure;
  return std::nullopt;
}

// libpq writes `connection to server at "…", port … failed: REASON`, and hints on further lines.
std::string reason_of(const PGconn* pg) {
  std::string_view text = PQerrorMessage(pg);
  constexpr std::string_view mark = "failed: ";
  if (auto at = text.find(mark); at != text.npos) text.remove_prefix(at + mark.size());
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace shardplex::postgres
