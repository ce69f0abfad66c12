// One shard's transaction of a load or of a copy. libpq and not libpqxx: a refused row is found by the
// error's context, the transaction ends in PREPARE TRANSACTION, and binary COPY flows in and out at once,
// none of which libpqxx 6 lets through.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace shardplex::operations {

/// PostgreSQL refused a statement, or the connection was lost (then sqlstate is empty).
struct SqlFailure : std::runtime_error {
  SqlFailure(std::string state, std::string message, std::string detail_text, std::string context_text)
      : std::runtime_error(std::move(message)),
        sqlstate(std::move(state)),
        detail(std::move(detail_text)),
        context(std::move(context_text)) {}
  std::string sqlstate, detail, context;
};

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgConnection = std::unique_ptr<PGconn, CloseConnection>;
using PgResult = std::unique_ptr<PGresult, ClearResult>;

/// What the result says went wrong, or the connection where there is no result.
SqlFailure failure_of(const PGconn* connection, const PgResult& result);

class CopySession {
 public:
  /// Connects; throws SqlFailure.
  explicit CopySession(const std::string& conninfo);

  /// Runs one statement; the first column of its first row, where there is one. Throws SqlFailure.
  std::optional<std::string> execute(const std::string& sql, const std::vector<std::string>& params = {});

  /// Runs COPY … FROM STDIN with `text` as its data. Throws SqlFailure.
  void copy(const std::string& statement, std::string_view text);

  /// For a COPY whose data does not wait in memory (slot_copy.cpp). No statement is under way.
  PGconn* connection() { return connection_.get(); }

 private:
  PgConnection connection_;
};

/// Settings under which two servers write values alike.
inline constexpr const char* alike_session_settings =
    "SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3; SET "
    "bytea_output = 'hex'; "
    "SET TimeZone = 'UTC'; SET xmloption = 'content'; SET lc_monetary = 'C'; SET statement_timeout = 0; "
    "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning";

}  // namespace shardplex::operations
