#include "postgres/failure.hpp"

#include <stdexcept>

#include "shard_schema/sqlstates.hpp"

namespace shardplex::postgres {
namespace {

// The server is going away, is not up yet, or the connection is not one: its SQLSTATE is not about the
// request.
bool is_unavailable(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P03";
}

std::optional<std::string> unless_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

// Names the shard, not its servers: hosts and ports are for the log.
Error shard_unavailable(const Failure& failure, std::string_view shard) {
  std::string details = "shard " + std::string(shard);
  details += failure.sent ? ": the connection was lost; whether the statement took effect is not known"
                          : " cannot be reached";
  return {"SHARD503", "A shard is unavailable", std::move(details), "Try again shortly.", std::nullopt};
}

Error misplaced_row(const Failure& failure) {
  return {"SHARD400", "The row would be stored where it is not looked for",
          failure.message + ". " + failure.detail,
          "Let triggers leave the shard key, the column that makes lists, and shardplex_slot as they are.",
          std::nullopt};
}

Error tables_changing(const Failure& failure, std::string_view shard) {
  return {"SHARD503", "The tables of a shard are being changed",
          "shard " + std::string(shard) + ": " + failure.message, "Try again shortly.", std::nullopt};
}

}  // namespace

void throw_exception_from_error(const Failure& failure, const boost::source_location& where) {
  std::string text = failure.sqlstate.empty() ? failure.message : failure.sqlstate + ": " + failure.message;
  boost::throw_exception(std::runtime_error(text), where);
}

Error to_error(const Failure& failure, std::string_view shard) {
  switch (failure.kind) {
    case Failure::Kind::statement:
      if (is_unavailable(failure.sqlstate)) return shard_unavailable(failure, shard);
      if (failure.sqlstate == sqlstate_misplaced) return misplaced_row(failure);
      if (failure.sqlstate == sqlstate_other_tables) return tables_changing(failure, shard);
      return {failure.sqlstate, failure.message, unless_empty(failure.detail), unless_empty(failure.hint),
              std::nullopt};
    case Failure::Kind::busy:
      return {"PGRST003", "Timed out acquiring connection from connection pool.",
              "shard " + std::string(shard), std::nullopt, std::nullopt};
    case Failure::Kind::deadline:
      return {"SHARD504", "The deadline of the request has passed",
              "shard " + std::string(shard) + " did not answer in time" +
                  (failure.sent ? "; whether the statement took effect is not known" : ""),
              std::nullopt, std::nullopt};
    case Failure::Kind::connect:
    case Failure::Kind::lost:
      break;
  }
  return shard_unavailable(failure, shard);
}

}  // namespace shardplex::postgres
