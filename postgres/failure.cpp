#include "postgres/failure.hpp"

#include <stdexcept>

#include "shard_schema/sqlstates.hpp"

namespace shardplex::postgres {
namespace {

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

/// The server has the request's deadline too, as statement_timeout, and may be the first to notice. "User
/// request" is somebody's pg_cancel_backend().
bool is_timeout(const Failure& failure) {
  return failure.sqlstate == sqlstate_canceled && failure.message.find("user request") == std::string::npos;
}

Error too_late(std::string_view shard, bool unknown_outcome) {
  return {"SHARD504", "The deadline of the request has passed",
          "shard " + std::string(shard) + " did not answer in time" +
              (unknown_outcome ? "; whether the statement took effect is not known" : ""),
          std::nullopt, std::nullopt};
}

/// The server's state is what is wrong, such as a full disk, and not the request: which server it is matters.
bool is_state_of_server(std::string_view sqlstate) {
  return sqlstate.starts_with("53") || sqlstate.starts_with("58");
}

/// A function of the schema shardplex is not there. No statement of a client's names one; but a type can be
/// in the schema, of a role that is called so, and be what another function or an operator is not there for.
bool lacks_function(const Failure& failure) {
  if (failure.sqlstate != sqlstate_no_function) return false;
  const auto schema = failure.message.find("shardplex.");
  if (schema == std::string::npos) return false;
  // The name of the function itself ends where its arguments begin.
  const auto arguments = failure.message.find('(');
  const auto name_end = failure.message.find_first_of("( ", schema);
  return arguments != std::string::npos && name_end == arguments;
}

Error older_schema(std::string_view shard) {
  return {"SHARD503", "A shard is not up to date",
          "The schema shardplex of shard " + std::string(shard) + " was made by an earlier version.",
          "Run 'shardplex cluster init' again; it keeps all there is.", std::nullopt};
}

Error misplaced_row(const Failure& failure) {
  return {"SHARD400", "The row would be stored where it is not looked for",
          failure.message + ". " + failure.detail,
          "Let triggers leave the shard key, the column that makes lists, and shardplex_slot as they are.",
          std::nullopt};
}

/// Of a view, or of a function that all shards answer.
Error row_without_slot(const Failure& failure) {
  return {"SHARD400", "This cannot be read exactly over shards", failure.message,
          "Let it take shardplex_slot from a table of which each of its rows has one: no outer join may "
          "leave it null.",
          std::nullopt};
}

Error tables_changing(const Failure& failure, std::string_view shard) {
  return {"SHARD503", "The tables of a shard are being changed",
          "shard " + std::string(shard) + ": " + failure.message, "Try again shortly.", std::nullopt};
}

Error odd_answer(const Failure& failure, std::string_view shard) {
  return {"SHARD502", "A shard's answer makes no sense",
          "shard " + std::string(shard) + ": " + failure.message,
          "Look whether the server is a PostgreSQL, and the database that of the shard.", std::nullopt};
}

Error no_sql(const Failure& failure, std::string_view shard) {
  return {"XX000", "Internal error of the router", "shard " + std::string(shard) + ": " + failure.message,
          "The router has sent what is no SQL. Please report it with the request.", 500};
}

}  // namespace

Error out_of_memory() {
  return {"SHARD503", "The router is short of memory",
          "The requests under way hold as much as --memory-budget-bytes allows.",
          "Try again after the time in Retry-After, or ask for less.", std::nullopt};
}

void throw_exception_from_error(const Failure& failure, const boost::source_location& where) {
  std::string text = failure.sqlstate.empty() ? failure.message : failure.sqlstate + ": " + failure.message;
  boost::throw_exception(std::runtime_error(text), where);
}

Error to_error(const Failure& failure, std::string_view shard) {
  switch (failure.kind) {
    case Failure::Kind::statement:
      if (says_unavailable(failure.sqlstate)) return shard_unavailable(failure, shard);
      if (is_timeout(failure)) return too_late(shard, false);
      if (failure.sqlstate == sqlstate_odd_answer) return odd_answer(failure, shard);
      if (failure.sqlstate == sqlstate_no_sql) return no_sql(failure, shard);
      if (failure.sqlstate == sqlstate_misplaced) return misplaced_row(failure);
      if (failure.sqlstate == sqlstate_no_slot) return row_without_slot(failure);
      if (lacks_function(failure)) return older_schema(shard);
      if (failure.sqlstate == sqlstate_other_tables) return tables_changing(failure, shard);
      if (is_state_of_server(failure.sqlstate) && failure.detail.empty())
        return {failure.sqlstate, failure.message, "shard " + std::string(shard), unless_empty(failure.hint),
                std::nullopt};
      return {failure.sqlstate, failure.message, unless_empty(failure.detail), unless_empty(failure.hint),
              std::nullopt};
    case Failure::Kind::busy:
      return {"PGRST003", "Timed out acquiring connection from connection pool.",
              "shard " + std::string(shard), std::nullopt, std::nullopt};
    case Failure::Kind::deadline:
      return too_late(shard, failure.sent);
    case Failure::Kind::too_large:
      return {"SHARD400", "The answer is too large", "shard " + std::string(shard) + ": " + failure.message,
              "Ask for fewer rows or columns, or a write for none. The operator sets the limit by "
              "--max-answer-bytes.",
              std::nullopt};
    case Failure::Kind::no_memory:
      return out_of_memory();
    case Failure::Kind::abandoned:
      return {"SHARD499", "The client has gone", std::nullopt, std::nullopt, std::nullopt};
    case Failure::Kind::connect:
    case Failure::Kind::lost:
      break;
  }
  return shard_unavailable(failure, shard);
}

}  // namespace shardplex::postgres
